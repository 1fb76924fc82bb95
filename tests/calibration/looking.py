"""A replication as a user lives it: a look after every block, from the first statement on.

Statements are those of `analyzer.inference.compare`, which makes the rows of a report.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scipy import stats

from analyzer.inference import MIN_GROUPS, Asked, compare
from analyzer.metrics import METRICS, Metric, named
from analyzer.rare import FEW_DISCORDANT
from analyzer.results import Comparison
from analyzer.stats import anytime
from analyzer.stats.anytime import Horizon, least_pairs
from analyzer.stats.blocks import block_error
from analyzer.stats.estimate import Estimate
from analyzer.stats.robust import StandardError, robust_error
from config.policy import Estimand
from tests.calibration.ledgers import Ledger

LEVEL = 0.95
PLANNED = 5000
DECIDING_BLOCKS = 20
"""A policy decides from here on; a report shows intervals from `MIN_GROUPS` blocks."""
SURELY_HELD = 2.0
"""Bucket errors: no anytime interval or bound is as narrow, so that a look so near to the truth needs no more work."""
_NAIVE = float(stats.norm.ppf(0.5 + LEVEL / 2))


def metric(name: str, estimand: Estimand) -> Metric:
    """As it is declared for reports."""
    found = named(METRICS, name, estimand)
    if found is None:
        raise ValueError(f"there is no {name} {estimand}")
    return found


def row(of: Metric, estimate: Estimate | None, asked: Asked) -> Comparison:
    """What a report says."""
    return compare(of, estimate, asked).row


ANYTIME = Asked("anytime", LEVEL, PLANNED)
FIXED = Asked("fixed", LEVEL, PLANNED)


@dataclass(frozen=True, slots=True)
class Misses:
    """Whether a statement ever missed the truth, over all looks of one replication."""

    interval: bool
    """The two-sided anytime interval."""
    deciding: bool
    """The same, from `DECIDING_BLOCKS` blocks on."""
    too_low: bool
    """The one-sided upper bound: "the candidate's value is lower than it is"."""
    too_high: bool
    naive: bool
    """The normal interval of independent pairs, at the same looks."""
    naive_once: bool
    """That at the end alone."""
    fixed: bool
    """The product's fixed interval at the end alone."""
    time_only: bool
    """An anytime interval whose error is that of time blocks alone."""
    buckets_only: bool
    """An anytime interval whose error is that of conversation buckets alone."""


def misses(ledger: Ledger, of: Metric, *, truth: float = 0.0, step: int = 1) -> Misses:
    """Looks after every `step` blocks.

    Args:
        ledger: one replication.
        of: the metric that the rows are about.
        truth: the true difference.
        step: blocks between looks.
    """
    found = dict.fromkeys(Misses.__slots__, False)
    last = None
    for blocks in range(MIN_GROUPS, ledger.blocks + 1, step):
        last = ledger.at(blocks)
        if last is None or last.obstacle or last.n < least_pairs(PLANNED):
            continue
        found |= _missed(of, last, truth, blocks, found)
    if last is not None:
        final = row(of, last, FIXED)
        found["naive_once"] = _is_naive_miss(last, truth)
        found["fixed"] = final.interval is not None and not final.interval.low <= truth <= final.interval.high
    return Misses(**found)


def _missed(of: Metric, estimate: Estimate, truth: float, blocks: int, before: Mapping[str, bool]) -> dict[str, bool]:
    """`before`, and what is missed at this look."""
    by_bucket = robust_error(estimate.buckets)
    found = {**before, "naive": before["naive"] or _is_naive_miss(estimate, truth)}
    away = abs(estimate.difference - truth)
    by_time = block_error(estimate.blocks, minimum=MIN_GROUPS, level=LEVEL)
    if by_bucket is None or by_time is None or away <= SURELY_HELD * min(by_bucket.value, by_time.value):
        return found
    for name, error in (("time_only", by_time), ("buckets_only", by_bucket)):
        found[name] = found[name] or _misses_with(error, estimate, truth)
    if away <= SURELY_HELD * max(by_bucket.value, by_time.value):
        return found
    said = row(of, estimate, ANYTIME)
    if said.interval is None:
        return found
    is_missed = not said.interval.low <= truth <= said.interval.high
    found["interval"] |= is_missed
    found["deciding"] |= is_missed and blocks >= DECIDING_BLOCKS
    ends = [] if said.bound is None or said.surely is None else [said.bound.value, said.surely]
    if ends:
        found["too_low"] |= max(ends) < truth
        found["too_high"] |= min(ends) > truth
    return found


def may_pass(estimate: Estimate, margin: float, *, is_lower_better: bool) -> bool:
    """False where no anytime bound can lie within the margin."""
    if estimate.discordant is not None and sum(estimate.discordant) < FEW_DISCORDANT:
        return True
    error = robust_error(estimate.buckets)
    worse = estimate.difference if is_lower_better else -estimate.difference
    return error is not None and worse + SURELY_HELD * error.value < margin


def _is_naive_miss(estimate: Estimate, truth: float) -> bool:
    error = estimate.independent_error
    return error is not None and abs(estimate.difference - truth) > _NAIVE * error


def _misses_with(error: StandardError, estimate: Estimate, truth: float) -> bool:
    interval = anytime.two_sided(estimate.difference, error, Horizon(estimate.n, PLANNED), LEVEL)
    return not interval.low <= truth <= interval.high


def first_look(ledger: Ledger, is_said: Callable[[Estimate], bool], *, most_pairs: float = math.inf) -> int | None:
    """Pairs at the first look at which something is said, looking after every block from `DECIDING_BLOCKS` on."""
    for blocks in range(DECIDING_BLOCKS, ledger.blocks + 1):
        estimate = ledger.at(blocks)
        if estimate is None or estimate.n < least_pairs(PLANNED):
            continue
        if estimate.n > most_pairs:
            return None
        if is_said(estimate):
            return estimate.n
    return None
