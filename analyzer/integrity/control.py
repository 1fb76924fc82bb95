"""The primary against itself: equivalent within a part of each margin?

A test of "no difference" passes with little data and fails with much, since no setup is perfect. Here it is the other
way round: both one-sided bounds must lie within the limit (two one-sided tests, Schuirmann 1987, at the study's level
and of its kind), which takes data, and any setup that is good enough passes.
"""

from collections.abc import Sequence

from analyzer.integrity.results import ControlCheck, Finding
from analyzer.metrics import Metric
from analyzer.results import Comparison
from analyzer.stats.interval import Interval

Target = tuple[Metric, float | None]
"""A metric that decides, and its margin in the metric's unit."""


def control_checks(rows: Sequence[Comparison], targets: Sequence[Target], within: float) -> tuple[ControlCheck, ...]:
    """One check per target with a margin above 0; equivalence within nothing cannot be shown, and is not asked.

    Agreement with the primary is what the control measures, and judgements of it are rare: neither is asked.

    Args:
        rows: of the control.
        targets: what decides; the margins of the candidate that is reported.
        within: part of a margin.
    """
    found = {row.metric.key: row for row in rows}
    return tuple(
        _check(metric, within * margin, found.get(metric.key))
        for metric, margin in targets
        if margin is not None and margin > 0 and not metric.measure.joint and metric.measure.origin != "judgements"
    )


def _check(metric: Metric, limit: float, row: Comparison | None) -> ControlCheck:
    bounds = None if row is None else both_bounds(row)
    if bounds is None:
        return ControlCheck(metric.name, metric.estimand, limit, None, None, "open")
    finding: Finding = "open"
    if -limit < bounds.low and bounds.high < limit:
        finding = "passed"
    elif bounds.low > limit or bounds.high < -limit:
        finding = "failed"
    return ControlCheck(metric.name, metric.estimand, limit, bounds.low, bounds.high, finding)


def both_bounds(row: Comparison) -> Interval | None:
    """Both one-sided bounds of a difference, each of the row's level; None while there are none.

    A metric without a better direction has none: its two-sided interval, which is wider, stands for them.
    """
    if row.bound is not None and row.surely is not None:
        return Interval(*sorted((row.bound.value, row.surely)))
    return row.interval
