"""Figures of one candidate, as small as a test needs them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from analyzer.figures import Compared, Figures, GroupTable, Histogram, LabelTable
from analyzer.integrity.figures import Conduct
from analyzer.metrics import METRICS, Estimand, Metric, named
from analyzer.source import Experiment, Window
from analyzer.stats.estimate import Estimate
from analyzer.stats.influence import Influence
from analyzer.surroundings.figures import Surroundings

AT = datetime(2026, 3, 1, tzinfo=UTC)
WINDOW = Window(AT, AT + timedelta(hours=1))
CAP_MS = 60_000.0
NO_GROUPS = GroupTable((), {})


def metric(name: str, estimand: Estimand | None = None) -> Metric:
    found = named(METRICS, name, estimand)
    assert found is not None
    return found


def experiment(pairs: int = 1000, **fields: Any) -> Experiment:
    values: dict[str, Any] = {"candidate": "swift", "id": "e1", "first": AT, "last": AT, "share_low": 0.1}
    values |= {"share_high": 0.1, "held": 0, "gateway_cached": 0, "client_aborts": 0}
    values |= {"failures_primary": 0, "failures_candidate": 0}
    return Experiment(pairs=pairs, **{**values, **fields})


def estimate(n: int, difference: float, primary: float | None = None, candidate: float | None = None) -> Estimate:
    nothing = Influence(np.array([float(n)]), np.zeros(1), np.zeros(1, dtype=np.int64))
    return Estimate(n, primary, candidate, difference, None, nothing, nothing)


def compared(
    conduct: Conduct | None = None,
    *,
    totals: Mapping[str, int] | None = None,
    histograms: Mapping[str, Histogram] | None = None,
    labels: tuple[LabelTable, ...] = (),
    of: Experiment | None = None,
) -> Compared:
    return Compared(
        experiment=of or experiment(),
        cap_ms=CAP_MS,
        blocks=NO_GROUPS,
        buckets=NO_GROUPS,
        totals=totals or {},
        histograms=histograms or {},
        quantiles=(),
        others=(),
        labels=labels,
        conduct=conduct or Conduct(),
        surroundings=Surroundings(),
    )


def figures(
    of: Mapping[str, Compared], states: Mapping[str, Mapping[str, int]] | None = None, **fields: Any
) -> Figures:
    values: dict[str, Any] = {
        "asked": WINDOW,
        "window": WINDOW,
        "watermark": AT,
        "vanished": (),
        "generated_at": AT,
        "store_version": "26.9",
        "experiments": {name: (c.experiment,) for name, c in of.items()},
        "states": states or {},
        "compared": of,
    }
    return Figures(**{**values, **fields})
