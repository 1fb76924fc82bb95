"""One-sided bounds of a mean whose values are skewed, as latencies and costs are.

A mean of right-skewed values goes with its own error: a sample without the rare large values has a low mean and looks
precise, so that "the candidate is not slower" is said too often. Hall (1992, JRSS-B 54:221) removes that by a monotone
cubic of the t-statistic T = (mean - mu) / SE, with gamma = skewness / sqrt(n):

    g(T) = T + gamma T^2 / 3 + gamma^2 T^3 / 27 + gamma / 6
    g^-1(x) = (3 / gamma) ((1 + gamma (x - gamma / 6))^(1/3) - 1)

g(T) is normal up to terms of order 1/n. In Hall's paper SE = s / sqrt(n), and x is a normal quantile. An error that is
robust to dependence takes the place of the first, and the multiplier of any one-sided statement that of the second; the
skewness is that of single pairs, as if the dependence did not change it.

Without a correction the mean of values with skewness k needs many pairs: 25 k^2 before it is worth showing, 100 k^2
before a plain one-sided bound holds its level (Kohavi's rule of 355 k^2 is stricter; simulation: docs/validity.md).
"""

import math

import numpy as np


def lower(mean: float, error: float, skewness: float, n: float, multiplier: float) -> float:
    """The true mean lies above, with the confidence that `multiplier` stands for.

    Args:
        mean: estimate.
        error: its standard error, 0 or above.
        skewness: of single values, any sign.
        n: values, above 0.
        multiplier: distance of the plain bound from the mean in standard errors, 1.645 for 95 % at one look.
    """
    return mean - error * _inverse(multiplier, skewness / math.sqrt(n))


def upper(mean: float, error: float, skewness: float, n: float, multiplier: float) -> float:
    """The true mean lies below; arguments as of `lower`."""
    return mean - error * _inverse(-multiplier, skewness / math.sqrt(n))


def corrected_z(mean: float, error: float, skewness: float, n: float, *, value: float) -> float:
    """g(T) for "the true mean is `value`": what a plain z would be without skewness; `error` is above 0."""
    gamma = skewness / math.sqrt(n)
    t = (mean - value) / error
    return t + gamma * t**2 / 3 + gamma**2 * t**3 / 27 + gamma / 6


def pairs_for_display(skewness: float) -> int:
    """Pairs before which the mean is too uncertain to be shown with an interval."""
    return math.ceil(25 * skewness**2)


def _inverse(x: float, gamma: float) -> float:
    if abs(gamma) < 1e-9:
        # The limit; what is left out is smaller than gamma (x^2 / 3 + 1 / 6).
        return x
    inner = gamma * (x - gamma / 6)
    if inner > -0.5:
        return 3 / gamma * math.expm1(math.log1p(inner) / 3)
    return 3 / gamma * (float(np.cbrt(1 + inner)) - 1)
