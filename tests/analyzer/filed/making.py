"""Rows and sources for these tests."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analyzer.figures import GroupTable
from analyzer.filed.building import ColumnBuilder
from analyzer.filed.reading import read_pairs
from analyzer.filed.source import FilePairs
from analyzer.filed.summing import added_up, steps
from analyzer.reading import Sums
from store.transfer.reading import PairsFile
from tests.analyzer.rows import random_rows

Row = dict[str, Any]


def varied(n: int, *, seed: int) -> list[Row]:
    """Random rows of which some are streams, with labels."""
    rows = random_rows(n, seed=seed)
    for i, row in enumerate(rows):
        row |= {
            "stream": [True, False, None][i % 3],
            "labels": {"tenant": f"t{i % 5}", **({"route": "/a"} if i % 2 else {})},
        }
    return rows


def sums(rows: Iterable[Mapping[str, Any]], *, cap_us: int | None = None, step_s: int | None = None) -> Sums:
    """Of all rows; without a cap as rollups hold them."""
    builder = ColumnBuilder()
    for row in rows:
        builder.add(row)
    pairs, labels = builder.columns()
    step_s = step_s or steps(pairs.block_s)
    return added_up(pairs, np.arange(len(pairs)), labels, step_s=step_s, cap_us=cap_us)


def by_key(table: GroupTable) -> dict[int, dict[str, int]]:
    """Key -> statistics other than 0."""
    return {key: {n: x[i] for n, x in table.sums.items() if x[i]} for i, key in enumerate(table.keys)}


def grouped(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def without_zeros(found: Mapping[str, int]) -> dict[str, int]:
    return {name: x for name, x in found.items() if x}


def jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path, **more: Any) -> FilePairs:
    return read_pairs(PairsFile(path), block_s=60, **more)


def plain(i: int = 0, **more: Any) -> Row:
    """A row that says little."""
    return {"candidate": "swift", "primary_total_ms": 100.0 + i, "candidate_total_ms": 50.0, **more}
