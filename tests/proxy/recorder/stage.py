"""What recorder tests stand on: a worker that writes a capture log, and a store that remembers tokens."""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec

from config.model import Config
from proxy.recorder.recorder import Recorder
from proxy.recorder.rows import Row
from proxy.shadow.capture.board import ADMITTED, ENDED, RECEIVED
from proxy.shadow.capture.frames import Admitted, Chunk, Frame, LegEnd, LegPlan, encode
from proxy.shadow.capture.segment import SegmentHeader, SegmentName, Setup, pack_frame
from record.ids import uuid7_bytes
from record.states import SKIPS
from store.tables import TABLES
from tests.fakes.boards import kept_board

SETUP = Setup(config_version=7, block_s=60.0, experiments={"llama": ("e-llama", "{}"), "qwen": ("e-qwen", "{}")})
START_UNIX_US = 1_790_000_000_000_000
START_NS = 5_000_000_000_000
HOUR = START_UNIX_US // 3_600_000_000


def config(directory: Path, **privacy: Any) -> Config:
    """Two candidates with own prices, no store needed."""
    return Config.model_validate(
        {
            "primary": {"url": "http://primary:1", "price": {"input_per_mtok": "2.5", "output_per_mtok": "10"}},
            "candidates": [
                {"name": "llama", "url": "http://llama:1", "price": {"input_per_mtok": "1", "output_per_mtok": "2"}},
                {"name": "qwen", "url": "http://qwen:1", "price": {"input_per_mtok": "1", "output_per_mtok": "2"}},
            ],
            "capture": {"dir": str(directory)},
            "store": {"dir": str(directory / "store")},
            "privacy": privacy,
        }
    )


def json_answer(text: str, *, inputs: int = 10, outputs: int = 5) -> bytes:
    """A chat completion that is not streamed."""
    return msgspec.json.encode(
        {
            "model": "m-1",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": inputs, "completion_tokens": outputs},
        }
    )


def request_id(number: int) -> bytes:
    return uuid7_bytes(START_UNIX_US // 1000, number)


def admitted(number: int, legs: Sequence[LegPlan], body: bytes = b'{"model":"m-1"}', **fields: Any) -> Admitted:
    values: dict[str, Any] = {
        "id": request_id(number),
        "start_unix_us": START_UNIX_US + number,
        "start_ns": START_NS,
        "endpoint": "chat/completions",
        "path": "/v1/chat/completions",
        "headers": [(b"content-type", b"application/json")],
        "labels": {"tenant": "acme"},
        "conversation": number,
        "stream": False,
        "config_version": 7,
        "legs": list(legs),
        "body": body,
    }
    return Admitted(**{**values, **fields})


def leg_end(number: int, arm: int, data: bytes, **fields: Any) -> LegEnd:
    values: dict[str, Any] = {
        "id": request_id(number),
        "arm": arm,
        "outcome": "ok",
        "status": 200,
        "headers": [(b"content-type", b"application/json")],
        "t0_ns": START_NS + 1_000_000,
        "connect_ns": None,
        "reused": True,
        "end_ns": START_NS + 101_000_000,
        "body_bytes": len(data),
        "gap_bytes": 0,
        "held_ns": 0,
        "overhead_ns": 50_000,
        "loop_lag_ns": 200_000,
        "times_ns": [START_NS + 101_000_000] if data else [],
        "ends": [len(data)] if data else [],
        "data": data,
    }
    return LegEnd(**{**values, **fields})


def open_leg(candidate: str = "llama", changed: Sequence[str] = ()) -> LegPlan:
    return LegPlan(candidate, "open", 0.5, list(changed))


def whole_exchange(number: int, candidates: Sequence[str] = ("llama",)) -> list[Frame]:
    """Everything that one request leaves in the log."""
    frames: list[Frame] = [admitted(number, [open_leg(c) for c in candidates])]
    frames.append(leg_end(number, 0, json_answer(f"primary {number}")))
    frames += [leg_end(number, arm, json_answer(f"{c} {number}")) for arm, c in enumerate(candidates, 1)]
    return frames


class LogWriter:
    """A worker as far as the recorder can see it: segments, and a locked board."""

    def __init__(self, directory: Path, candidates: Sequence[str] = ("llama", "qwen"), *, setup: Setup = SETUP) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.stream: UUID = uuid4()
        self.candidates = tuple(candidates)
        self.board = kept_board(directory, self.stream, "proxy-0", candidates, ["figure"])
        self.setup = setup
        self.sequence = -1
        self.segments: list[SegmentHeader] = []

    def new_segment(self) -> Path:
        self.sequence += 1
        header = SegmentHeader(uuid4(), self.stream, self.sequence, "proxy-0", START_UNIX_US, self.setup)
        self.segments.append(header)
        self.path.write_bytes(header.pack())
        return self.path

    @property
    def path(self) -> Path:
        return self.directory / SegmentName(self.stream, self.sequence).file_name()

    def write(self, *frames: Frame) -> None:
        if self.sequence < 0:
            self.new_segment()
        with self.path.open("ab") as file:
            for frame in frames:
                file.write(b"".join(pack_frame(encode(frame))))

    def write_raw(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)

    def count(self, frames: Sequence[Frame], *, ended: bool = True, hour: int = HOUR) -> None:
        """What a worker counts for the exchanges that begin in `frames`."""
        for frame in frames:
            for plan in frame.legs if isinstance(frame, Admitted) else ():
                place = self.candidates.index(plan.candidate)
                self.add(plan.candidate, RECEIVED, hour=hour)
                if plan.state in {s.value for s in SKIPS}:
                    self.add(plan.candidate, plan.state, hour=hour)
                    continue
                self.board.add(hour, self.board.cell(place, ADMITTED))
                if ended:
                    self.board.add(hour, self.board.cell(place, ENDED))

    def add(self, candidate: str, state: str, *, hour: int = HOUR) -> None:
        self.board.add(hour, self.board.cell(self.candidates.index(candidate), state))

    def die(self) -> None:
        self.board.close()


class Crash(BaseException):
    """The process ends here."""


@dataclass
class Shelf:
    """A store in memory: a token that it knows adds nothing. Fails when told to."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    tokens: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)
    """Tables of inserts whose token was known."""
    has_ended: bool = False
    mended: int = 0
    busy: threading.Lock = field(default_factory=threading.Lock)
    """The call of a recorder that has ended may still be under way beside the next one's."""
    fail: Callable[[str, str], None] = lambda table, token: None
    fail_after: Callable[[str, str], None] = lambda table, token: None
    columns: dict[str, tuple[str, ...]] = field(default_factory=lambda: {t.name: t.names() for t in TABLES})

    def prepare(self) -> None:
        self.fail("", "prepare")

    def insert(self, table: str, rows: Sequence[Row], token: str) -> None:
        with self.busy:
            self._insert(table, rows, token)

    def _insert(self, table: str, rows: Sequence[Row], token: str) -> None:
        self.fail(table, token)
        named = [dict(zip(self.columns[table], row, strict=True)) for row in rows]
        if (table, token) in self.tokens:
            # A token stands for the same rows, or what it hides is lost.
            assert named == self.tokens[table, token]
            self.repeated.append(table)
        else:
            self.tokens[table, token] = named
            self.rows[table] += named
        self.fail_after(table, token)

    @property
    def repeats(self) -> int:
        return len(self.repeated)

    def doubt(self, table: str, token: str) -> None:
        pass

    def is_gone(self) -> bool:
        return self.has_ended

    def close(self) -> None:
        pass

    def keys(self, table: str) -> list[tuple[int, str]]:
        """(number of the request, candidate or side), sorted."""
        who = "side" if table == "payloads" else "candidate"
        return sorted((number_of(row["request_id"]), row[who]) for row in self.rows[table])

    def states(self) -> dict[tuple[str, str], int]:
        """(candidate, state) -> count."""
        sums: dict[tuple[str, str], int] = defaultdict(int)
        for row in self.rows["counters"]:
            sums[row["candidate"], row["state"]] += row["count"]
        return dict(sums)


def number_of(identifier: UUID) -> int:
    return int.from_bytes(identifier.bytes, "big") & ((1 << 62) - 1)


class Lines:
    """Log lines, kept."""

    def __init__(self) -> None:
        self.infos: list[str] = []
        self.warnings: list[str] = []

    def info(self, event: str, **fields: object) -> None:
        self.infos.append(f"{event} {fields}")

    def warning(self, event: str, **fields: object) -> None:
        self.warnings.append(f"{event} {fields}")


async def drain(recorder: Recorder, *, at_most_s: float = 10.0) -> None:
    """Turns until nothing moves."""
    deadline = time.monotonic() + at_most_s
    quiet = 0
    while quiet < 3:
        assert time.monotonic() < deadline, "the recorder does not come to rest"
        recorder.look_now()
        if await recorder.turn(is_draining=True) or not recorder.is_idle:
            quiet = 0
            await recorder.wait(0.001)
        else:
            quiet += 1


async def record(directory: Path, shelf: Shelf, lines: Lines | None = None, **privacy: Any) -> dict[str, float]:
    """One life of a recorder that ends in peace."""
    recorder = Recorder(config(directory, **privacy), shelf, lines or Lines())
    try:
        await drain(recorder)
        return recorder.figures()
    finally:
        await recorder.close()


def leftovers(directory: Path) -> list[str]:
    """Files that are still there."""
    return sorted(name for name in os.listdir(directory) if name != "quarantine")


def chunk(number: int, arm: int, data: bytes, *, start: int, at_ms: Sequence[float], ends: Sequence[int]) -> Chunk:
    """A stretch of an answer; times are milliseconds from t0."""
    times = [START_NS + 1_000_000 + round(ms * 1_000_000) for ms in at_ms]
    return Chunk(request_id(number), arm, times, [start + end for end in ends], data)
