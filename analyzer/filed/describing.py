"""What was compared in a file, and how much of it there is."""

from datetime import UTC, datetime, timedelta

import numpy as np

from analyzer.filed import columns as c
from analyzer.filed.columns import ARMS, ArmColumns, PairColumns
from analyzer.filed.exact import Index
from analyzer.source import Experiment

MIN_BOTH = 30
"""Legs with reported and estimated tokens, below which their ratio says little."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(us: int) -> datetime:
    """Microseconds since the epoch as a time."""
    return _EPOCH + timedelta(microseconds=us)


def experiment_of(candidate: str, experiment: str, pairs: PairColumns, rows: Index) -> Experiment:
    """One of at least one pair.

    Args:
        candidate: its name.
        experiment: its id.
        pairs: n of them.
        rows: numbers of those that belong to it.
    """
    ts_us, share = pairs.ts_us[rows], pairs.share[rows]
    arms = [pairs.arm(arm).taken(rows) for arm in ARMS]
    aborted = arms[0].ended("client_abort") | arms[1].ended("client_abort")
    failed = [~aborted & ~arm.ended("ok") for arm in arms]
    estimated = [arm.has(c.ESTIMATED) for arm in arms]
    return Experiment(
        candidate,
        experiment,
        pairs=len(rows),
        first=moment(int(ts_us.min())),
        last=moment(int(ts_us.max())),
        share_low=float(share.min()),
        share_high=float(share.max()),
        held=int((pairs.held_ms[rows] > 0).sum()),
        gateway_cached=int(((pairs.bits[rows] & c.CACHED) != 0).sum()),
        client_aborts=int(aborted.sum()),
        failures_primary=int(failed[0].sum()),
        failures_candidate=int(failed[1].sum()),
        estimated_primary=int(estimated[0].sum()),
        estimated_candidate=int(estimated[1].sum()),
        estimated_both=int((estimated[0] & estimated[1]).sum()),
        estimator_error_primary=_estimator_error(arms[0]),
        estimator_error_candidate=_estimator_error(arms[1]),
    )


def _estimator_error(arm: ArmColumns) -> float | None:
    """Reported over estimated tokens, less one, of legs that have both; the larger of input and output."""
    known = np.logical_and.reduce([arm.has(bit) for bit in c.TOKENS_KNOWN[:4]]) & ~arm.has(c.ESTIMATED)
    if int(known.sum()) < MIN_BOTH:
        return None
    inputs, outputs, estimated_inputs, estimated_outputs = (
        int(getattr(arm, name)[known].sum(dtype=np.int64)) for name in c.TOKENS[:4]
    )
    both = ((inputs, estimated_inputs), (outputs, estimated_outputs))
    return max(abs(reported / estimated - 1) if estimated else 0.0 for reported, estimated in both)
