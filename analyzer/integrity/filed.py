"""How the sample came about, from the rows of a file of pairs: it holds neither skips nor counts of states."""

import math
from collections.abc import Iterable
from numbers import Real

import numpy as np

from analyzer.integrity.figures import Conduct, StartSkew
from analyzer.integrity.stored import BUCKETS
from analyzer.measures import Row
from analyzer.reading import Setting


def conduct_of_rows(rows: Iterable[Row], setting: Setting) -> Conduct:
    """Of one candidate's rows; columns that a file does not have are not known.

    Args:
        rows: columns of `pairs` by name.
        setting: limits of the configuration.
    """
    buckets = [0] * BUCKETS
    skews_ms: list[float] = []
    watched = busy = 0
    for row in rows:
        if (bucket := _number(row.get("bucket"))) is not None:
            buckets[int(bucket) % BUCKETS] += 1
        if (skew_ms := _number(row.get("start_skew_ms"))) is not None:
            skews_ms.append(skew_ms)
        if (lag_ms := _number(row.get("loop_lag_ms"))) is not None:
            watched += 1
            busy += lag_ms > setting.loop_lag_ms
    return Conduct(
        buckets=tuple(buckets) if any(buckets) else (),
        start=_start(skews_ms, watched, busy) if skews_ms else None,
    )


def _number(value: object) -> float | None:
    """None for what is no finite number."""
    return float(value) if isinstance(value, Real) and math.isfinite(value) else None


def _start(skews_ms: list[float], watched: int, busy: int) -> StartSkew:
    p99_ms = float(np.quantile(np.array(skews_ms), 0.99, method="inverted_cdf"))
    return StartSkew(len(skews_ms), sum(round(skew * 1000) for skew in skews_ms), p99_ms, watched, busy)
