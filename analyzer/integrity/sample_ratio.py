"""Was the share of requests drawn that should have been?

Whole conversations are drawn, so requests come in lumps: their number varies as if only one in sum m^2 / sum m of them
were drawn by itself (m: requests of a conversation). That factor is seen in the counts of the 256 conversation buckets,
which are independent of the draw: with conversations hashed to B buckets, the counts N_b have

    E sum (N_b - mean N)^2 = (1 - 1/B) sum m^2,   hence   inflation = B / (B - 1) sum (N_b - mean N)^2 / sum N_b

Fixed: the chi-square over the inflation, which is itself an estimate with B - 1 degrees of freedom, is compared with
F(1, B - 1). Anytime: counts over the inflation go into the e-process of Lindon and Malek (2022), as if so many
conversations of one size had been drawn; that is a working approximation, not a theorem.

What is false first: a handful of conversations that hold most requests. Without them in the sample the share is low
and the inflation seems small, both at once. In simulations with 10 % sampling, an alarm at 0.0005 then sounds in 1 to
3 % of healthy windows; hence no finding below 500 draws' worth of requests, or while one bucket makes 15 % of the
spread.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from analyzer.audit import RECEIVED
from analyzer.integrity.results import Finding, SampleRatio
from analyzer.integrity.states import NOT_ELIGIBLE
from analyzer.results import Kind
from analyzer.source import Experiment
from analyzer.stats.sample_ratio import chi_square
from analyzer.stats.sequential import always_valid_p, log_e_sample_ratio
from record.states import State

ALARM_FIXED = 0.0005
"""A stringent one: everything else is void when it sounds (Kohavi, Tang and Xu 2020, chapter 21)."""
ALARM_ANYTIME = 0.001
"""Evidence of 1000 to 1."""
MIN_DRAWS = 500
"""Requests over inflation."""
MAX_PART = 0.15
"""Of the spread of the buckets, in the one that differs most; of 256 alike it is some 4 %."""


def sample_ratio(
    counted: Mapping[str, int], experiments: Sequence[Experiment], buckets: Sequence[int], kind: Kind
) -> SampleRatio:
    """Of a candidate's eligible requests, the share that was drawn.

    Args:
        counted: `received` and states, as the workers counted them.
        experiments: of the candidate in the window; the test needs one share for all of them.
        buckets: sampled requests by conversation bucket; empty: not known, then nothing is tested.
        kind: whether the p-value is to hold at every look.
    """
    eligible = counted.get(RECEIVED, 0) - sum(counted.get(s, 0) for s in NOT_ELIGIBLE)
    if eligible <= 0:
        return SampleRatio(kind=kind)
    sampled = max(0, eligible - counted.get(State.UNSAMPLED, 0))
    expected = constant_share(experiments)
    larger = inflation(buckets)
    if expected is None or larger is None:
        return SampleRatio(expected, sampled / eligible, kind=kind)
    test, alarm = (p_anytime, ALARM_ANYTIME) if kind == "anytime" else (p_fixed, ALARM_FIXED)
    p_value = test(sampled, eligible, expected, larger)
    finding: Finding = "open"
    if sampled / larger >= MIN_DRAWS and largest_part(buckets) <= MAX_PART:
        finding = "failed" if p_value < alarm else "passed"
    return SampleRatio(expected, sampled / eligible, p_value, kind, finding)


def constant_share(experiments: Sequence[Experiment]) -> float | None:
    """The share of all pairs; None when it changed, or there are none."""
    shares = {share for e in experiments for share in (e.share_low, e.share_high)}
    share = shares.pop() if len(shares) == 1 else None
    return share if share is not None and 0 <= share <= 1 else None


def inflation(buckets: Sequence[int]) -> float | None:
    """sum m^2 / sum m from counts by bucket, never below 1; None when it cannot be told."""
    counts = np.asarray(buckets, dtype=np.float64)
    if len(counts) < 2 or counts.sum() == 0:
        return None
    spread = float(((counts - counts.mean()) ** 2).sum()) * len(counts) / (len(counts) - 1)
    return max(1.0, spread / float(counts.sum()))


def largest_part(buckets: Sequence[int]) -> float:
    """Share of sum (N_b - mean N)^2 in the bucket that has most of it; 0 where all are alike."""
    counts = np.asarray(buckets, dtype=np.float64)
    squares = (counts - counts.mean()) ** 2
    return float(squares.max() / squares.sum()) if squares.sum() > 0 else 0.0


def p_fixed(sampled: int, eligible: int, share: float, larger: float, *, buckets: int = 256) -> float:
    """For one look; `larger` from `inflation`, `eligible` above 0."""
    if share in {0.0, 1.0}:
        return 1.0 if sampled == round(share * eligible) else 0.0
    statistic, _ = chi_square([sampled, eligible - sampled], [share, 1 - share])
    return float(stats.f.sf(statistic / larger, 1, buckets - 1))


def p_anytime(sampled: int, eligible: int, share: float, larger: float) -> float:
    """At every look; the same arguments."""
    if share in {0.0, 1.0}:
        return 1.0 if sampled == round(share * eligible) else 0.0
    log_e = log_e_sample_ratio([sampled / larger, (eligible - sampled) / larger], [share, 1 - share])
    return 0.0 if math.isinf(log_e) else always_valid_p(log_e)
