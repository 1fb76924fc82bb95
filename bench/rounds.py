"""One round of one contender under one kind of load, with the check that what was sent was copied and captured."""

import json
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.captured import read_captured
from bench.contenders import Contender, EnvoyMirror, NginxMirror
from bench.event_stream import answer_of
from bench.load import Counted, Load, run_load
from bench.machine import BenchError, cores
from bench.upstreams import StaticUpstream, StreamingUpstream, Upstream, chat_answer
from bench.worker import Worker

EVENTS = 50
WARM_UP_S = 1.0
NO_HEADERS: Mapping[str, str] = {}
_SETTLE_S = 10.0
_SETTLE_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of load."""

    key: str
    title: str
    request_bytes: int
    connections: int
    streams: bool = False
    slow_peers: bool = False
    """Do the Python and JavaScript proxies take part, too?"""

    def load(self) -> Load:
        """Requests of exactly `request_bytes` bytes."""
        values = {"model": "client-model", "messages": [{"role": "user", "content": ""}], "stream": self.streams}
        filler = "x" * (self.request_bytes - len(json.dumps(values)))
        values["messages"] = [{"role": "user", "content": filler}]
        return Load("/v1/chat/completions", json.dumps(values).encode(), self.connections)

    def answer(self) -> bytes:
        """The body of every answer."""
        return answer_of(EVENTS) if self.streams else chat_answer(1200)


def content_of(body: bytes, *, streams: bool) -> str:
    """The text of a chat completion, whole or in events."""
    if not streams:
        return str(json.loads(body)["choices"][0]["message"]["content"])
    events = [line.removeprefix(b"data: ") for line in body.split(b"\n") if line.startswith(b"data: {")]
    deltas = [choice["delta"] for text in events for choice in json.loads(text)["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


@dataclass(slots=True)
class Row:
    """Rounds of one contender under one load."""

    requests_per_s: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    """CPU microseconds of the proxy per request."""
    p50_us: list[float] = field(default_factory=list)
    p99_us: list[float] = field(default_factory=list)
    requests: int = 0
    captured: int = 0

    def add(self, counted: Counted, cpu_s: float | None, served: int) -> None:
        """One round."""
        self.requests_per_s.append(counted.requests_per_s)
        self.p50_us.append(counted.p50_us)
        self.p99_us.append(counted.p99_us)
        self.requests += served
        if cpu_s is not None:
            self.cpu_us.append(cpu_s / served * 1e6)


class Stand:
    """Upstreams and directory of one kind of load."""

    def __init__(self, kind: Kind, directory: Path, stack: ExitStack) -> None:
        self.kind = kind
        self.load = kind.load()
        self.directory = directory
        self.proxy_core, self.load_core = cores()
        self.primary = self._upstream("primary", stack)
        self.candidate = self._upstream("candidate", stack)

    def _upstream(self, name: str, stack: ExitStack) -> Upstream:
        upstream: Upstream
        if self.kind.streams:
            upstream = StreamingUpstream(name, self.directory, core=self.load_core, events=EVENTS)
        else:
            upstream = StaticUpstream(name, self.directory, core=self.load_core, answer=self.kind.answer())
        stack.callback(upstream.stop)
        return upstream

    def run(self, port: int, seconds: float, headers: Mapping[str, str] = NO_HEADERS) -> Counted:
        """One stretch of load."""
        return run_load(
            self.load, port=port, seconds=seconds, core=self.load_core, directory=self.directory, headers=headers
        )

    def settle(self) -> None:
        """Waits until no more copies come: some contenders send them long after the client has its answer."""
        deadline = time.monotonic() + _SETTLE_S
        before, now = -1, self.candidate.answered()
        while now != before and time.monotonic() < deadline:
            time.sleep(_SETTLE_POLL_S)
            before, now = now, self.candidate.answered()

    def check_answer(self, contender: Contender) -> None:
        """Asks once and compares what the client gets with what the upstream says.

        Raises:
            BenchError: it is not that, or no copy was made.
        """
        before = self.candidate.answered()
        headers = {"content-type": "application/json", "authorization": "Bearer client-key", **contender.headers}
        url = f"http://127.0.0.1:{contender.port}{self.load.path}"
        with urllib.request.urlopen(urllib.request.Request(url, self.load.body, headers), timeout=30) as response:
            got = content_of(response.read(), streams=self.kind.streams)
        self.settle()
        copies = self.candidate.answered() - before
        if got != content_of(self.kind.answer(), streams=self.kind.streams) or copies != contender.mirrors:
            raise BenchError(f"{type(contender).__name__} answers {got[:60]!r} and sends {copies} copies")

    def nginx(self) -> Contender:
        """A fresh nginx."""
        return NginxMirror(
            self.directory,
            core=self.proxy_core,
            primary=self.primary.port,
            candidate=self.candidate.port,
            streams=self.kind.streams,
        )

    def envoy(self) -> Contender:
        """A fresh Envoy."""
        ports = {"primary": self.primary.port, "candidate": self.candidate.port}
        return EnvoyMirror(self.directory, core=self.proxy_core, **ports)

    def worker(self, directory: Path, *, prefix: Sequence[str] = ()) -> Worker:
        """A fresh shadowbench worker; `prefix`: options of the interpreter."""
        ports = {"primary": self.primary.port, "candidate": self.candidate.port}
        return Worker(directory, core=self.proxy_core, prefix=prefix, **ports)


def measure_direct(stand: Stand, row: Row, seconds: float) -> None:
    """The upstream without a proxy."""
    counted = stand.run(stand.primary.port, seconds)
    row.add(counted, None, counted.requests)


def measure(stand: Stand, row: Row, seconds: float, contender: Contender) -> int:
    """One round of one proxy.

    Returns:
        All requests that it served, the warm-up among them.

    Raises:
        BenchError: the upstreams did not both get what the load generator got answers to.
    """
    stand_before = stand.primary.answered(), stand.candidate.answered()
    stand.run(contender.port, WARM_UP_S, contender.headers)
    stand.settle()
    before = stand.primary.answered(), contender.cpu_seconds()
    counted = stand.run(contender.port, seconds, contender.headers)
    stand.settle()
    served = stand.primary.answered() - before[0]
    row.add(counted, contender.cpu_seconds() - before[1], served)
    total = stand.primary.answered() - stand_before[0]
    copied = stand.candidate.answered() - stand_before[1]
    # What wrk cut off at the end of a run may have reached one upstream, both or none.
    expected = total if contender.mirrors else 0
    if not counted.requests <= served or abs(expected - copied) > 2 * stand.load.connections:
        raise BenchError(f"{counted.requests} answered, {served} reached the primary, {copied} of {total} were copied")
    return total


def measure_worker(stand: Stand, row: Row, seconds: float) -> None:
    """One round of shadowbench with a log of its own, read back afterwards.

    Raises:
        BenchError: the log does not hold every exchange.
    """
    with tempfile.TemporaryDirectory(dir=stand.directory) as directory:
        worker = stand.worker(Path(directory))
        try:
            total = measure(stand, row, seconds, worker)
        finally:
            worker.stop()
        captured = read_captured(worker.capture, request=stand.load.body, answer=stand.kind.answer())
    cut = 2 * stand.load.connections
    if abs(captured.admitted - total) > cut or min(captured.primary_ok, captured.candidate_ok) < total - cut:
        raise BenchError(f"{total} requests served, captured: {captured}")
    row.captured += captured.candidate_ok
