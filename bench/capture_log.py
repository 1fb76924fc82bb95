"""A capture log as a worker leaves it behind: segments and board, of exchanges that are known to the last byte."""

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from proxy.shadow.capture.board import ADMITTED, ENDED, RECEIVED, Board
from proxy.shadow.capture.frames import Admitted, Chunk, Frame, LegEnd, LegPlan, encode
from proxy.shadow.capture.segment import SegmentHeader, SegmentName, Setup, pack_frame
from proxy.upstream.tape import SPILL_BYTES
from record.ids import as_uuid, uuid7_bytes

CANDIDATE = "candidate"
MODELS = ("gpt-4o-mini", "another-model")
EVENTS = 50
_EVENT_GAP_NS = 5_000_000
_SEGMENT_BYTES = 64 * 2**20
_TEXTS = 64
_PROSE = """\
the of and to in is you that it he was for on are as with his they at be this have from or one had by word but not what
all were we when your can said there use an each which she do how their if will up other about out many then them these
so some her would make like him into time has look two more write go see number no way could people my than first water
been call who oil its now find long down day did get come made may part I'm over new sound take only little work know
place year live me back give most very after thing our just name good sentence man think model answer question because,
however. therefore, example: 42 2024-05-17 3.14 (see) well-known self_check"""
_WORDS = _PROSE.split()


@dataclass(frozen=True, slots=True)
class Mix:
    """One kind of exchange."""

    key: str
    title: str
    request_bytes: int
    is_stream: bool = False


MIXES = (
    Mix("json", "1.2 kB JSON requests and answers", 1200),
    Mix("streams", f"1.2 kB requests, streams of {EVENTS} events", 1200, is_stream=True),
    Mix("50_kib", "50 KiB requests, 1.2 kB JSON answers", 50 * 1024),
)


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come of one exchange."""

    request_id: UUID
    request: str
    responses: tuple[str, str]
    """Visible text of primary and candidate."""
    total_ms: tuple[float, float]
    tokens: tuple[int, int]
    """Output tokens."""


@dataclass(frozen=True, slots=True)
class Written:
    """A log."""

    exchanges: int
    size_bytes: int
    samples: list[Expected]


class _Maker:
    """Exchanges of one mix; a text is drawn from few, an exchange puts its own number into it."""

    def __init__(self, mix: Mix, seed: int) -> None:
        self._mix = mix
        self._random = random.Random(seed)
        self._prompts = [self._text(mix.request_bytes) for _ in range(_TEXTS)]
        self._answers = [self._text(900) for _ in range(_TEXTS)]

    def _text(self, size: int) -> str:
        words: list[str] = []
        length = 0
        while length < size:
            words.append(self._random.choice(_WORDS))
            length += len(words[-1]) + 1
        return " ".join(words)[:size]

    def exchange(self, number: int, start_unix_us: int) -> tuple[list[Frame], Expected]:
        """All frames of one, and what must come of it."""
        identifier = uuid7_bytes(start_unix_us // 1000, self._random.getrandbits(62))
        start_ns = start_unix_us * 1000
        body = self._request(number)
        admitted = Admitted(
            identifier, start_unix_us, start_ns, "chat/completions", "/v1/chat/completions",
            [(b"content-type", b"application/json")], {}, self._random.getrandbits(63), self._mix.is_stream, 1,
            [LegPlan(CANDIDATE, "open", 1.0, ["model"])], body,
        )  # fmt: skip
        frames: list[Frame] = [admitted]
        texts, totals, tokens = [], [], []
        for arm in range(2):
            parts, text, count = self._answer(number, arm)
            t0_ns = start_ns + self._random.randrange(100_000, 1_000_000)
            times = [t0_ns + _EVENT_GAP_NS * (n + 1) + self._random.randrange(10**6) for n in range(len(parts))]
            frames += _leg(identifier, arm, t0_ns, times, parts, is_stream=self._mix.is_stream)
            texts.append(text)
            totals.append((times[-1] - t0_ns) / 1e6)
            tokens.append(count)
        expected = Expected(
            as_uuid(identifier), body.decode(), (texts[0], texts[1]), (totals[0], totals[1]), (tokens[0], tokens[1])
        )
        return frames, expected

    def _request(self, number: int) -> bytes:
        values = {
            "model": "client-model",
            "messages": [
                {"role": "system", "content": f"You are assistant {number}."},
                {"role": "user", "content": ""},
            ],
            "temperature": 0.7,
            "stream": self._mix.is_stream,
        }
        prompt = self._prompts[number % _TEXTS]
        values["messages"][1]["content"] = prompt[: self._mix.request_bytes - len(json.dumps(values))]  # type: ignore[index]
        return json.dumps(values).encode()

    def _answer(self, number: int, arm: int) -> tuple[list[bytes], str, int]:
        """Its parts as they arrive, its visible text, its output tokens."""
        text = f"{number} {self._answers[(number + arm * 7) % _TEXTS]}"
        frame = {"id": f"chatcmpl-{number}-{arm}", "created": 1_790_000_000 + number, "model": MODELS[arm]}
        if not self._mix.is_stream:
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            usage = {"prompt_tokens": 230, "completion_tokens": 180 + arm, "total_tokens": 410 + arm}
            value = {**frame, "object": "chat.completion", "choices": [choice], "usage": usage}
            return [json.dumps(value).encode()], text, 180 + arm
        words = [f"{word} " for word in text.split()][: EVENTS - 3]
        parts = [_event(frame, {"role": "assistant", "content": ""})]
        parts += [_event(frame, {"content": word}) for word in words]
        parts.append(_event(frame, {}, "stop"))
        usage = {"prompt_tokens": 230, "completion_tokens": len(words), "total_tokens": 230 + len(words)}
        last = {**frame, "object": "chat.completion.chunk", "choices": [], "usage": usage}
        parts.append(b"data: " + json.dumps(last).encode() + b"\n\ndata: [DONE]\n\n")
        return parts, "".join(words), len(words)


def _event(frame: dict[str, object], delta: dict[str, str], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return b"data: " + json.dumps({**frame, "object": "chat.completion.chunk", "choices": [choice]}).encode() + b"\n\n"


def _leg(
    identifier: bytes, arm: int, t0_ns: int, times: list[int], parts: list[bytes], *, is_stream: bool
) -> Iterator[Frame]:
    """Spilled as a worker's tape does: whenever some kilobytes have come together."""
    kind = b"text/event-stream" if is_stream else b"application/json"
    ends: list[int] = []
    held: list[bytes] = []
    begin = offset = 0
    for part in parts:
        offset += len(part)
        ends.append(offset)
        held.append(part)
        if is_stream and offset - (ends[begin - 1] if begin else 0) >= SPILL_BYTES:
            yield Chunk(identifier, arm, times[begin : len(ends)], ends[begin:], b"".join(held))
            begin, held = len(ends), []
    yield LegEnd(
        identifier, arm, "ok", 200, [(b"content-type", kind)], t0_ns, None, True, times[-1], offset, 0, 0,
        60_000 if arm == 0 else None, 300_000, times[begin:], ends[begin:], b"".join(held),
    )  # fmt: skip


def write_log(directory: Path, mix: Mix, exchanges: int, *, seed: int = 7, samples: int = 200) -> Written:
    """Writes the log of a worker that has ended.

    Args:
        directory: empty, or not there yet; a second one for the board's living side is made beside it.
        mix: kind of the exchanges.
        exchanges: how many, over the last seconds before now.
        seed: of texts and times.
        samples: so many exchanges, evenly spread, are remembered.
    """
    directory.mkdir(parents=True, exist_ok=True)
    live = directory.with_name(f"{directory.name}-live")
    live.mkdir(exist_ok=True)
    stream = uuid4()
    board = Board(stream, "proxy-0", [CANDIDATE], ["figure"], live)
    board.copy(directory)
    maker = _Maker(mix, seed)
    begin_us = time.time_ns() // 1000 - exchanges * 500
    expected: list[Expected] = []
    pieces: list[bytes] = []
    size = total = sequence = 0
    for number in range(exchanges):
        start_us = begin_us + number * 500
        frames, one = maker.exchange(number, start_us)
        if number % max(1, exchanges // samples) == 0:
            expected.append(one)
        for frame in frames:
            pieces += pack_frame(encode(frame))
            size += len(pieces[-1]) + len(pieces[-2])
        for state in (RECEIVED, ADMITTED, ENDED):
            board.add(start_us // 3_600_000_000, board.cell(0, state))
        if size >= _SEGMENT_BYTES or number == exchanges - 1:
            _write_segment(directory, stream, sequence, pieces)
            total += size
            pieces, size, sequence = [], 0, sequence + 1
    board.copy(directory)
    board.close()
    return Written(exchanges, total, expected)


def _write_segment(directory: Path, stream: UUID, sequence: int, pieces: list[bytes]) -> None:
    setup = Setup(config_version=1, block_s=60.0, experiments={CANDIDATE: ("e-benchmark", "{}")})
    header = SegmentHeader(uuid4(), stream, sequence, "proxy-0", time.time_ns() // 1000, setup)
    path = directory / SegmentName(stream, sequence).file_name()
    path.write_bytes(b"".join([header.pack(), *pieces]))
