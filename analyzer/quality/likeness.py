"""Are labelled pairs like the others? A correction needs labels of pairs drawn at random among the judged ones.

The judges saw both, so what they say is compared: the difference of their means on labelled pairs and on the others, in
standard errors that are robust to what neighbours in time, and turns of one conversation, have in common.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from analyzer.quality.figures import Correction, Groups
from analyzer.stats.influence import Influence
from analyzer.stats.robust import robust_error

ALARM_P = 0.0005
"""Reports are made again and again; labels drawn at random are suspected in one of two thousand."""
LEAST_PAIRS = 30
"""Of each kind, before anything is said."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What judges say of labelled pairs, and of the others."""

    labelled: float
    """Mean preference of the judges."""
    others: float
    p_value: float

    @property
    def is_alike(self) -> bool:
        """As far as judges tell."""
        return self.p_value >= ALARM_P


def likeness(of: Correction) -> Likeness | None:
    """None with too few pairs of either kind, or where all are alike."""
    labelled, judged = of.parts.get("labelled"), of.parts.get("judged")
    if labelled is None or judged is None:
        return None
    if min(sum(labelled.buckets.n), sum(judged.buckets.n)) < LEAST_PAIRS:
        return None
    means = _mean(labelled.buckets.b, labelled.buckets.w), _mean(judged.buckets.a, judged.buckets.w)
    p_values = []
    for ours, theirs in ((labelled.blocks, judged.blocks), (labelled.buckets, judged.buckets)):
        error = robust_error(_apart(ours, theirs, means))
        if error is not None and error.value > 0:
            p_values.append(float(2 * stats.t.sf(abs(means[0] - means[1]) / error.value, error.degrees)))
    return Likeness(*means, max(p_values)) if p_values else None


def _mean(values: tuple[float, ...], weights: tuple[float, ...]) -> float:
    return sum(values) / sum(weights)


def _apart(labelled: Groups, judged: Groups, means: tuple[float, float]) -> Influence:
    """On the difference of both means."""
    keys = np.union1d(np.array(labelled.keys, dtype=np.int64), np.array(judged.keys, dtype=np.int64))
    n, moved = np.zeros(len(keys)), np.zeros(len(keys))
    for groups, values, mean, sign in ((labelled, labelled.b, means[0], 1.0), (judged, judged.a, means[1], -1.0)):
        at = np.searchsorted(keys, np.array(groups.keys, dtype=np.int64))
        pairs, weights = np.array(groups.n, dtype=np.float64), np.array(groups.w)
        # Both means rest on their own pairs: a group counts by its share of each.
        n[at] += pairs / pairs.sum() / 2
        moved[at] += sign * (np.array(values) - mean * weights) / weights.sum()
    return Influence(n, moved, keys)
