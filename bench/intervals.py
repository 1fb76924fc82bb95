"""Quantiles and bootstrap intervals of paired measurements.

Latencies of neighbouring requests resemble each other (one hiccup meets many), so whole stretches of time are drawn,
not single requests. Both sides of a stretch, with and without the thing under test, had the same schedule and are
drawn together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEVEL = 0.95
RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and where it may really lie, at the level asked for."""

    value: float
    low: float
    high: float

    def text(self, digits: int) -> str:
        """`0.21 (0.19 to 0.24)`"""
        return f"{self.value:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was measured in one stretch of time, without and with the thing under test; shapes (n,) and (m,)."""

    without: Floats
    having: Floats


def stretches(at_s: Floats, without: Floats, having: Floats, *, length_s: float) -> list[Stretch]:
    """Cuts a pair of runs with one schedule into stretches.

    Args:
        at_s: shape (n,), the scheduled instants, in seconds from any origin.
        without: shape (n,), one value per instant.
        having: shape (n,), one value per instant, in the same unit.
        length_s: of a stretch; empty ones are left out.
    """
    number = np.floor((at_s - at_s.min(initial=np.inf)) / length_s).astype(np.int64)
    return [Stretch(without[number == i], having[number == i]) for i in np.unique(number)]


def quantile_difference(
    pairs: Sequence[Stretch],
    share: float,
    rng: np.random.Generator,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> Interval:
    """Interval of the difference of two quantiles: having minus without; positive means the thing adds.

    The percentile interval of a paired cluster bootstrap (Davison and Hinkley, Bootstrap Methods and their
    Application, 1997, sections 3.8 and 5.3). It takes stretches for independent, which fails first when disturbances
    last longer than a stretch; with one stretch the interval has no width.

    Args:
        pairs: at least one, none of them empty.
        share: of the quantile, in [0, 1].
        resamples: how many; memory is that of one resample.
    """
    without, having = [p.without for p in pairs], [p.having for p in pairs]
    value = _difference(without, having, range(len(pairs)), share)
    drawn = np.array(
        [
            _difference(without, having, rng.integers(0, len(pairs), len(pairs)).tolist(), share)
            for _ in range(resamples)
        ]
    )
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def _difference(without: list[Floats], having: list[Floats], picked: Sequence[int], share: float) -> float:
    a = np.concatenate([without[i] for i in picked])
    b = np.concatenate([having[i] for i in picked])
    return float(np.quantile(b, share) - np.quantile(a, share))
