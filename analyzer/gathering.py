"""Asks a source everything that a study needs, once."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from analyzer.audit import ADMITTED, ERASED
from analyzer.figures import Compared, Figures, Histogram, Threshold
from analyzer.metrics import Metric
from analyzer.plan import Plan
from analyzer.quantiles import arm_quantile_ms
from analyzer.reading import DEFAULT_CAP_MS, Setting, Source
from analyzer.source import Experiment, Window
from record.pair import CONTROL
from record.states import LOST


def known_candidates(source: Source, window: Window, configured: Sequence[str] = ()) -> tuple[str, ...]:
    """Configured names first, then others that the window holds something of; the control, which is none, last."""
    found = {e.candidate for e in source.experiments(window)} | set(source.states(window))
    names = [*configured, *sorted(found - set(configured) - {CONTROL})]
    return (*(n for n in names if n != CONTROL), *((CONTROL,) if CONTROL in found else ()))


@dataclass(frozen=True, slots=True)
class _Complete:
    """Up to when all is there."""

    window: Window
    """Whole blocks behind the watermark."""
    at: datetime | None
    vanished: tuple[str, ...]


def gather(source: Source, plan: Plan, setting: Setting, *, now: datetime) -> Figures:
    """Asks the source; twice in a row it gives equal figures while nothing is added.

    Args:
        source: answers about one store or file.
        plan: what to report.
        setting: what of the configuration a reading depends on.
        now: time of the report, UTC.
    """
    experiments = _experiments(source, plan)
    states = {name: dict(counted) for name, counted in source.states(plan.window).items()}
    complete = _complete(source, plan, experiments, states, now)
    window, notes = source.cut(complete.window, now)
    latest = [found[-1] for found in experiments.values()]
    return Figures(
        asked=plan.window,
        window=window,
        watermark=complete.at,
        vanished=complete.vanished,
        generated_at=now,
        store_version=source.version(),
        experiments=experiments,
        states=states,
        compared=_compared(source, plan, setting, window, latest) if latest else {},
        notes=notes,
    )


def _experiments(source: Source, plan: Plan) -> dict[str, tuple[Experiment, ...]]:
    """By candidate, the latest last."""
    wanted = {*plan.candidates, CONTROL}
    found: dict[str, tuple[Experiment, ...]] = {}
    for experiment in sorted(source.experiments(plan.window), key=lambda e: (e.last, e.id)):
        if experiment.candidate in wanted:
            found[experiment.candidate] = (*found.get(experiment.candidate, ()), experiment)
    return found


def _complete(
    source: Source,
    plan: Plan,
    experiments: Mapping[str, Sequence[Experiment]],
    states: Mapping[str, Mapping[str, int]],
    now: datetime,
) -> _Complete:
    """While requests are under way, fast pairs come first: only blocks behind the watermark are whole."""
    until = min(plan.window.until, now)
    if not any(_under_way(states.get(name, {}), experiments.get(name, ())) for name in plan.candidates):
        return _Complete(plan.window, until, ())
    mark = source.watermark(now)
    if mark is None:
        return _Complete(plan.window, until, ())
    at = None if mark.at is None else min(until, mark.at)
    return _Complete(_whole_blocks(plan, at), at, mark.vanished)


def _under_way(counted: Mapping[str, int], experiments: Sequence[Experiment]) -> bool:
    """More was admitted than became a pair or was lost."""
    ended = sum(e.pairs for e in experiments) + sum(counted.get(state, 0) for state in (*LOST, ERASED))
    return counted.get(ADMITTED, 0) > ended


def _whole_blocks(plan: Plan, complete: datetime | None) -> Window:
    window = plan.window
    if plan.block_s is None or complete is None:
        return window
    block_us = round(plan.block_s * 1e6)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    complete_us = (complete - epoch) // timedelta(microseconds=1)
    end = epoch + timedelta(microseconds=complete_us - complete_us % block_us)
    return Window(window.since, max(window.since, min(window.until, end)))


def _compared(
    source: Source, plan: Plan, setting: Setting, window: Window, latest: Sequence[Experiment]
) -> dict[str, Compared]:
    sums = source.sums(window, latest, setting)
    here = [experiment for experiment in latest if experiment.candidate in sums]
    near = {name: thresholds(of.histograms, plan.metrics) for name, of in sums.items()}
    counts = source.counts(window, here, near)
    measures = tuple(dict.fromkeys(m.measure for m in plan.metrics if m.measure.origin != "rollups"))
    others = source.others(window, here, measures)
    conduct = source.conduct(window, here, setting)
    surroundings = source.surroundings(window, here, setting)
    quality = source.quality(window, here)
    return {
        e.candidate: Compared(
            experiment=e,
            cap_ms=(setting.caps_ms or {}).get(e.candidate, DEFAULT_CAP_MS),
            blocks=sums[e.candidate].blocks,
            buckets=sums[e.candidate].buckets,
            totals=sums[e.candidate].totals,
            histograms=sums[e.candidate].histograms,
            quantiles=counts.get(e.candidate, ()),
            others=others.get(e.candidate, ()),
            labels=sums[e.candidate].labels,
            conduct=conduct[e.candidate],
            surroundings=surroundings[e.candidate],
            quality=quality.get(e.candidate),
        )
        for e in here
    }


def thresholds(histograms: Mapping[str, Histogram], metrics: Sequence[Metric]) -> tuple[Threshold, ...]:
    """Near the quantiles that are asked for, where both arms have one with a density."""
    found = []
    for metric in metrics:
        if metric.quantile is None:
            continue
        arms = [arm_quantile_ms(histograms, metric.name, arm, metric.quantile) for arm in ("primary", "candidate")]
        primary, candidate = arms
        if primary is None or candidate is None or not all(math.isfinite(a.inverse_density) for a in arms if a):
            continue
        found.append(Threshold(metric.name, metric.quantile, primary.value, candidate.value))
    return tuple(found)
