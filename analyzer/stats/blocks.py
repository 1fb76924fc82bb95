"""Neighbouring time blocks are merged until they no longer depend on each other.

Load makes latency drift: pairs of one minute resemble those of the next, and an error that takes blocks for
independent is too small. Doubling the length until the lag-1 autocorrelation falls below 0.1 mends that, as long as
enough blocks remain to see it. Two cautions make it hold while somebody looks after every block (docs/validity.md):

- an autocorrelation r that is left widens the error by sqrt((1 + r) / (1 - r)), the long-run error of a first-order
  autoregression; 1/G is added to r, which the estimated mean makes too small by about that (Marriott and Pope 1954,
  Biometrika 41:390);
- the widest error of all lengths that were tried counts. Chance makes one length look uncorrelated at some look, and
  who looks all the time would pick it.
"""

import dataclasses
import math
from collections.abc import Iterator

from analyzer.stats.influence import Influence
from analyzer.stats.robust import StandardError, robust_error

MAX_AUTOCORRELATION = 0.1
MOST_LEFT = 0.8
"""An autocorrelation that is left is taken for no more: beyond, the window is too short for any error."""
SURE_GROUPS = 50
"""With fewer blocks an autocorrelation is too noisy to be trusted to be small."""


def block_error(blocks: Influence, *, minimum: int, level: float) -> StandardError | None:
    """The widest error over blocks of doubling lengths, up to the first that looks uncorrelated.

    From the second length on, only 50 blocks or more are believed when they look so: with fewer it may be chance. A
    window should be a hundred times as long as its load lasts.

    Args:
        blocks: in order of time.
        minimum: blocks never become fewer than this.
        level: of the interval whose width is compared.

    Returns:
        None when there are fewer than `minimum` blocks.
    """
    tried: list[StandardError] = []
    for merged in _lengths(blocks, minimum):
        error = robust_error(merged)
        if error is None:
            return None
        left = merged.autocorrelation()
        tried.append(_widened(error, left + 1 / merged.groups))
        if left < MAX_AUTOCORRELATION and (merged.groups >= SURE_GROUPS or len(tried) == 1):
            break
    return wider(tried, level)


def _widened(error: StandardError, autocorrelation: float) -> StandardError:
    left = min(max(autocorrelation, 0.0), MOST_LEFT)
    return dataclasses.replace(error, value=error.value * math.sqrt((1 + left) / (1 - left)))


def wider(errors: list[StandardError], level: float) -> StandardError | None:
    """The one with the wider interval; None when there is none."""
    return max(errors, key=lambda error: error.margin(level), default=None)


def _lengths(blocks: Influence, minimum: int) -> Iterator[Influence]:
    size = 1
    while -(-blocks.groups // size) >= max(minimum, 2):
        yield blocks.coarser(size)
        size *= 2
