"""Recorded answers, cut and packed in every way and damaged in many: the same digest, or an answer that is none."""

import gzip
import sys
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.recorder.leg import receive
from proxy.wire.body import Reply
from proxy.wire.dialect import Answer
from proxy.wire.dialects.table import DIALECTS, dialect_of
from tests.proxy.recorder.stage import chunk, leg_end
from tests.proxy.wire.recordings import Recording, needs_recordings, spoken_recordings
from tests.proxy.wire.samples import JSON, SSE, STREAMS, WHOLE

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKED: dict[str, tuple[bytes, Callable[[bytes], bytes]]] = {
    "gzip": (b"gzip", lambda data: gzip.compress(data, mtime=0)),
    "zlib": (b"deflate", zlib.compress),
    "raw deflate": (b"deflate", _raw_deflate),
    "brotli": (b"br", lambda data: brotli.compress(data, quality=4)),
    "zstd": (b"zstd", zstd.compress),
}
RECORDED = spoken_recordings()
GENERATED = [
    (s.endpoint, Recording(s.name, "", s.body, b"", 200, s.headers, {})) for s in (*STREAMS, *WHOLE)
]  # fmt: skip
ALL = [*RECORDED, *GENERATED]
each = pytest.mark.parametrize(("endpoint", "recording"), ALL, ids=[f"{r.name}-{k}" for k, (_, r) in enumerate(ALL)])


def read(endpoint: str, recording: Recording, body: bytes, *, encoding: bytes = b"", ends: Any = ()) -> Answer:
    headers = [*recording.headers, *([(b"content-encoding", encoding)] if encoding else [])]
    return dialect_of(endpoint).read_answer(Reply(recording.status, headers, body, ends=ends))


def digest(answer: Answer) -> dict[str, Any]:
    """All but the marks, which in packed bytes are ends of reads."""
    return {name: getattr(answer, name) for name in Answer.__slots__ if name != "marks"}


@each
def test_spilled_to_the_log_byte_by_byte_or_in_pieces_it_reads_the_same(endpoint: str, recording: Recording) -> None:
    """What the recorder puts together of the frames: in pieces of odd sizes and, where short, in single bytes."""
    body = recording.body
    whole = read(endpoint, recording, body, ends=[len(body)])
    for step in (7, 1009) if len(body) > 3000 else (1, 7, 1009):
        pieces = [body[at : at + step] for at in range(0, len(body), step)]
        chunks = [chunk(1, 0, piece, start=0, at_ms=[], ends=[]) for piece in pieces[:-1]]
        last = pieces[-1] if pieces else b""
        end = leg_end(1, 0, last, body_bytes=len(body), headers=recording.headers, ends=[], times_ns=[])
        reply = receive(chunks, end).reply
        answer = dialect_of(endpoint).read_answer(Reply(recording.status, reply.headers, reply.head))
        assert answer == whole


@pytest.mark.parametrize("how", PACKED)
@each
def test_packed_in_any_way_and_cut_anywhere_it_reads_the_same(endpoint: str, recording: Recording, how: str) -> None:
    encoding, pack = PACKED[how]
    packed = pack(recording.body)
    whole = digest(read(endpoint, recording, recording.body))
    for step in (1, 13, len(packed)) if len(packed) < 1500 else (13, 4096, len(packed)):
        ends = [*range(step, len(packed), step), len(packed)]
        assert digest(read(endpoint, recording, packed, encoding=encoding, ends=ends)) == whole


@settings(max_examples=30)
@given(
    drawn=st.lists(st.integers(0, 10**6), max_size=8), which=st.integers(0, 10**6), how=st.sampled_from(sorted(PACKED))
)
def test_random_cuts_of_packed_answers_mean_nothing(drawn: list[int], which: int, how: str) -> None:
    endpoint, recording = ALL[which % len(ALL)]
    encoding, pack = PACKED[how]
    packed = pack(recording.body)
    ends = sorted({1 + place % len(packed) for place in drawn} | {len(packed)})
    assert digest(read(endpoint, recording, packed, encoding=encoding, ends=ends)) == digest(
        read(endpoint, recording, recording.body)
    )


@pytest.mark.parametrize("how", PACKED)
def test_a_packed_stream_that_broke_off_at_any_byte_says_what_came(how: str) -> None:
    """Never an exception, and no text that was not sent."""
    encoding, pack = PACKED[how]
    for sample in STREAMS:
        packed = pack(sample.body)
        headers = [*sample.headers, (b"content-encoding", encoding)]
        for cut in range(0, len(packed), max(1, len(packed) // 40)):
            answer = dialect_of(sample.endpoint).read_answer(Reply(200, headers, packed[:cut]))
            assert (sample.text or "").startswith(answer.text or answer.partial_text or "")


@needs_recordings
@settings(max_examples=300)
@given(which=st.integers(0, 10**6), data=st.data())
def test_damaged_recordings_give_an_answer_that_can_be_stored(which: int, data: Any) -> None:
    """Bytes changed, left out, doubled, or put in: NUL, invalid UTF-8, a mark of byte order, halves of surrogates."""
    endpoint, recording = RECORDED[which % len(RECORDED)]
    body = bytearray(recording.body[:20_000])
    wounds = st.sampled_from(
        [b"", b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b'"', b"{", b"\n\n", b"\\ud83d", b"1e400"]
    )
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(body) - 1)))
        body[at : at + data.draw(st.integers(0, 40))] = data.draw(wounds)
    answer = read(endpoint, recording, bytes(body))
    texts = [answer.text, answer.partial_text, answer.reasoning, answer.refusal, answer.model, answer.finish_reason]
    for text in texts:
        assert text is None or text.encode() is not None
    for count in (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.cached_tokens):
        assert count is None or 0 <= count <= 4 * 10**9


COUNTS = [
    "cache_read_input_tokens", "cached_tokens", "candidatesTokenCount", "completion_tokens", "eval_count",
    "input_tokens", "output_tokens", "promptTokenCount", "prompt_eval_count", "prompt_tokens",
]  # fmt: skip


@pytest.mark.parametrize("endpoint", sorted(DIALECTS))
@given(
    value=st.sampled_from(["1e400", "-1e400", "NaN", "Infinity", "-0", "1" * 4000, '"5"', "true", "[]", "-7", "0.5"])
)
def test_numbers_that_are_none_are_unknown_counts(endpoint: str, value: str) -> None:
    """In all the places where a dialect looks for a count."""
    counts = ",".join(f'"{name}":{value}' for name in COUNTS)
    whole = f'{{"usage":{{{counts}}},"usageMetadata":{{{counts}}},{counts},"model":"m","done":true}}'.encode()
    for body, headers in ((whole, JSON), (b"data: " + whole + b"\n\n", SSE)):
        usage = dialect_of(endpoint).read_answer(Reply(200, headers, body)).usage
        for count in (usage.input_tokens, usage.output_tokens, usage.cached_tokens):
            assert count is None or 0 <= count <= 3 * 10**9


def _calls(action: Callable[[], Any]) -> int:
    """Calls of functions, Python's and C's, that an action makes: a measure of work that no clock disturbs."""
    made = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal made
        made += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(None)
    return made


@pytest.mark.parametrize("sample", STREAMS, ids=lambda s: s.name)
def test_twice_the_events_are_twice_the_work(sample: Any) -> None:
    """Repeated whole: not every API would send that, but a reader that looks back at what it has read shows here."""
    array = sample.body.startswith(b"[")
    inner = sample.body.strip()[1:-1] if array else sample.body

    def work(times: int) -> int:
        body = b"[" + b",".join([inner] * times) + b"]" if array else inner * times
        reply = Reply(200, sample.headers, body)
        return _calls(lambda: dialect_of(sample.endpoint).read_answer(reply))

    once, twice = work(50), work(100)
    assert once > 1000
    assert twice <= 2.2 * once
