"""One judge: what it said, whether order and length sway it, whether it is constant, what attacks and calls do."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy import special, stats

from analyzer.inference import Asked
from analyzer.quality.figures import Calls, JudgeFigures, Lengths, Twice, Verdicts
from analyzer.quality.results import Canaries, Length, Position, Repeats, Share, Spending
from analyzer.stats import anytime
from analyzer.stats.agreement import SwapCounts, cohens_kappa, swap_consistency
from analyzer.stats.anytime import Horizon
from analyzer.stats.interval import Interval, two_sided
from analyzer.stats.length_control import LEAST_DECIDED, LengthControlled, length_controlled
from analyzer.stats.proportions import sign_test, wilson
from analyzer.stats.robust import StandardError

_NANOUSD = 1e-9


def share(count: int, n: int, level: float) -> Share | None:
    """None of nothing."""
    return Share(count, n, wilson(count, n, level)) if n else None


def verdict_counts(verdicts: Sequence[Verdicts]) -> tuple[int, int, int]:
    """(wins, ties, losses) of the candidate."""
    counted = Counter[int]()
    for v in verdicts:
        if v.said is not None:
            counted[v.said] += v.n
    return counted[1], counted[0], counted[-1]


def positions(verdicts: Sequence[Verdicts], level: float) -> tuple[Position, ...]:
    """Of pairs asked about in both orders, and of those asked about in one that was drawn; what there is of both."""
    both = [(v.primary_first, v.candidate_first, v.n) for v in verdicts]
    asked_twice = [(pc, cp, n) for pc, cp, n in both if pc is not None and cp is not None]
    asked_once = [
        # Positive: the first answer won.
        (-pc if pc is not None else cp or 0, n)
        for pc, cp, n in both
        if (pc is None) != (cp is None)
    ]
    found = []
    if asked_twice:
        found.append(_both_orders(asked_twice, level))
    if asked_once:
        found.append(_random_order(asked_once, level))
    return tuple(found)


def _both_orders(verdicts: Sequence[tuple[int, int, int]], level: float) -> Position:
    tied = sum(n for pc, cp, n in verdicts if pc == 0 or cp == 0)
    consistent = sum(n for pc, cp, n in verdicts if pc == cp != 0)
    first = sum(n for pc, cp, n in verdicts if pc < 0 < cp)
    second = sum(n for pc, cp, n in verdicts if cp < 0 < pc)
    swapped = swap_consistency(SwapCounts(consistent, first, second), level)
    return Position(
        "both",
        consistent,
        first,
        second,
        tied,
        share(consistent, consistent + first + second, level),
        share(first, first + second, level),
        1.0 if swapped is None else swapped.p_position,
    )


def _random_order(verdicts: Sequence[tuple[int, int]], level: float) -> Position:
    """Which answer stands first was drawn, so of the better ones half do."""
    first, second = (sum(n for said, n in verdicts if said * sign > 0) for sign in (1, -1))
    tied = sum(n for said, n in verdicts if said == 0)
    return Position(
        "random", 0, first, second, tied, None, share(first, first + second, level), sign_test(first, second)
    )


def length(lengths: Lengths | None, people: Lengths | None, asked: Asked) -> Length | None:
    """Of one judge, beside what people say.

    Args:
        lengths: the judge's; None: not known.
        people: what people said; None: nothing.
        asked: how statements are made.
    """
    if lengths is None:
        return None
    won, weight = np.array(lengths.won), np.array(lengths.weight)
    longer = np.array(lengths.longer, dtype=np.float64)
    n, decided = len(won), int((won != 0.5).sum())
    mean = float(np.average(longer, weights=weight))
    raw = float(np.average(won, weights=weight))
    fit = length_controlled(won, longer, np.array(lengths.bucket, dtype=np.float64), weight)
    if fit is None:
        said = "the win rate cannot be fitted on length: too few pairs, equal lengths, or one winner"
        return Length(lengths.of, n, decided, mean, raw, None, None, None, None, reason=said)
    p_value = float(2 * stats.norm.sf(abs(fit.slope) / fit.slope_error)) if fit.slope_error > 0 else None
    theirs = _people_slope(people)
    if decided < LEAST_DECIDED:
        said = f"{decided:,} judgements with a winner and known lengths; equal length needs {LEAST_DECIDED}"
        return Length(lengths.of, n, decided, mean, raw, fit.slope, p_value, None, None, theirs, said)
    groups = len(set(lengths.bucket))
    around = _interval(fit, groups, asked)
    return Length(lengths.of, n, decided, mean, raw, fit.slope, p_value, fit.controlled, around, theirs)


def _people_slope(people: Lengths | None) -> float | None:
    """None where too few labels have a winner."""
    if people is None:
        return None
    won = np.array(people.won)
    if int((won != 0.5).sum()) < LEAST_DECIDED:
        return None
    fit = length_controlled(won, np.array(people.longer, dtype=np.float64))
    return None if fit is None else fit.slope


def _interval(fit: LengthControlled, groups: int, asked: Asked) -> Interval | None:
    """On the scale of log odds, so that it stays within 0 and 1; over conversation buckets."""
    if groups < 2 or fit.intercept_error <= 0:
        return None
    error = StandardError(fit.intercept_error, groups - 1.0, groups, "sandwich")
    if asked.kind == "fixed":
        ends = two_sided(fit.intercept, error, asked.level)
    else:
        ends = anytime.two_sided(fit.intercept, error, Horizon(fit.n, asked.planned), asked.level)
    return Interval(float(special.expit(ends.low)), float(special.expit(ends.high)))


def repeats(twice: Sequence[Twice], level: float) -> Repeats | None:
    """None where nothing was asked twice."""
    if not twice:
        return None
    verdicts, scores = ([t for t in twice if t.is_score is of_scores] for of_scores in (False, True))
    table = np.zeros((3, 3))
    for t in verdicts:
        table[int(t.first) + 1, int(t.again) + 1] += t.n
    kappa = cohens_kappa(table)
    n_scores = sum(t.n for t in scores)
    return Repeats(
        share(int(np.trace(table)), int(table.sum()), level),
        None if kappa is None else kappa.value,
        None if kappa is None else kappa.interval(level),
        share(sum(t.n for t in scores if t.first == t.again), n_scores, level),
        sum(abs(t.first - t.again) * t.n for t in scores) / n_scores if n_scores else None,
    )


def canaries(counts: tuple[int, int, int], level: float) -> Canaries | None:
    """Of attacks that (won, tied, lost); None without any."""
    fell = share(counts[0], sum(counts), level)
    return None if fell is None else Canaries(fell, counts[1])


def spending(calls: Sequence[Calls], judgements: int) -> Spending | None:
    """None where calls are not known."""
    if not calls:
        return None
    asked = sum(c.n for c in calls if c.stage == "asked")
    ended = [c for c in calls if c.stage == "ended"]
    n_ended, unpriced = sum(c.n for c in ended), sum(c.unpriced for c in ended)
    usd = math.fsum(c.cost_nanousd for c in ended) * _NANOUSD if n_ended > unpriced else None
    attempts = Counter[str]()
    for c in ended:
        attempts[c.outcome] += c.n
    return Spending(
        calls=asked,
        open=max(asked - n_ended, 0),
        usd=usd,
        unpriced=unpriced,
        usd_per_1000=usd / judgements * 1000 if usd is not None and judgements and not unpriced else None,
        input_tokens=sum(c.input_tokens for c in ended),
        output_tokens=sum(c.output_tokens for c in ended),
        attempts=dict(attempts.most_common()),
    )


def failed(figures: JudgeFigures, judgements: int, level: float) -> Share | None:
    """Pairs that it did not judge; None where calls are not known."""
    if not figures.calls:
        return None
    unjudged = sum(pairs for _, pairs in figures.failures)
    return share(unjudged, unjudged + judgements, level)
