"""Is the difference another one on some days of the week? Cochran's Q over the seven of them.

With d_k the mean over the days of weekday k, m_k the number of these days, and s^2 the variance between days of the
same weekday, pooled (Cochran 1954, Biometrics 10:101):

    Q = sum m_k (d_k - d)^2 / s^2,    d = sum m_k d_k / sum m_k

Days count alike, so that nothing but days has to be independent, and the error is what days of one weekday really
differ by, not what pairs within a day do: whole days are good or bad. As s^2 is an estimate with D - 7 degrees of
freedom (D days), Q/6 is compared with F(6, D - 7), which is exact for normal days; the usual chi-square with 6 degrees
is far too eager with two or three weeks.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analyzer.stats import periods
from analyzer.stats.influence import Influence
from analyzer.stats.robust import StandardError

DAY_S = 86_400
_WEEKDAYS = 7
_LEAST_OF_A_DAY = 0.25
"""A day counts with so many pairs of a median day: the first and the last of a window are cut off."""
NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Weekdays:
    """Means by weekday (UTC), Monday first, and the test that they are all the same."""

    means: tuple[float, ...]
    days: tuple[int, ...]
    """With pairs, of each weekday."""
    q: float
    p_value: float


def weekdays(blocks: Influence, estimate: float) -> Weekdays | None:
    """The test; None unless there are two days of each weekday at least, and days of one weekday differ.

    Args:
        blocks: what each block adds to the estimate; keys are seconds since the epoch.
        estimate: over all of them.
    """
    day, place = np.unique(blocks.keys // DAY_S, return_inverse=True)
    pairs = np.bincount(place, blocks.n)
    whole = pairs >= _LEAST_OF_A_DAY * np.median(pairs) if len(day) else pairs > 0
    values = (estimate + np.bincount(place, blocks.sums) / pairs)[whole]
    day = day[whole]
    weekday = periods.weekdays(day * DAY_S)
    count = np.bincount(weekday, minlength=_WEEKDAYS).astype(np.float64)
    if count.min() < 2:
        return None
    means = np.bincount(weekday, values, minlength=_WEEKDAYS) / count
    within = float(((values - means[weekday]) ** 2).sum()) / (len(day) - _WEEKDAYS)
    if within <= (1e-9 * float(np.abs(values).max())) ** 2:
        return None
    # One pooled variance: Welch's correction, made for separate ones, would be in the way.
    errors = [StandardError(math.sqrt(within / n), math.inf, int(n), "pooled") for n in count]
    found = periods.cochran_q(means.tolist(), errors)
    if found is None:
        return None
    p_value = float(stats.f.sf(found.q / (_WEEKDAYS - 1), _WEEKDAYS - 1, len(day) - _WEEKDAYS))
    return Weekdays(tuple(means.tolist()), tuple(int(n) for n in count), found.q, p_value)
