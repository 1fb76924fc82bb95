"""Did another series change at the same time? The control and the primary's own level bear witness to a change.

The contrast of the blocks from a date on against those before it, with block-robust errors on both sides
(`stats.blocks`) and the smaller of both sides' degrees of freedom. That it excludes 0 says yes; that it excludes half
of the change that it is asked about says no; else there is too little to say.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analyzer.stats.blocks import block_error
from analyzer.stats.influence import Influence

LEVEL = 0.99
LEAST_BLOCKS = 5
"""On either side."""


@dataclass(frozen=True, slots=True)
class Testimony:
    """What a series says."""

    moved: bool | None
    """None: it cannot tell."""
    before: float
    after: float


def hear(blocks: Influence, estimate: float, at: int, change: float | None) -> Testimony | None:
    """What a series says of a change.

    Args:
        blocks: what each block adds to the series' estimate, in order of time.
        estimate: over all of them.
        at: key of the first block after the change.
        change: its size, in the series' unit; None where the units differ: then it may say yes, and never no.

    Returns:
        None where there are too few blocks on either side.
    """
    parts = [_part(blocks, blocks.keys < at), _part(blocks, blocks.keys >= at)]
    errors = []
    levels = []
    for part in parts:
        if part.groups < LEAST_BLOCKS:
            return None
        mean = float(part.sums.sum()) / part.total
        error = block_error(Influence(part.n, part.sums - part.n * mean, part.keys), minimum=LEAST_BLOCKS, level=LEVEL)
        if error is None:
            return None
        levels.append(estimate + mean)
        errors.append(error)
    moved = levels[1] - levels[0]
    degrees = min(error.degrees for error in errors)
    margin = math.hypot(*(error.value for error in errors)) * float(stats.t.ppf(0.5 + LEVEL / 2, degrees))
    return Testimony(_verdict(moved, margin, change), levels[0], levels[1])


def _part(blocks: Influence, which: np.ndarray) -> Influence:
    return Influence(blocks.n[which], blocks.sums[which], blocks.keys[which])


def _verdict(moved: float, margin: float, change: float | None) -> bool | None:
    if abs(moved) > margin:
        return True
    if change is not None and abs(moved) + margin < abs(change) / 2:
        return False
    return None
