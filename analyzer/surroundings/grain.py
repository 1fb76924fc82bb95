"""How finely a window is read: a report shows strata and names beside its verdicts, and may not take longer for them.

Errors come from some hundred time steps whatever their length, and half a million pairs say enough of a stratum's mean.
So of a large window some steps are read, drawn by hash, and whole conversations of some buckets. Pure.
"""

import math
from dataclasses import dataclass

from analyzer.source import Experiment, Window

STEPS = 240
"""Time steps at most: enough to merge neighbours until they no longer depend on each other."""
LEAST_STEPS = 100
"""Steps that stay when only some of them are read."""
ENOUGH_PAIRS = 500_000
DEFAULT_BLOCK_S = 60
BUCKETS = 256
LEAST_BUCKETS = 16


@dataclass(frozen=True, slots=True)
class Grain:
    """Of one experiment in one window."""

    step_s: int
    one_in: int
    """Of so many steps one is read."""
    buckets: int
    """Of 256 conversation buckets so many are read."""


def grain(window: Window, experiment: Experiment, block_s: float | None) -> Grain:
    """Steps of whole time blocks, at most 240 that are read; about half a million pairs."""
    block = max(1, math.ceil(block_s or DEFAULT_BLOCK_S))
    since, until = max(window.since, experiment.first), min(window.until, experiment.last)
    blocks = max(1, math.ceil((until - since).total_seconds() / block))
    one_in = max(1, min(math.ceil(experiment.pairs / ENOUGH_PAIRS), blocks // LEAST_STEPS))
    step = block * math.ceil(blocks / (STEPS * one_in))
    share = min(1.0, ENOUGH_PAIRS / max(1, experiment.pairs))
    return Grain(step, one_in, max(LEAST_BUCKETS, math.ceil(BUCKETS * share)))
