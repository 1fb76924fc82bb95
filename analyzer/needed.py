"""How many pairs a verdict still takes, and what they cost in dollars and time.

The present difference is taken for the truth, and its distance from the limit that the rule draws for what is to be
shown; `stats.power` turns distance and spread into pairs. The spread of one pair is the standard error times the root
of n, so dependence is in it. Where two limits must both hold (`equivalent`), either may be missed with half the chance
that is left: exact for a difference of 0, and on the safe side for others. A difference on the wrong side of its limit
is told in words: if it is true, more pairs do not help.
"""

import math

from analyzer.inference import MIN_GROUPS, MIN_PAIRS
from analyzer.quantiles import QUANTILE_PAIRS
from analyzer.rare import RareRate, pairs_needed
from analyzer.results import Comparison, Needed
from analyzer.stats.anytime import least_pairs
from analyzer.stats.power import DEFAULT_POWER, pair_sigma, pairs_for_anytime, pairs_for_fixed
from analyzer.stats.robust import StandardError

MOST_PAIRS = 10**12
"""Beyond it nobody waits."""
_IF_TRUE = "if that is true, no number of pairs shows otherwise"


def needed(
    row: Comparison,
    error: StandardError | None,
    *,
    rare: RareRate | None = None,
    planned: int,
    power: float = DEFAULT_POWER,
    recorded: int | None = None,
    usd_per_pair: float | None = None,
    pairs_per_second: float | None = None,
) -> Needed:
    """What the verdict that the row's rule asks for still takes; `not_worse` where there is no rule.

    Args:
        row: present state; its difference is taken for the truth.
        error: of the difference; None: not known.
        rare: of a rate in which hardly any pair differs: its error says little, and growing counts say more.
        planned: n* of anytime intervals.
        power: chance that the verdict is there by then.
        recorded: pairs of which `row.n` count for this metric; None: every pair counts.
        usd_per_pair: what one more recorded pair costs; None: unknown.
        pairs_per_second: how fast they come; None: unknown.

    Returns:
        Recorded pairs, more than there are.
    """
    limits = _distances(row)
    if isinstance(limits, str):
        return Needed(None, None, None, limits)
    start = _until_start(row, planned)
    if error is None or row.n == 0 or not math.isfinite(error.value) or error.value <= 0:
        if row.reason is not None and not start:
            return Needed(None, None, None, row.reason)
        at_least = f"; statements begin after {start:,} more" if start else ""
        return Needed(None, None, None, f"how much pairs vary is not known yet{at_least}")
    if _is_there(row):
        return _priced(0, usd_per_pair, pairs_per_second)
    if min(limits) <= 0:
        return Needed(None, None, None, _wrong_side(row))
    if rare is not None and row.require in {None, "not_worse"} and row.margin is not None:
        counts = rare if row.metric.better != "higher" else rare.turned
        total = pairs_needed(counts, row.margin, 1 - row.level)
    else:
        total = _total(limits, pair_sigma(error, row.n), row, planned, power)
    if total is None:
        return Needed(None, None, None, "the difference lies so near to its limit that no number of pairs would tell")
    more = max(math.ceil(total) - row.n, start, 1)
    share = row.n / recorded if recorded else 1.0
    return _priced(math.ceil(more / min(share, 1.0)), usd_per_pair, pairs_per_second)


def _distances(row: Comparison) -> tuple[float, ...] | str:
    """How far the difference lies on the good side of each limit; or why there is none."""
    if row.difference is None or not math.isfinite(row.difference):
        return row.reason or "there is no difference to go by"
    better, require = row.metric.better, row.require or "not_worse"
    if require == "equivalent" or better is None:
        if row.margin is None or require != "equivalent":
            return "neither direction is better by itself" if better is None else "there is no margin to go by"
        return row.margin - row.difference, row.margin + row.difference
    worse = -row.difference if better == "higher" else row.difference
    if require == "better":
        return (-worse,)
    return "there is no margin to go by" if row.margin is None else (row.margin - worse,)


def _is_there(row: Comparison) -> bool:
    return row.p_margin is not None and row.p_margin <= 1 - row.level


def _wrong_side(row: Comparison) -> str:
    if row.require == "better":
        return f"by the present estimate the candidate is no better; {_IF_TRUE}"
    return f"by the present estimate the difference is beyond the margin; {_IF_TRUE}"


def _until_start(row: Comparison, planned: int) -> int:
    """Pairs until statements begin: so many in all, over so many time blocks at the present number in each."""
    least = least_pairs(planned) if row.kind == "anytime" else MIN_PAIRS
    least = max(least, QUANTILE_PAIRS.get(row.metric.estimand, 0))
    per_block = row.n / row.blocks if row.blocks else 1.0
    in_blocks = math.ceil((MIN_GROUPS - row.blocks) * per_block)
    return max(least - row.n, in_blocks, 0)


def _total(limits: tuple[float, ...], sigma: float, row: Comparison, planned: int, power: float) -> float | None:
    """Pairs in all; None: too many to speak of."""
    alpha, each = 1 - row.level, 1 - (1 - power) / len(limits)
    distance = min(limits)
    if row.kind == "fixed":
        total = pairs_for_fixed(distance, sigma, alpha=alpha, power=each, sides="one")
    else:
        total = pairs_for_anytime(distance, sigma, planned=planned, alpha=alpha, power=each, sides="one")
    return None if total is None or total > MOST_PAIRS else total


def _priced(pairs: int, usd_per_pair: float | None, pairs_per_second: float | None) -> Needed:
    usd = None if usd_per_pair is None else pairs * usd_per_pair
    return Needed(pairs, usd, pairs / pairs_per_second if pairs_per_second else None)
