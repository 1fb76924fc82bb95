"""One rule of a policy against its row of the report: does it hold, surely not, or is that open?

With w how much worse the candidate is (candidate minus primary where lower is better, the other way round where
higher is), the rule holds when w is surely below its limit, and fails when w is surely above it:

    not_worse    limit = margin      passes: upper bound of w < margin     fails: lower bound of w > margin
    better       limit = 0           passes: upper bound of w < 0          fails: lower bound of w > 0
    equivalent   -margin and margin  passes: two one-sided tests (Schuirmann 1987)
                                     fails: one of the bounds lies beyond one of both

Bounds are one-sided, at the policy's level. A candidate that is exactly as good as the primary is never `better`,
and never surely not: such a rule stays open, and the pairs still needed say that more of them do not help.

Missing pairs count as bad, or as good, as they can be, whichever is against the finding; what turns then is open.
Agreements (`exact_match`, `tool_call_agreement`) are one value for both arms: the candidate's agreement with the
primary is set against the primary's own with itself, from the control leg. Without one there is nothing to compare.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy import stats

from analyzer.metrics import Metric, named
from analyzer.results import Comparison, Role
from config.policy import MetricRule

LEAST_BLOCKS = 20
"""Before any decision; an error over fewer is hardly known."""
Finding = Literal["passed", "failed", "open"]


@dataclass(frozen=True, slots=True)
class Ruling:
    """Before it is corrected for several candidates."""

    rule: MetricRule
    role: Role
    row: Comparison | None
    """None: the report has no such metric."""
    p_value: float | None
    """Of "the rule does not hold", missing pairs at their worst; None: not known."""
    is_failed: bool = False
    obstacle: str | None = None
    """Why nothing can be said yet."""
    is_turned_by_missing: bool = False
    """It would hold, were it not for what missing pairs may have been."""

    @property
    def metric(self) -> Metric | None:
        """Of its row."""
        return None if self.row is None else self.row.metric


def rule_on(rule: MetricRule, role: Role, rows: Sequence[Comparison], *, level: float, candidates: int) -> Ruling:
    """What the rows say of one rule.

    Args:
        rule: of the policy.
        role: its part in the policy.
        rows: of one candidate.
        level: of bounds.
        candidates: that are decided about together.
    """
    metric = named(tuple(row.metric for row in rows), rule.metric, rule.estimand)
    row = next((row for row in rows if row.metric is metric), None)
    if row is None:
        return Ruling(rule, role, None, None, obstacle="this report has no such metric")
    obstacle = _obstacle(row)
    if obstacle is not None or row.p_margin is None:
        return Ruling(rule, role, row, None, obstacle=obstacle or row.reason or "not known yet")
    holds = _holds_with_missing(row, _tightening(level, candidates))
    return Ruling(
        rule,
        role,
        row,
        row.p_margin if holds else 1.0,
        is_failed=_is_failed(row),
        is_turned_by_missing=not holds and row.p_margin <= 1 - level,
    )


def _obstacle(row: Comparison) -> str | None:
    if row.metric.measure.joint and (row.primary is None or row.difference is None):
        return (
            "an agreement of both arms says something only beside the primary's with itself: "
            "turn the control leg on (`control: {sample: 5%}`)"
        )
    if row.interval is None:
        return row.reason or "no interval yet"
    if row.doubt is not None:
        return row.doubt
    if row.require != "better" and row.margin is None:
        return "its margin is a share of the primary's value, which is 0 or unknown; write it in the metric's unit"
    return None


def _limit(row: Comparison) -> float:
    return 0.0 if row.require == "better" or row.margin is None else row.margin


def _holds_with_missing(row: Comparison, tightening: float) -> bool:
    """Would the rule hold if what is missing were as bad as it can be? True where nothing is missing."""
    if row.worst is None:
        return True
    at_least, at_most = _worse_by(row, tightening)
    limit = _limit(row)
    return at_most < limit and (row.require != "equivalent" or at_least > -limit)


def _is_failed(row: Comparison) -> bool:
    at_least, at_most = _worse_by(row, 1.0)
    limit = _limit(row)
    return at_least > limit or (row.require == "equivalent" and at_most < -limit)


def _worse_by(row: Comparison, tightening: float) -> tuple[float, float]:
    """How much worse the candidate is (at least, at most) if what is missing were as good, or as bad, as it can be.

    Where neither direction is better there are no bounds: the two-sided interval, which is wider, stands for them, and
    more counts as worse.
    """
    interval, difference = row.interval, row.difference
    if interval is None or difference is None:
        return -math.inf, math.inf
    low, high = interval.low, interval.high
    if row.bound is not None and row.surely is not None:
        low, high = sorted((row.bound.value, row.surely))
    worst = row.worst or interval
    low = difference - (difference - low) * tightening - (interval.low - worst.low)
    high = difference + (high - difference) * tightening + (worst.high - interval.high)
    return (-high, -low) if row.metric.better == "higher" else (low, high)


def _tightening(level: float, candidates: int) -> float:
    """How much further a bound lies that holds for all candidates at once (Bonferroni).

    From Student's t with the fewest degrees of freedom that decide: those of normal and anytime bounds grow less.
    """
    alpha, degrees = 1 - level, LEAST_BLOCKS - 1
    if candidates <= 1 or alpha >= 0.5:
        return 1.0
    return float(stats.t.ppf(1 - alpha / candidates, degrees) / stats.t.ppf(level, degrees))
