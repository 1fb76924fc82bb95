"""When requests are sent: fixed before the run, whatever becomes of the requests (an open loop)."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Instants = NDArray[np.int64]
"""Nanoseconds from the start, ascending."""
Arrivals = Literal["poisson", "even"]


def instants(arrivals: Arrivals, rate_per_s: float, seconds: float, *, seed: int) -> Instants:
    """The instants in [0, seconds).

    `poisson`: as many independent clients send, the gaps exponential; `even`: one every 1/rate seconds.
    """
    if arrivals == "even":
        return (np.arange(math.ceil(rate_per_s * seconds)) * (1e9 / rate_per_s)).astype(np.int64)
    rng = np.random.default_rng(seed)
    expected = rate_per_s * seconds
    # Ten standard deviations more than are expected: the stretch is always filled.
    gaps_s = rng.exponential(1 / rate_per_s, math.ceil(expected + 10 * math.sqrt(expected) + 10))
    at_s = np.cumsum(gaps_s)
    return (at_s[at_s < seconds] * 1e9).astype(np.int64)
