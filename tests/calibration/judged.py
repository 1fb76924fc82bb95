"""Judgements with a known truth: what people would say of every pair, a judge that leans, and a few labels.

A person sees how much better the candidate is, and calls what is near to equal a tie. A judge sees the same less well,
and likes the candidate's answers for something that people do not mind, their length, say.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from analyzer.quality.figures import Correction, Groups, Part, Weighted
from tests.calibration.traffic import Arrivals, BoolArray, FloatArray, IntArray, Rng, singles, turns

WORTH = -0.1
"""How much better the candidate is, in standard deviations: people like it a little less than the primary."""
LEANING = 0.35
"""How much the judge likes it for nothing."""
JUDGE_NOISE = 0.8
NEAR = 0.3
"""What differs by less is a tie."""
CONVERSATION = 0.3
"""Share of the variance that turns of a conversation have in common, where there are conversations."""
STRATA = (0.1, 0.25, 0.5, 1.0)
"""Probabilities with which pairs are judged where they are not all alike: what differs most is judged most."""
TRAFFIC = ("iid", "straddling")


@dataclass(frozen=True, slots=True, eq=False)
class JudgedPairs:
    """In the order of their starts; all shapes (n,). Only judged ones."""

    judge: FloatArray
    """-1, 0 or 1."""
    people: FloatArray
    """What they would say."""
    is_labelled: BoolArray
    block: IntArray
    bucket: IntArray
    weight: FloatArray
    """1 / probability with which it was drawn."""

    @property
    def n(self) -> int:
        return len(self.judge)


def truth() -> float:
    """What people would say of all pairs, in the mean."""
    return float(norm.sf(NEAR - WORTH) - norm.cdf(-NEAR - WORTH))


def judge_truth() -> float:
    """What the judge says of all pairs, in the mean."""
    spread = math.hypot(1, JUDGE_NOISE)
    return float(norm.sf((NEAR - WORTH - LEANING) / spread) - norm.cdf((-NEAR - WORTH - LEANING) / spread))


def judged(rng: Rng, name: str, n: int, labels: int, *, is_spread: bool) -> JudgedPairs:
    """`n` pairs, all judged or with different probabilities; `labels` of the judged ones, any of them alike."""
    arrivals = singles(rng, n) if name == "iid" else turns(rng, n, gap_blocks=0.4)
    better = WORTH + _spread(rng, arrivals, name)
    people = _said(better)
    judge = _said(better + LEANING + JUDGE_NOISE * rng.normal(size=n))
    pairs = arrivals.pairs(people, judge, rng)
    chance = np.asarray(STRATA)[np.minimum(np.abs(better), len(STRATA) - 1).astype(int)] if is_spread else np.ones(n)
    kept = rng.random(n) < chance
    labelled = np.zeros(int(kept.sum()), dtype=bool)
    labelled[rng.choice(len(labelled), labels, replace=False)] = True
    return JudgedPairs(judge[kept], people[kept], labelled, pairs.block[kept], pairs.bucket[kept], 1 / chance[kept])


def _spread(rng: Rng, arrivals: Arrivals, name: str) -> FloatArray:
    n, common = len(arrivals.conversation), CONVERSATION if name != "iid" else 0.0
    of_conversation = rng.normal(size=int(arrivals.conversation.max()) + 1)[arrivals.conversation]
    return math.sqrt(common) * of_conversation + math.sqrt(1 - common) * rng.normal(size=n)


def _said(better: FloatArray) -> FloatArray:
    return np.where(better > NEAR, 1.0, np.where(better < -NEAR, -1.0, 0.0))


def correction(pairs: JudgedPairs) -> Correction:
    """As a store adds judgements and labels up."""
    parts: dict[Part, Weighted] = {}
    if not pairs.is_labelled.all():
        parts["judged"] = _weighted(pairs, pairs.judge, np.zeros(pairs.n), ~pairs.is_labelled)
    if pairs.is_labelled.any():
        parts["labelled"] = _weighted(pairs, pairs.people, pairs.judge, pairs.is_labelled)
    return Correction("judge_preference", parts)


def _weighted(pairs: JudgedPairs, a: FloatArray, b: FloatArray, mine: BoolArray) -> Weighted:
    w = pairs.weight[mine]
    wa, wb = w * a[mine], w * b[mine]

    def groups(keys: IntArray) -> Groups:
        known, index = np.unique(keys[mine], return_inverse=True)
        n = np.bincount(index)
        sums = (tuple(np.bincount(index, x).tolist()) for x in (w, wa, wb))
        return Groups(tuple(known.tolist()), tuple(n.tolist()), *sums)

    products = (wa @ wa, wa @ wb, wa @ w, wb @ wb, wb @ w, w @ w)
    one, two, three, four, five, six = map(float, products)
    return Weighted(groups(pairs.block), groups(pairs.bucket), (one, two, three, four, five, six))
