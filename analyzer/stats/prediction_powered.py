"""A mean of human labels, sharpened by a judge's scores of many more pairs (PPI++; Angelopoulos, Duchi and Zrnic 2023).

With f a judge's score and Y the human's, of n pairs that both saw and N that only the judge saw,

    theta = lambda mean_N(f) + mean_n(Y - lambda f),     SE^2 = lambda^2 var_N(f) / N + var_n(Y - lambda f) / n
    lambda = cov_n(Y, f) / ((1 + n/N) var(f)), kept within 0 and 1

is unbiased whatever the judge's bias, and no worse than the labels alone. Labelled pairs must be a random sample of the
judged ones. Variances have divisor n, that of f in lambda n + N - 1, as in the authors' package. All of it comes from
sums.
"""

import math
from dataclasses import dataclass
from typing import Self

from analyzer.stats.moments import FloatArray, Moments

LEAST_LABELS = 100
"""Before a corrected mean is worth showing; three times that before it decides."""


@dataclass(frozen=True, slots=True)
class LabelSums:
    """Sums over the pairs that a human labelled and a judge scored."""

    n: int
    human: float
    judge: float
    human_squares: float
    judge_squares: float
    products: float

    @classmethod
    def of_pairs(cls, human: FloatArray, judge: FloatArray) -> Self:
        """From raw values, shapes (n,), in the same order."""
        return cls(
            len(human),
            float(human.sum()),
            float(judge.sum()),
            float(human @ human),
            float(judge @ judge),
            float(human @ judge),
        )


@dataclass(frozen=True, slots=True)
class Corrected:
    """The mean that humans would give."""

    value: float
    error: float
    """Standard error, for independent pairs."""
    weight: float
    """lambda: how much the judge is believed; 0: not at all, the labels' mean stands alone."""


def corrected_mean(labelled: LabelSums, judged: Moments, *, weight: float | None = None) -> Corrected | None:
    """The corrected mean.

    Args:
        labelled: pairs with both.
        judged: of the judge's scores of the pairs without a label; at least one.
        weight: lambda, in [0, 1]; None: the one that makes the error smallest.

    Returns:
        None below two labels, or without a judged pair.
    """
    n, others = labelled.n, judged.n
    if n < 2 or others < 1:
        return None
    mean_y, mean_f = labelled.human / n, labelled.judge / n
    covariance = labelled.products / n - mean_y * mean_f
    lam = _best_weight(labelled, judged, covariance) if weight is None else weight
    spread_y = labelled.human_squares / n - mean_y**2
    spread_f = labelled.judge_squares / n - mean_f**2
    residual = max(spread_y - 2 * lam * covariance + lam**2 * spread_f, 0.0)
    error = math.sqrt(lam**2 * judged.centred_squares / others**2 + residual / n)
    return Corrected(lam * judged.mean + mean_y - lam * mean_f, error, lam)


def _best_weight(labelled: LabelSums, judged: Moments, covariance: float) -> float:
    n, others = labelled.n, judged.n
    mean_f = labelled.judge / n
    apart = mean_f - judged.mean
    pooled = labelled.judge_squares - n * mean_f**2 + judged.centred_squares + apart**2 * n * others / (n + others)
    variance = pooled / (n + others - 1)
    if variance <= 0:
        return 0.0
    return min(max(covariance / ((1 + n / others) * variance), 0.0), 1.0)
