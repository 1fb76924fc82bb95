"""Columns -> rows again: as much of them as was kept, and without what is not known."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np

from analyzer.filed import columns as c
from analyzer.filed.columns import ARMS, ArmColumns, Flags, Floats, PairColumns
from analyzer.filed.describing import moment
from analyzer.filed.exact import Index, chunks
from analyzer.measures import Row

Models = Sequence[str | None]
CONDUCT = ("bucket", "start_skew_ms", "loop_lag_ms")
"""Columns by which a sample's conduct is judged."""
SURROUNDINGS = (
    "ts",
    "block",
    "held_ms",
    "gateway_cache",
    "changed",
    *(
        f"{arm}_{name}"
        for arm in ARMS
        for name in ("outcome", "model", "total_ms", "ttft_ms", "cached_tokens", "connection_reused")
    ),
)
"""Columns that say what surrounds a comparison."""


def rows_of(pairs: PairColumns, rows: Index, names: Sequence[str], models: tuple[str, ...]) -> Iterator[Row]:
    """Rows of some pairs.

    Args:
        pairs: n of them.
        rows: numbers of those that are asked for.
        names: of `CONDUCT` or `SURROUNDINGS`.
        models: names by code less 1.
    """
    by_code = (None, *models)
    for chunk in chunks(rows):
        found = pairs.taken(chunk)
        columns = [_column(found, name, by_code) for name in names]
        for values in zip(*columns, strict=True):
            yield {name: value for name, value in zip(names, values, strict=True) if value is not None}


def _column(pairs: PairColumns, name: str, models: Models) -> list[Any]:
    """None where not known."""
    if name in _OF_PAIR:
        return _OF_PAIR[name](pairs)
    arm, _, what = name.partition("_")
    found = pairs.primary if arm == "primary" else pairs.candidate
    if what == "model":
        return [models[code] if code < len(models) else None for code in found.model.tolist()]
    return _OF_ARM[what](found)


@lru_cache(maxsize=4096)
def _second(second: int) -> datetime:
    """Neighbours are of the same block."""
    return moment(second * 10**6)


_OF_PAIR: Mapping[str, Callable[[PairColumns], list[Any]]] = {
    "ts": lambda pairs: [moment(us) for us in pairs.ts_us.tolist()],
    "block": lambda pairs: [_second(s) for s in pairs.block_s.tolist()],
    "bucket": lambda pairs: pairs.bucket.tolist(),
    "start_skew_ms": lambda pairs: _numbers(pairs.skew_ms),
    "loop_lag_ms": lambda pairs: _numbers(pairs.lag_ms),
    "held_ms": lambda pairs: _numbers(pairs.held_ms),
    "gateway_cache": lambda pairs: pairs.has(c.CACHED).tolist(),
    "changed": lambda pairs: [("n",) if several else () for several in pairs.has(c.SEVERAL).tolist()],
}
_OF_ARM: Mapping[str, Callable[[ArmColumns], list[Any]]] = {
    "outcome": lambda arm: [c.OUTCOMES[code] for code in arm.outcome.tolist()],
    "total_ms": lambda arm: _numbers(arm.total_ms),
    "ttft_ms": lambda arm: _numbers(arm.ttft_ms),
    "cached_tokens": lambda arm: _numbers(arm.known_tokens("cached_tokens")),
    "connection_reused": lambda arm: _known(arm.has(c.REUSED).tolist(), arm.has(c.REUSED_KNOWN)),
}


def _numbers(values: Floats) -> list[Any]:
    return _known(values.tolist(), ~np.isnan(values))


def _known(values: list[Any], known: Flags) -> list[Any]:
    return [value if is_known else None for value, is_known in zip(values, known.tolist(), strict=True)]
