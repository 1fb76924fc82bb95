"""Events that are told by their bytes say what they say when each is read by itself."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.wire.body import Reply
from proxy.wire.dialect import Answer, Marks
from proxy.wire.dialects.openai_chat import ChatReader
from proxy.wire.dialects.table import DIALECTS
from proxy.wire.repeats import Repeats

_CHAT = DIALECTS["chat/completions"]
_UNUSUAL = b"retry: 1\n\n"
_NEWLINES = st.sampled_from(["\n\n", "\r\n\r\n"])
_HEADS = st.sampled_from(["", ": keep-alive\n\n", "event: message\n", "id: 7\n", ":\n", "\n"])
_PIECES = st.one_of(
    st.text(max_size=6),
    st.sampled_from(["word", " a", "ä", "😀", '"', "\\", "\n", "content", "stop", "\x00", "", "x" * 5000, "\u2028"]),
)


def delta(kind: str, piece: str) -> dict[str, Any]:
    deltas: dict[str, dict[str, Any]] = {
        "content": {"content": piece},
        "reasoning": {"reasoning_content": piece},
        "with role": {"role": "assistant", "content": piece, "reasoning": None},
        "both": {"content": piece, "reasoning": piece},
        "nothing": {},
    }
    return deltas[kind]


def chunk(kind: str, piece: str, more: str, ascii_only: bool) -> bytes:
    """As servers write it: some escape what is not ASCII, some number their chunks, some report as they go."""
    choice: dict[str, Any] = {"index": 0, "delta": delta(kind, piece), "finish_reason": None}
    value: dict[str, Any] = {"id": "c-1", "model": "m", "choices": [choice]}
    if more == "usage":
        value["usage"] = {"prompt_tokens": 3, "completion_tokens": len(piece)}
    elif more == "padding":
        value["obfuscation"] = piece
    elif more == "second choice":
        value["choices"] = [choice, {**choice, "index": 1}]
    elif more == "end":
        choice["finish_reason"] = "stop"
    return json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


_EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["content"] * 6 + ["reasoning", "with role", "both", "nothing"]),
        st.lists(_PIECES, min_size=1, max_size=8),
        st.sampled_from([""] * 6 + ["usage", "padding", "second choice", "end"]),
        st.booleans(),
        _HEADS,
        _NEWLINES,
    ),
    max_size=8,
)


@st.composite
def streams(draw: Callable[..., Any]) -> bytes:
    """Runs of like events, with everything between them that real streams have; sometimes cut, sometimes damaged."""
    stream = b""
    for kind, pieces, more, ascii_only, head, end in draw(_EVENTS):
        for piece in pieces:
            stream += head.encode() + b"data: " + chunk(kind, piece, more, ascii_only) + end.encode()
    if draw(st.booleans()):
        stream += b"data: [DONE]\n\n"
    if stream and draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(stream) - 1))
        stream = stream[:at] + draw(st.sampled_from([b"\xff", b"\x00", b'"', b"\\", b"\r", b""])) + stream[at + 1 :]
    return stream


def read(stream: bytes, **more: Any) -> Answer:
    return _CHAT.read_answer(Reply(200, [(b"content-type", b"text/event-stream")], stream, **more))


def read_one_by_one(stream: bytes, **more: Any) -> Answer:
    """The same, with every event cut out and taken by itself: a line that is not usual leaves all to the parser."""
    answer = read(_UNUSUAL + stream, **more)
    marks = answer.marks
    return replace(
        answer,
        marks=Marks(
            _moved(marks.first_event),
            _moved(marks.first_reasoning),
            _moved(marks.first_content),
            _moved(marks.last_content),
            marks.content_chunks,
        ),
    )


def _moved(offset: int | None) -> int | None:
    return None if offset is None else offset - len(_UNUSUAL)


@given(streams())
@settings(max_examples=400, deadline=None)
def test_runs_of_like_events_change_nothing(stream: bytes) -> None:
    fast, slow = read(stream), read_one_by_one(stream)
    if fast.fault is not None:
        # Comments behind the place where reading ended are not looked for.
        assert fast.comments <= slow.comments
        fast, slow = replace(fast, comments=0), replace(slow, comments=0)
    assert fast == slow


def test_a_usual_stream_is_told_by_its_bytes() -> None:
    """Else the property above would hold for nothing: one event is learned, and a thousand are known."""
    words = [f"wörd {n} " for n in range(1001)]
    events = [b"data: " + chunk("content", word, "", False) + b"\n\n" for word in words]
    stream, first = b"".join(events), len(events[0])
    repeats = Repeats()
    assert repeats.learn(stream, (0, first), (6, first - 2), words[0], ChatReader().piece_of)
    assert repeats.run(stream, first) == (words[1:], len(stream))


def test_the_last_mark_is_the_last_event_of_a_run() -> None:
    event = b"data: " + chunk("content", "w", "", True) + b"\n\n"
    answer = read(event * 10 + b"data: [DONE]\n\n")
    assert (answer.marks.first_content, answer.marks.last_content) == (len(event), 10 * len(event))


def test_a_stream_that_repeats_nothing_is_not_learned_for_ever() -> None:
    """Every event has a number of its own: after some vain attempts each costs what it did."""
    repeats = Repeats()
    tried = 0
    for n in range(50):
        data = b'{"n":%d,"t":"w%d"}' % (n, n)
        tried += repeats.learn(data, (0, len(data)), (0, len(data)), f"w{n}", lambda value: str(value["t"]))
        assert repeats.run(b"", 0).pieces == []
    assert tried == 4
