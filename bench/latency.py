"""What a proxy adds to a request's latency, at a fixed rate in an open loop: `python -m bench.latency`.

The same seeded schedule goes to the upstream directly and through each proxy, in interleaved rounds. The proxy has a
core of its own; generator and upstreams share the other, in the direct rounds too. Everything sent must have been
answered with the right body, copied, and (shadowbench) captured.
"""

import argparse
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.bars import write_bars
from bench.captured import read_captured
from bench.contenders import Contender, envoy_version, nginx_version
from bench.generated import Generating, Run
from bench.intervals import Interval, Stretch, quantile_difference, stretches
from bench.machine import BenchError, raise_descriptor_limit, say, sleep_until_ns
from bench.measured import Figure, Measured, measured_now, save
from bench.results import spread, table, write_section
from bench.rounds import Kind, Stand
from bench.schedule import Arrivals, Instants, instants

DIRECT, NGINX, ENVOY, SHADOWBENCH = "direct, no proxy", "nginx mirror", "Envoy mirror", "shadowbench, captured"
WARM_UP_S = 1.0
STRETCH_S = 0.5
"""Longer than the hiccups that one sees (garbage collection, a flush, another process's time slice)."""
_BUSY = 0.5
_LATE_MS = 0.5
"""At the 99th percentile; beyond it the generator itself is part of what is measured."""
_SETTLE_S = 3.0
_CONNECTIONS = 32
_QUANTILES = (0.5, 0.9, 0.99, 0.999)


@dataclass(frozen=True, slots=True)
class Plan:
    """What every round does."""

    rate_per_s: float
    seconds: float
    rounds: int
    arrivals: Arrivals

    def schedule(self, number: int) -> Instants:
        """The schedule of a round, warm-up first; all contenders get the same."""
        return instants(self.arrivals, self.rate_per_s, WARM_UP_S + self.seconds, seed=number)


@dataclass(slots=True)
class Rounds:
    """All rounds of one contender."""

    runs: list[Run] = field(default_factory=list)
    share: list[float] = field(default_factory=list)
    """CPU of the proxy, as a share of one core."""
    generator_share: list[float] = field(default_factory=list)

    def counted(self, number: int) -> Run:
        """A round without its warm-up."""
        run = self.runs[number]
        return Run(run.records[run.scheduled_s() >= WARM_UP_S])

    def latency_ms(self) -> list[np.ndarray]:
        """Latencies of each round."""
        return [self.counted(i).latency_ms() for i in range(len(self.runs))]

    def lateness_ms(self) -> np.ndarray:
        """How late the generator sent, over all rounds."""
        return np.concatenate([self.counted(i).lateness_ms() for i in range(len(self.runs))])


class Bench:
    """Upstreams, and one method per way to go."""

    def __init__(self, plan: Plan, directory: Path, stack: ExitStack) -> None:
        self.plan = plan
        self._stand = Stand(Kind("latency", "1.2 kB JSON", 1200, _CONNECTIONS), directory, stack)
        self._body = directory / "request.json"
        self._body.write_bytes(self._stand.load.body)
        self._answer = directory / "answer.json"
        self._answer.write_bytes(self._stand.kind.answer())
        self._standing: dict[str, Contender] = {}
        for name, version, make in (
            (NGINX, nginx_version(), self._stand.nginx),
            (ENVOY, envoy_version(), self._stand.envoy),
        ):
            if version is not None:
                self._standing[name] = make()
                stack.callback(self._standing[name].stop)
        self.names = (DIRECT, *self._standing, SHADOWBENCH)

    def measure(self, name: str, number: int, rounds: Rounds) -> None:
        """One round of one contender.

        Raises:
            BenchError: something failed, or is not where it should be.
        """
        if name == DIRECT:
            self._run(name, self._stand.primary.port, None, number, rounds)
        elif name != SHADOWBENCH:
            contender = self._standing[name]
            self._run(name, contender.port, contender, number, rounds)
        else:
            self._measure_worker(number, rounds)

    def _measure_worker(self, number: int, rounds: Rounds) -> None:
        with tempfile.TemporaryDirectory(dir=self._stand.directory) as directory:
            worker = self._stand.worker(Path(directory))
            try:
                sent = self._run(SHADOWBENCH, worker.port, worker, number, rounds)
            finally:
                worker.stop()
            captured = read_captured(worker.capture, request=self._stand.load.body, answer=self._stand.kind.answer())
        if not captured.admitted == captured.primary_ok == captured.candidate_ok == sent:
            raise BenchError(f"{sent} requests sent, captured: {captured}")

    def _run(self, name: str, port: int, contender: Contender | None, number: int, rounds: Rounds) -> int:
        stand = self._stand
        before = stand.primary.answered(), stand.candidate.answered()
        generating = Generating(
            stand.directory,
            self.plan.schedule(number),
            core=stand.load_core,
            port=port,
            connections=_CONNECTIONS,
            most_connections=_CONNECTIONS * 16,
            grace_s=5.0,
            path=stand.load.path,
            headers={"authorization": "Bearer client-key"},
            body=str(self._body),
            answer=str(self._answer),
        )
        try:
            warm_ns = generating.start_ns + int(WARM_UP_S * 1e9)
            at_start = self._cpu(warm_ns, contender, generating)
            at_end = self._cpu(warm_ns + int(self.plan.seconds * 1e9), contender, generating)
            run = generating.finish()
        finally:
            generating.stop()
        if run.failures():
            raise BenchError(f"{name}: requests failed: {dict(run.failures())}")
        rounds.runs.append(run)
        rounds.share.append((at_end[0] - at_start[0]) / self.plan.seconds)
        rounds.generator_share.append((at_end[1] - at_start[1]) / self.plan.seconds)
        self._check_counts(name, before, len(run.records), copied=contender is not None)
        return len(run.records)

    @staticmethod
    def _cpu(at_ns: int, contender: Contender | None, generating: Generating) -> tuple[float, float]:
        sleep_until_ns(at_ns)
        return contender.cpu_seconds() if contender is not None else 0.0, generating.cpu_seconds()

    def _check_counts(self, name: str, before: tuple[int, int], sent: int, *, copied: bool) -> None:
        deadline = time.monotonic() + _SETTLE_S
        want = (sent, sent if copied else 0)
        while True:
            now = self._stand.primary.answered(), self._stand.candidate.answered()
            got = (now[0] - before[0], now[1] - before[1])
            if got == want:
                return
            if time.monotonic() > deadline:
                raise BenchError(f"{name}: {sent} sent, {got[0]} reached the primary, {got[1]} copies the candidate")
            time.sleep(0.05)


def run_rounds(bench: Bench) -> dict[str, Rounds]:
    """All rounds of all contenders, interleaved."""
    rounds = {name: Rounds() for name in bench.names}
    for number in range(bench.plan.rounds):
        for name in bench.names:
            say(f"latency: round {number + 1} of {bench.plan.rounds}, {name}")
            bench.measure(name, number, rounds[name])
    return rounds


def added_ms(direct: Rounds, proxied: Rounds, share: float) -> Interval:
    """What the proxy adds at a quantile; stretches of equal schedule are drawn together."""
    pairs: list[Stretch] = []
    for number in range(len(direct.runs)):
        a, b = direct.counted(number), proxied.counted(number)
        pairs += stretches(a.scheduled_s(), a.latency_ms(), b.latency_ms(), length_s=STRETCH_S)
    return quantile_difference(pairs, share, np.random.default_rng(1))


def row_of(name: str, rounds: Rounds, direct: Rounds) -> tuple[str, ...]:
    """One line of the table."""
    per_round = [np.quantile(latencies, _QUANTILES) for latencies in rounds.latency_ms()]
    shown = [spread([q[i] for q in per_round], 3) for i in range(len(_QUANTILES))]
    added = [added_ms(direct, rounds, q).text(3) if name != DIRECT else "-" for q in (0.5, 0.99)]
    late = rounds.lateness_ms()
    lateness = f"{np.quantile(late, 0.5):.3f}, {np.quantile(late, 0.99):.3f}, {late.max():.3f}"
    share = spread([100 * s for s in rounds.share]) if name != DIRECT else "-"
    return (name, *shown, *added, share, lateness, spread([100 * s for s in rounds.generator_share]))


def section_of(plan: Plan, rounds: dict[str, Rounds], measured: Measured) -> str:
    """The section of `RESULTS.md`."""
    head = (
        "", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "added p50 ms", "added p99 ms", "proxy CPU, % of a core",
        "generator late: p50, p99, max ms", "generator CPU, %",
    )  # fmt: skip
    lines = [row_of(name, of, rounds[DIRECT]) for name, of in rounds.items()]
    sent = sum(len(run.records) for run in rounds[SHADOWBENCH].runs)
    return f"""## Added latency at {plan.rate_per_s:,.0f} requests/s

{measured.place}

Open loop, {plan.arrivals} arrivals from a seed, {plan.rounds} interleaved rounds of {plan.seconds:g} s after
{WARM_UP_S:g} s of warm-up, {_CONNECTIONS} connections, 1.2 kB requests and answers. A latency counts from the instant
that the schedule names to the answer's last byte, so the generator's own lateness is inside, here and in the direct
rounds. The proxy is alone on its core; generator and upstreams share the other. Quantiles: median of the rounds
(smallest to largest). Added: difference of the quantiles to the direct rounds with a 95 % bootstrap interval over
stretches of {STRETCH_S:g} s.

{table(head, lines)}

No request failed. {sent:,} exchanges through shadowbench were read back from its capture log and hold the bytes sent.
{chr(10).join(warnings_of(rounds))}
"""


def warnings_of(rounds: dict[str, Rounds]) -> list[str]:
    """What makes the figures doubtful."""
    found = []
    busy = max(rounds[SHADOWBENCH].share)
    if busy > _BUSY:
        found.append(f"**Doubtful**: the worker was {busy:.0%} busy, more than half; queueing is inside.")
    for name, of in rounds.items():
        late_ms = float(np.quantile(of.lateness_ms(), 0.99))
        if late_ms > _LATE_MS:
            found.append(f"**Doubtful**: the generator was {late_ms:.2f} ms late (p99) in the rounds of {name}.")
    return found


def figures_of(plan: Plan, rounds: dict[str, Rounds]) -> dict[str, Figure]:
    """What the bars are held against."""
    figures = {"rate_per_s": Figure(plan.rate_per_s, plan.rate_per_s, plan.rate_per_s)}
    for name, key in ((SHADOWBENCH, ""), (NGINX, "nginx_"), (ENVOY, "envoy_")):
        if name in rounds:
            figures[f"{key}added_p50_ms"] = Figure.of(added_ms(rounds[DIRECT], rounds[name], 0.5))
            figures[f"{key}added_p99_ms"] = Figure.of(added_ms(rounds[DIRECT], rounds[name], 0.99))
            figures[f"{key}worker_share"] = Figure.over(rounds[name].share)
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and writes the section `latency` of `RESULTS.md`."""
    parser = argparse.ArgumentParser(description="Added latency in an open loop, beside nginx and Envoy.")
    parser.add_argument("--rate", type=float, default=2_000.0, help="requests per second")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of load per round, after the warm-up")
    parser.add_argument("--arrivals", choices=("poisson", "even"), default="poisson")
    parser.add_argument("--full", action="store_true", help="10 rounds of 20 s")
    parser.add_argument("--dry", action="store_true", help="print instead of writing RESULTS.md")
    options = parser.parse_args(arguments)
    rounds, seconds = (10, 20.0) if options.full else (options.rounds, options.seconds)
    plan = Plan(options.rate, seconds, rounds, options.arrivals)
    raise_descriptor_limit()
    try:
        with ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shadowbench-latency-")))
            bench = Bench(plan, directory, stack)
            result = run_rounds(bench)
    except BenchError as error:
        say(f"bench.latency: {error}")
        return 1
    said = sys.argv[1:] if arguments is None else arguments
    versions = {"nginx": nginx_version() or "absent", "Envoy": envoy_version() or "absent"}
    measured = measured_now(shlex.join(["python", "-m", "bench.latency", *said]), versions, figures_of(plan, result))
    text = section_of(plan, result, measured)
    if not options.dry:
        save("latency", measured)
        write_section("latency", text)
        write_bars()
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
