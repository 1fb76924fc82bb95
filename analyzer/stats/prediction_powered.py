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


@dataclass(frozen=True, slots=True)
class WeightedSums:
    """Sums over pairs that stand for w others each: of w, of values a and b times w, and of products of these."""

    n: float
    w: float
    a: float
    b: float
    aa: float
    ab: float
    aw: float
    bb: float
    bw: float
    ww: float

    @property
    def mean_a(self) -> float:
        """Weighted (Hajek 1971)."""
        return self.a / self.w

    @property
    def mean_b(self) -> float:
        """Weighted."""
        return self.b / self.w

    @property
    def effective(self) -> float:
        """(sum w)^2 / sum w^2: as many pairs that weigh the same would say as much (Kish 1965)."""
        return self.w**2 / self.ww

    def squares_a(self, around: float) -> float:
        """Sum of w^2 (a - around)^2."""
        return max(self.aa - 2 * around * self.aw + around**2 * self.ww, 0.0)

    def squares_b(self, around: float) -> float:
        """Sum of w^2 (b - around)^2."""
        return max(self.bb - 2 * around * self.bw + around**2 * self.ww, 0.0)

    def squares_residual(self, weight: float, around: float) -> float:
        """Sum of w^2 (a - weight b - around)^2."""
        plain = self.aa - 2 * weight * self.ab + weight**2 * self.bb
        return max(plain - 2 * around * (self.aw - weight * self.bw) + around**2 * self.ww, 0.0)

    def products(self) -> float:
        """Sum of w^2 (a - mean a) (b - mean b)."""
        return self.ab - self.mean_b * self.aw - self.mean_a * self.bw + self.mean_a * self.mean_b * self.ww


def best_weight(labelled: WeightedSums, judged: WeightedSums | None) -> float:
    """lambda of `corrected_mean` where pairs stand for different numbers of others; equal where they do not.

    Numbers of pairs are then those of as many equal ones, and variances and the covariance are weighted by w^2, as they
    stand in the variance of a weighted mean.

    Args:
        labelled: a is the human's value, b the judge's; at least one pair.
        judged: a is the judge's value; None: there are none, and nothing is gained from the judge.
    """
    if judged is None or labelled.n < 2:
        return 0.0
    mean = (labelled.b + judged.a) / (labelled.w + judged.w)
    n = labelled.n + judged.n
    squares = labelled.squares_b(mean) + judged.squares_a(mean)
    variance = squares / (labelled.ww + judged.ww) * n / (n - 1)
    if variance <= 0:
        return 0.0
    covariance = labelled.products() / labelled.ww
    return min(max(covariance / ((1 + labelled.effective / judged.effective) * variance), 0.0), 1.0)
