"""What people would say of all pairs: a metric of judges, corrected by the pairs that people labelled (PPI++).

Pairs that a free rung settled keep what it says (both answers are the same, or only one is what was asked for). Of the
others, with f what the judges say and Y what people say, U the pairs that only judges saw and L those that people saw
as well, and every pair weighing w = 1 / the probability with which it was drawn for judging,

    theta_J = lambda mean_U(f) + mean_L(Y - lambda f)        (Angelopoulos, Duchi and Zrnic 2023; `stats`)
    theta   = (sum_S w g + W_J theta_J) / (W_S + W_J)        S: settled pairs, W: sums of weights

whatever the judges' bias. Labelled pairs must be a random sample of the judged ones: that is false first, and `people`
looks whether it is. Errors come from the influence of each pair, summed up by time and by conversation,

    S   w (g - theta) / W
    U   w (theta_J - theta) / W + (W_J / W) lambda w (f - mean_U(f)) / W_U
    L   w (theta_J - theta) / W + (W_J / W) w (Y - lambda f - mean_L(Y - lambda f)) / W_L

in which lambda counts as known: its own error does not matter to first order, since both means of f have one limit.
The number of pairs that counts is that of the labels: they are what more are needed of.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from analyzer.quality.figures import Correction, Groups, Part, QualityFigures, Weighted
from analyzer.quality.likeness import likeness
from analyzer.stats.estimate import Estimate
from analyzer.stats.influence import Influence
from analyzer.stats.moments import FloatArray
from analyzer.stats.prediction_powered import LEAST_LABELS, WeightedSums, best_weight

DECIDING_LABELS = 3 * LEAST_LABELS
"""Before a corrected metric decides anything."""
PLANNED_LABELS = 500
"""n* of anytime intervals over labels: any number is valid, and this one is narrow between 100 and some thousand."""
LEAST_GROUPS = 10
"""Time blocks, and conversation buckets, with labels; with fewer an error is hardly known."""
_PREFERENCE = "judge_preference"
_AS_GOOD: Mapping[str, float] = {_PREFERENCE: 0.0, "win_rate": 0.5}
"""Metric -> its value where both arms are as good."""


@dataclass(frozen=True, slots=True)
class Mixed:
    """The corrected mean."""

    value: float
    weight: float
    """lambda: how much the judges are believed."""
    of_judged: float
    """theta_J: without the settled pairs."""
    error: float
    """Standard error, for independent pairs."""
    blocks: Influence
    buckets: Influence


def corrected(metric: str, figures: QualityFigures | None) -> Estimate | None:
    """The estimate of a metric; None where no judged pair has a label.

    Args:
        metric: `judge_preference` or `win_rate`.
        figures: of the candidate.
    """
    found = None if figures is None else next((c for c in figures.corrections if c.metric == metric), None)
    labelled = None if found is None else found.parts.get("labelled")
    if found is None or labelled is None:
        return None
    mixed, as_good = mix(found), _AS_GOOD[metric]
    labels = sum(labelled.buckets.n)
    return Estimate(
        labels,
        as_good,
        mixed.value,
        mixed.value - as_good,
        mixed.error,
        mixed.blocks,
        mixed.buckets,
        obstacle=_obstacle(labelled, labels),
        least=LEAST_LABELS,
        doubt=_doubt(figures, labels),
    )


def label_groups(metric: str, figures: QualityFigures | None) -> tuple[int, int]:
    """(time blocks, conversation buckets) with labelled pairs."""
    corrections = () if figures is None else figures.corrections
    found = next((c.parts.get("labelled") for c in corrections if c.metric == metric), None)
    return (0, 0) if found is None else (len(found.blocks.keys), len(found.buckets.keys))


def _doubt(figures: QualityFigures | None, labels: int) -> str | None:
    """Why nothing is decided by it."""
    preferences = None if figures is None else next((c for c in figures.corrections if c.metric == _PREFERENCE), None)
    alike = None if preferences is None else likeness(preferences)
    if alike is not None and not alike.is_alike:
        return (
            f"labelled pairs are not like the others: judges prefer the candidate by {alike.labelled:+.2f} there "
            f"and by {alike.others:+.2f} elsewhere; label pairs that are drawn at random"
        )
    return f"{labels:,} labels by people; a verdict needs {DECIDING_LABELS:,}" if labels < DECIDING_LABELS else None


def _obstacle(labelled: Weighted, labels: int) -> str | None:
    if labels < LEAST_LABELS:
        return f"{labels:,} labels by people; a corrected value is shown from {LEAST_LABELS:,} on"
    for groups, what in ((labelled.blocks, "time blocks"), (labelled.buckets, "groups of conversations")):
        if len(groups.keys) < LEAST_GROUPS:
            return f"labels lie in {len(groups.keys)} {what}; an interval needs {LEAST_GROUPS}"
    return None


def mix(of: Correction) -> Mixed:
    """The mean over settled, judged and labelled pairs; there are labelled ones."""
    sums = {part: _sums(weighted) for part, weighted in of.parts.items()}
    labelled, judged = sums["labelled"], sums.get("judged")
    weight = best_weight(labelled, judged)
    of_judged = labelled.mean_a - weight * labelled.mean_b + (0.0 if judged is None else weight * judged.mean_a)
    w_judged = labelled.w + (0.0 if judged is None else judged.w)
    settled = sums.get("settled")
    whole = w_judged + (0.0 if settled is None else settled.w)
    value = (of_judged * w_judged + (0.0 if settled is None else settled.a)) / whole
    terms = dict(_terms(sums, weight, value, of_judged))
    squares = {part: term.squares(sums[part]) for part, term in terms.items()}
    total = sum(squares.values())
    if total > 0:
        shares = {part: x / total for part, x in squares.items()}
    else:
        shares = {part: float(part == "labelled") for part in squares}
    blocks, buckets = (
        _influence({part: (getattr(of.parts[part], kind), terms[part], shares[part]) for part in terms}, labelled.n)
        for kind in ("blocks", "buckets")
    )
    return Mixed(value, weight, of_judged, float(np.sqrt(total)), blocks, buckets)


@dataclass(frozen=True, slots=True)
class _Term:
    """Influence of one pair: w (constant + by_a a + by_b b)."""

    constant: float
    by_a: float
    by_b: float

    def squares(self, of: WeightedSums) -> float:
        """Sum of the squares over the pairs of a part."""
        c, a, b = self.constant, self.by_a, self.by_b
        whole = c * c * of.ww + a * a * of.aa + b * b * of.bb + 2 * (c * a * of.aw + c * b * of.bw + a * b * of.ab)
        # What rounding leaves of equal values is nothing.
        size = c * c * of.ww + a * a * of.aa + b * b * of.bb
        return whole if whole > 1e-12 * size else 0.0

    def sums(self, of: Groups) -> FloatArray:
        """By group."""
        return self.constant * np.array(of.w) + self.by_a * np.array(of.a) + self.by_b * np.array(of.b)


def _terms(
    sums: Mapping[Part, WeightedSums], weight: float, value: float, of_judged: float
) -> Iterator[tuple[Part, _Term]]:
    whole = sum(s.w for s in sums.values())
    labelled, judged, settled = sums["labelled"], sums.get("judged"), sums.get("settled")
    part = (labelled.w + (0.0 if judged is None else judged.w)) / whole
    mixing = (of_judged - value) / whole
    if settled is not None:
        yield "settled", _Term(-value / whole, 1 / whole, 0.0)
    if judged is not None:
        by = part * weight / judged.w
        yield "judged", _Term(mixing - by * judged.mean_a, by, 0.0)
    by = part / labelled.w
    yield "labelled", _Term(mixing - by * (labelled.mean_a - weight * labelled.mean_b), by, -by * weight)


def _influence(parts: Mapping[Part, tuple[Groups, _Term, float]], labels: float) -> Influence:
    """In the manner of a mean over the labels.

    A group's number of pairs says how much of the estimate rests on it: its share of each part's pairs, by the part's
    share of the variance. Groups on which nothing rests are left out.
    """
    keys = np.unique(np.concatenate([np.array(groups.keys, dtype=np.int64) for groups, _, _ in parts.values()]))
    n, moved = np.zeros(len(keys)), np.zeros(len(keys))
    for groups, term, share in parts.values():
        at = np.searchsorted(keys, np.array(groups.keys, dtype=np.int64))
        pairs = np.array(groups.n, dtype=np.float64)
        n[at] += share * labels * pairs / float(pairs.sum())
        moved[at] += term.sums(groups)
    held = n > 0
    return Influence(n[held], moved[held] * float(n.sum()), keys[held])


def _sums(of: Weighted) -> WeightedSums:
    groups = of.buckets
    return WeightedSums(float(sum(groups.n)), sum(groups.w), sum(groups.a), sum(groups.b), *of.products)
