"""Takes a daily and a weekly cycle out of a series of blocks, so that the night does not look like a change.

Load comes and goes with the hours, and with it the primary's latency and whatever is proportional to it. A cycle that a
window holds twice or more can be told from a change of level: a constant and two harmonics of each such cycle are
fitted by least squares weighted with the pairs of the blocks (harmonic regression; Bloomfield 1976), and what the
harmonics say is taken away. Two harmonics follow a day's shape well enough and cost four of the blocks' degrees of
freedom, where a mean for each hour would cost twenty-four. What a shape has beyond them stays as autocorrelation, which
the search for changes allows for. A change of level that falls together with a cycle's phase loses a little of its
height.
"""

from collections.abc import Iterator

import numpy as np

from analyzer.stats.influence import Influence
from analyzer.stats.moments import FloatArray

DAY_S, WEEK_S = 86_400, 604_800
HARMONICS = 2
_LEAST_BLOCKS_PER_CYCLE = 6


def covered_s(blocks: Influence) -> int:
    """From the start of the first block to the end of the last one, seconds."""
    if blocks.groups < 2:
        return 0
    return int(blocks.keys[-1] - blocks.keys[0] + np.diff(blocks.keys).min())


def without_cycles(blocks: Influence) -> Influence:
    """The same blocks without the cycles that they hold at least twice; keys are seconds since the epoch."""
    columns = list(_columns(blocks))
    if not columns:
        return blocks
    design = np.stack([np.ones(blocks.groups), *columns], axis=1)
    root = np.sqrt(blocks.n)
    fitted, *_ = np.linalg.lstsq(design * root[:, None], blocks.sums / root, rcond=None)
    sums = blocks.sums - blocks.n * (design[:, 1:] @ fitted[1:])
    # All together 0, as influence has to be.
    return Influence(blocks.n, sums - blocks.n * (sums.sum() / blocks.total), blocks.keys)


def _columns(blocks: Influence) -> Iterator[FloatArray]:
    covered = covered_s(blocks)
    for length_s in (DAY_S, WEEK_S):
        spacing = float(np.diff(blocks.keys).min()) if blocks.groups > 1 else float(length_s)
        if covered < 2 * length_s or spacing * _LEAST_BLOCKS_PER_CYCLE > length_s:
            continue
        for k in range(1, HARMONICS + 1):
            phase = 2 * np.pi * k * (blocks.keys % length_s) / length_s
            yield np.sin(phase)
            yield np.cos(phase)
