"""Many concurrent mirrored event streams through one proxy process: `python -m bench.streams`.

Every event carries the instant at which the upstream wrote it; the client's read minus that is what an event takes
from the upstream to the client, with the proxy, the kernel and the measuring programs inside. The direct row shows
what the measuring programs take by themselves.
"""

import argparse
import json
import math
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from bench.bars import write_bars
from bench.captured import read_captured
from bench.contenders import Contender, EnvoyMirror, NginxMirror, envoy_version, nginx_version
from bench.event_stream import is_stamped_answer
from bench.machine import BenchError, Pinned, cores, raise_descriptor_limit, say, sleep_until_ns
from bench.measured import Figure, Measured, measured_now, save
from bench.results import spread, table, write_section
from bench.rounds import Kind
from bench.upstreams import StreamingUpstream
from bench.worker import Worker

DIRECT, NGINX, ENVOY, SHADOWBENCH = "direct, no proxy", "nginx mirror", "Envoy mirror", "shadowbench, captured"
_PER_S = 1_000.0
"""Streams opened per second."""
_SETTLE_S = 2.0
_PHASES = 100
_SPARE_DESCRIPTORS = 500
_SOCKETS = 3
"""That a proxy needs per mirrored stream: client, primary, candidate."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What every round does."""

    streams: int
    gap_s: float
    seconds: float
    rounds: int

    @property
    def events(self) -> int:
        """Of each stream: enough for the first to last until the measuring is over."""
        seconds = self.streams / _PER_S + 2 * _SETTLE_S + self.seconds
        return math.ceil(seconds / self.gap_s) + 2


@dataclass(slots=True)
class Row:
    """Rounds of one contender."""

    memory_kb: list[float] = field(default_factory=list)
    """Per stream."""
    cpu_us: list[float] = field(default_factory=list)
    """Per event that reached a client."""
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    worst_ms: list[float] = field(default_factory=list)
    share: list[float] = field(default_factory=list)
    events: int = 0


class Bench:
    """Upstreams, and one method per way to go."""

    def __init__(self, plan: Plan, directory: Path, stack: ExitStack) -> None:
        self.plan = plan
        self._directory = directory
        self._proxy_core, self._load_core = cores()
        self._request = Kind("streams", "event streams", 1200, 1, streams=True).load().body
        (directory / "request.json").write_bytes(self._request)
        options = ["--stamped", "--gap-s", str(plan.gap_s), "--phases", str(_PHASES)]
        self._upstreams = {
            name: StreamingUpstream(name, directory, core=self._load_core, events=plan.events, options=options)
            for name in ("primary", "candidate")
        }
        for upstream in self._upstreams.values():
            stack.callback(upstream.stop)

    def turns(self) -> dict[str, Callable[[Row], None]]:
        """What there is to measure."""
        found: dict[str, Callable[[Row], None]] = {DIRECT: self._measure_direct}
        if nginx_version() is not None:
            found[NGINX] = lambda row: self._measure_proxy(row, self._nginx)
        if envoy_version() is not None:
            found[ENVOY] = lambda row: self._measure_proxy(row, self._envoy)
        found[SHADOWBENCH] = self._measure_worker
        return found

    @property
    def _ports(self) -> dict[str, int]:
        return {name: upstream.port for name, upstream in self._upstreams.items()}

    def _nginx(self) -> Contender:
        return NginxMirror(self._directory, core=self._proxy_core, streams=True, **self._ports)

    def _envoy(self) -> Contender:
        return EnvoyMirror(self._directory, core=self._proxy_core, **self._ports)

    def _measure_direct(self, row: Row) -> None:
        self._measure(row, self._upstreams["primary"].port, None)

    def _measure_proxy(self, row: Row, make: Callable[[], Contender]) -> None:
        contender = make()
        try:
            self._measure(row, contender.port, contender)
        finally:
            contender.stop()

    def _measure_worker(self, row: Row) -> None:
        with tempfile.TemporaryDirectory(dir=self._directory) as directory:
            worker = Worker(
                Path(directory),
                core=self._proxy_core,
                primary=self._upstreams["primary"].port,
                candidate=self._upstreams["candidate"].port,
            )
            try:
                self._measure(row, worker.port, worker)
            finally:
                worker.stop()
            captured = read_captured(
                worker.capture, request=self._request, answer=lambda body: is_stamped_answer(body, self.plan.events)
            )
        streams = self.plan.streams
        if not captured.admitted == captured.primary_ok == captured.candidate_ok == streams:
            raise BenchError(f"{streams} streams were sent, captured: {captured}")

    def _measure(self, row: Row, port: int, contender: Contender | None) -> None:
        plan = self.plan
        before = {name: upstream.answered() for name, upstream in self._upstreams.items()}
        idle_bytes = contender.resident_bytes() if contender is not None else 0
        clients = self._start_clients(port)
        try:
            begun = json.loads(clients.read_line() or b'{"failed": -1}')
            if begun["failed"]:
                raise BenchError(f"{begun['failed']} of {plan.streams} streams failed; {clients.last_words()}")
            from_ns = begun["begun_ns"] + int(_SETTLE_S * 1e9)
            sleep_until_ns(from_ns)
            cpu_s = -(contender.cpu_seconds() if contender is not None else 0.0)
            until_ns = from_ns + int(plan.seconds * 1e9)
            sleep_until_ns(until_ns)
            cpu_s += contender.cpu_seconds() if contender is not None else 0.0
            busy_bytes = contender.resident_bytes() if contender is not None else 0
            ended = json.loads(clients.read_line() or b"{}")
        finally:
            clients.stop()
        sent = {name: upstream.answered() - before[name] for name, upstream in self._upstreams.items()}
        copies = plan.streams if contender is not None else 0
        if ended != {"complete": plan.streams, "failed": 0} or sent != {"primary": plan.streams, "candidate": copies}:
            raise BenchError(f"{plan.streams} streams: clients saw {ended}, upstreams sent {sent}")
        read_ns, written_ns = np.load(self._directory / "events.npy")
        window = (read_ns >= from_ns) & (read_ns < until_ns)
        taken_ms = (read_ns - written_ns)[window] / 1e6
        row.p50_ms.append(float(np.quantile(taken_ms, 0.5)))
        row.p99_ms.append(float(np.quantile(taken_ms, 0.99)))
        row.worst_ms.append(float(taken_ms.max()))
        row.events += len(taken_ms)
        if contender is not None:
            row.memory_kb.append((busy_bytes - idle_bytes) / plan.streams / 1e3)
            row.cpu_us.append(cpu_s / len(taken_ms) * 1e6)
            row.share.append(100 * cpu_s / plan.seconds)

    def _start_clients(self, port: int) -> Pinned:
        values = {
            "port": port,
            "streams": self.plan.streams,
            "words": self.plan.events - 1,
            "per-s": _PER_S,
            "request": self._directory / "request.json",
            "result": self._directory / "events.npy",
        }
        options = [text for name, value in values.items() for text in (f"--{name}", str(value))]
        command = [sys.executable, "-m", "bench.stream_clients", *options]
        return Pinned(command, core=self._load_core, log=self._directory / "clients.out", output=subprocess.PIPE)


def run_rounds(bench: Bench) -> dict[str, Row]:
    """All rounds of all contenders, interleaved. A peer that cannot do it is left out, with a message."""
    turns = bench.turns()
    rows = {name: Row() for name in turns}
    for number in range(bench.plan.rounds):
        for name, turn in list(turns.items()):
            say(f"streams: round {number + 1} of {bench.plan.rounds}, {name}")
            try:
                turn(rows[name])
            except BenchError as error:
                if name in {DIRECT, SHADOWBENCH}:
                    raise
                say(f"streams: {name} is left out: {error}")
                del turns[name], rows[name]
    return rows


def section_of(plan: Plan, rows: dict[str, Row], measured: Measured) -> str:
    """The section of `RESULTS.md`."""
    head = (
        "", "memory per stream, kB", "CPU µs per event", "CPU / Envoy", "in to out p50 ms", "p99 ms", "worst ms",
        "CPU, % of a core",
    )  # fmt: skip
    envoy = median(rows[ENVOY].cpu_us) if ENVOY in rows else None
    lines = [
        (
            name,
            spread(row.memory_kb, 1),
            spread(row.cpu_us, 1),
            f"{median(row.cpu_us) / envoy:.2f}" if envoy and row.cpu_us else "-",
            spread(row.p50_ms, 2),
            spread(row.p99_ms, 2),
            spread(row.worst_ms, 1),
            spread(row.share),
        )
        for name, row in rows.items()
    ]
    return f"""## {plan.streams:,} concurrent event streams

{measured.place}

{plan.streams:,} streams at once, an event every {plan.gap_s:.2g} s in each ({plan.streams / plan.gap_s:,.0f} a second),
{plan.rounds} interleaved round(s) of {plan.seconds:g} s after all have begun; every stream is copied. The proxy is one
process on a core of its own; clients and upstreams share the other. Memory: what is resident with all streams open
minus what was before the first, per stream. CPU: of the proxy, per event that reached a client. In to out: from the
upstream's write to the client's read. shadowbench records both sides (the log writer's thread is counted); nginx and
Envoy record nothing.

{table(head, lines)}

Every stream of every round was complete at its client, and was copied; those through shadowbench were read back from
its capture log, both sides, event for event.
"""


def figures_of(plan: Plan, rows: dict[str, Row]) -> dict[str, Figure]:
    """What the bars are held against."""
    own = rows[SHADOWBENCH]
    figures = {
        "streams": Figure(plan.streams, plan.streams, plan.streams),
        "memory_kb_per_stream": Figure.over(own.memory_kb),
        "chunk_p99_ms": Figure.over(own.p99_ms),
        "cpu_us_per_chunk": Figure.over(own.cpu_us),
    }
    for name, key in ((ENVOY, "envoy"), (NGINX, "nginx")):
        if name in rows:
            ratios = [mine / theirs for mine, theirs in zip(own.cpu_us, rows[name].cpu_us, strict=True)]
            figures[f"cpu_per_chunk_vs_{key}"] = Figure.over(ratios)
            figures[f"{key}_memory_kb_per_stream"] = Figure.over(rows[name].memory_kb)
    return figures


def affordable(streams: int, limit: int) -> int:
    """How many streams a process with `limit` descriptors can hold; says so when they are fewer than asked for."""
    most = (limit - _SPARE_DESCRIPTORS) // _SOCKETS
    if most < streams:
        say(f"streams: {limit} descriptors allow for {most} streams; raise `ulimit -n` for {streams}")
    return min(streams, most)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and writes the section `streams` of `RESULTS.md`."""
    parser = argparse.ArgumentParser(description="Many mirrored event streams through one process.")
    parser.add_argument("--streams", type=int, default=1_000)
    parser.add_argument("--gap-s", type=float, default=2 / 3, help="between the events of a stream")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--full", action="store_true", help="6,000 streams, 3 rounds of 30 s")
    parser.add_argument("--dry", action="store_true", help="print instead of writing RESULTS.md")
    options = parser.parse_args(arguments)
    plan = Plan(options.streams, options.gap_s, options.seconds, options.rounds)
    if options.full:
        plan = Plan(6_000, options.gap_s, 30.0, 3)
    plan = Plan(affordable(plan.streams, raise_descriptor_limit()), plan.gap_s, plan.seconds, plan.rounds)
    try:
        with ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shadowbench-streams-")))
            bench = Bench(plan, directory, stack)
            rows = run_rounds(bench)
    except BenchError as error:
        say(f"bench.streams: {error}")
        return 1
    said = sys.argv[1:] if arguments is None else arguments
    versions = {"nginx": nginx_version() or "absent", "Envoy": envoy_version() or "absent"}
    measured = measured_now(shlex.join(["python", "-m", "bench.streams", *said]), versions, figures_of(plan, rows))
    text = section_of(plan, rows, measured)
    if not options.dry:
        save("streams", measured)
        write_section("streams", text)
        write_bars()
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
