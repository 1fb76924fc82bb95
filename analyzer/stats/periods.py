"""Parts of a window held against each other, days of the week for example: do their estimates differ by chance?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analyzer.stats.influence import IntArray
from analyzer.stats.robust import StandardError

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Do estimates of independent parts differ by more than their errors?"""

    q: float
    """Sum of (value - mean)^2 / error^2, mean weighted by 1 / error^2 (Cochran 1954)."""
    degrees: int
    p: float
    mean: float


def weekdays(keys: IntArray) -> IntArray:
    """Day of the week in UTC of each start (seconds since the epoch): 0 is Monday."""
    return (keys // _DAY_S + 3) % 7


def cochran_q(values: Sequence[float], errors: Sequence[StandardError]) -> Heterogeneity | None:
    """Cochran's Q with Welch's (1951, Biometrika 38:330) p-value, which knows that errors of few blocks are uncertain.

    Infinite degrees of freedom give the chi-square p-value of Q.

    Args:
        values: of independent parts.
        errors: as many; parts with an error of 0 are left out, for they have no weight.

    Returns:
        None below two parts.
    """
    kept = [(value, error) for value, error in zip(values, errors, strict=True) if error.value > 0]
    count = len(kept)
    if count < 2:
        return None
    value = np.array([value for value, _ in kept])
    weight = np.array([error.value**-2 for _, error in kept])
    mean = float(weight @ value / weight.sum())
    q = float(weight @ (value - mean) ** 2)
    uncertain = sum(
        (1 - share) ** 2 / error.degrees for share, (_, error) in zip(weight / weight.sum(), kept, strict=True)
    )
    degrees = count - 1
    if uncertain == 0:
        return Heterogeneity(q, degrees, float(stats.chi2.sf(q, degrees)), mean)
    f = q / degrees / (1 + 2 * (count - 2) / (count**2 - 1) * uncertain)
    return Heterogeneity(q, degrees, float(stats.f.sf(f, degrees, (count**2 - 1) / (3 * uncertain))), mean)
