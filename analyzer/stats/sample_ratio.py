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
