"""Did sampling take the share that it should? A mismatch means that the sample is not a random one."""

from collections.abc import Sequence

import numpy as np
from scipy import stats


def chi_square(observed: Sequence[float], expected_share: Sequence[float]) -> tuple[float, float]:
    """(chi-square, p-value) of counts against shares, for units that were drawn independently.

    Args:
        observed: counts; their total is above 0.
        expected_share: as many, above 0, adding up to 1.
    """
    counts = np.asarray(observed, dtype=np.float64)
    expected = counts.sum() * np.asarray(expected_share, dtype=np.float64)
    statistic = float(((counts - expected) ** 2 / expected).sum())
    return statistic, float(stats.chi2.sf(statistic, len(counts) - 1))


def sample_ratio_p(sampled: int, eligible: int, share: float, *, requests_per_draw: float) -> float | None:
    """p-value of "each conversation was taken with probability `share`".

    Whole conversations are drawn, so requests vary more than independent ones would. Estimated from what was taken
    (Horvitz and Thompson), the variance of their number is that of independent draws times
    sum m^2 / sum m, with m the requests of each sampled conversation; the chi-square is divided by it.

    Args:
        sampled: requests taken.
        eligible: requests that could have been.
        share: 0 to 1.
        requests_per_draw: sum m^2 / sum m; 1 when each request is drawn alone.

    Returns:
        None when nothing was eligible.
    """
    if eligible == 0:
        return None
    if share in {0.0, 1.0}:
        return 1.0 if sampled == round(share * eligible) else 0.0
    statistic, _ = chi_square([sampled, eligible - sampled], [share, 1 - share])
    return float(stats.chi2.sf(statistic / max(requests_per_draw, 1.0), 1))
