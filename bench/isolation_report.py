"""The isolation table."""

from collections.abc import Sequence

import numpy as np

from bench.intervals import Floats, Interval, Stretch, quantile_difference, stretches
from bench.isolation_runs import WARM_UP_S, WORKERS, Outcome, Setting
from bench.llm import LONGEST_S, plan_of
from bench.measured import Figure, Measured
from bench.results import table

STRETCH_S = 0.5


def counted(outcome: Outcome) -> list[tuple[Floats, Floats, Floats, Floats]]:
    """Per pair of runs: instants (s), latencies without and with mirroring (ms), and the requests' numbers.

    Without the warm-up, and without requests that failed on either side (they are counted elsewhere).
    """
    found = []
    for without, having in outcome.pairs:
        at_s = without.scheduled_s()
        kept = (at_s >= WARM_UP_S) & without.ok() & having.ok()
        numbers = np.flatnonzero(kept).astype(np.float64)
        found.append((at_s[kept], without.latency_ms()[kept], having.latency_ms()[kept], numbers))
    return found


def difference_ms(outcome: Outcome, share: float) -> Interval:
    """The primary's latency with mirroring minus without, at a quantile."""
    pairs: list[Stretch] = []
    for at_s, without, having, _ in counted(outcome):
        pairs += stretches(at_s, without, having, length_s=STRETCH_S)
    return quantile_difference(pairs, share, np.random.default_rng(1))


def beyond_ms(setting: Setting, outcome: Outcome, share: float) -> tuple[float, float]:
    """A quantile of what requests took beyond their recorded latency, without and with mirroring."""
    beyond: tuple[list[Floats], list[Floats]] = ([], [])
    for _, without, having, numbers in counted(outcome):
        planned = np.array([plan_of(setting.plans, int(i)).total_s * 1e3 for i in numbers])
        beyond[0].append(without - planned)
        beyond[1].append(having - planned)
    return float(np.quantile(np.concatenate(beyond[0]), share)), float(np.quantile(np.concatenate(beyond[1]), share))


def lateness_ms(outcome: Outcome) -> tuple[Floats, Floats]:
    """How late the generator itself was, without and with mirroring."""
    without = np.concatenate([run.lateness_ms() for run, _ in outcome.pairs])
    return without, np.concatenate([run.lateness_ms() for _, run in outcome.pairs])


def row_of(setting: Setting, outcome: Outcome) -> tuple[str, ...]:
    """One line of the table."""
    runs = counted(outcome)
    without, having = (np.concatenate([run[i] for run in runs]) for i in (1, 2))
    p99_beyond = beyond_ms(setting, outcome, 0.99)
    return (
        outcome.scenario.name,
        f"{sum(len(run.records) for _, run in outcome.pairs):,}",
        str(outcome.failed()),
        f"{np.quantile(without, 0.5):.1f}, {np.quantile(having, 0.5):.1f}",
        f"{np.quantile(without, 0.99):.1f}, {np.quantile(having, 0.99):.1f}",
        difference_ms(outcome, 0.99).text(2),
        f"{p99_beyond[0]:.2f}, {p99_beyond[1]:.2f}",
        ", ".join(f"{np.quantile(late, 0.99):.2f}" for late in lateness_ms(outcome)),
        states_text(outcome),
    )


def states_text(outcome: Outcome) -> str:
    """`pairs 812 (ok 400, timeout 412), max_in_flight 90`"""
    outcomes = {name.removeprefix("pairs "): n for name, n in outcome.states.items() if name.startswith("pairs ")}
    inside = ", ".join(f"{name} {n:,}" for name, n in sorted(outcomes.items()))
    others = [f"{name} {n:,}" for name, n in sorted(outcome.states.items()) if not name.startswith("pairs")]
    return ", ".join([f"pairs {outcome.states['pairs']:,}" + (f" ({inside})" if inside else ""), *others])


def _worker_text(outcome: Outcome) -> str:
    slowest = "none was tried" if outcome.slowest_new_s is None else f"the slowest took {outcome.slowest_new_s:.2f} s"
    return (
        f"Worker killed: {outcome.failed_own} requests failed on connections of the worker that died, "
        f"{outcome.failed()} on others. Of new connections in the two seconds after, {slowest} to its answer."
    )


def section_of(setting: Setting, outcomes: Sequence[Outcome], skipped: Sequence[str], measured: Measured) -> str:
    """The section of `RESULTS.md`."""
    head = (
        "shadow side", "requests", "failed", "p50 ms: off, on", "p99 ms: off, on", "p99 on - off, ms",
        "p99 beyond the recorded latency, ms: off, on",
        "generator late, p99 ms: off, on", "what became of the copies",
    )  # fmt: skip
    lines = [row_of(setting, outcome) for outcome in outcomes]
    notes = [_worker_text(outcome) for outcome in outcomes if outcome.scenario.kills_worker]
    notes += [f"Not run: {text}." for text in skipped]
    notes += [f"**Fault**, {o.scenario.name}: {fault}." for o in outcomes for fault in o.faults]
    return f"""## Isolation: the primary while the shadow side is broken

{measured.place}

Recorded latencies of LLM providers (LLMPerf, 13 providers and models; slower than {LONGEST_S:g} s left out)
multiplied by {setting.time_scale:g}, half of the answers streamed. Open loop, {setting.rate_per_s:g} requests/s,
Poisson arrivals from a seed; {setting.runs} pair(s) of interleaved runs of {setting.seconds:g} s per scenario; with
the stalled disk they last {setting.stall_s:g} s longer, as long as it stalls. `serve` with all roles and {WORKERS}
workers has one core, load and upstreams the other. *Off*: the same with `sample: 0`; request number i has the same
recorded latency off and on. Every request is copied (the breaker is off, so that the candidate goes on failing).
Latency counts from the scheduled instant to the last byte. p99 on - off: with a 95 % bootstrap interval over stretches
of {STRETCH_S:g} s, drawn in pairs. The audit must place every request.

{table(head, lines)}

{chr(10).join(notes)}
"""


def figures_of(setting: Setting, outcomes: Sequence[Outcome]) -> dict[str, Figure]:
    """What the bars are held against; a worker that is killed has figures of its own."""
    figures: dict[str, Figure] = {}
    shadow = [o for o in outcomes if not o.scenario.kills_worker]
    if shadow:
        figures["scenarios"] = Figure(len(shadow), len(shadow), len(shadow))
        figures["runs"] = Figure(setting.runs, setting.runs, setting.runs)
        failed = float(sum(o.failed() for o in shadow))
        figures["failed_primary"] = Figure(failed, failed, failed)
        worst = max((difference_ms(o, 0.99) for o in shadow), key=lambda difference: difference.high)
        figures["p99_difference_ms"] = Figure.of(worst)
    for o in outcomes:
        if o.scenario.kills_worker:
            figures["worker_killed_others"] = Figure(o.failed(), o.failed(), o.failed())
            if o.slowest_new_s is not None:
                figures["worker_killed_reconnect_s"] = Figure(o.slowest_new_s, o.slowest_new_s, o.slowest_new_s)
    if any(o.scenario.stalls for o in outcomes):
        figures["stall_s"] = Figure(setting.stall_s, setting.stall_s, setting.stall_s)
    unaccounted = float(sum(o.unaccounted for o in outcomes))
    figures["unaccounted"] = Figure(unaccounted, unaccounted, unaccounted)
    if outcomes:
        figures["start_s"] = Figure.over([o.start_s for o in outcomes])
    return figures
