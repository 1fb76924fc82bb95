"""Reference cases: inputs and expected values that other programs made (R, scipy, statsmodels, gbstats)."""

import functools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analyzer.stats.moments import FloatArray

_ROOT = Path(__file__).resolve().parents[3]


class Case:
    """One record of `stats/cases.json`."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.inputs: dict[str, Any] = record["inputs"]
        self.expected: dict[str, Any] = record["expected"]
        self.tolerance: float = record["tolerance"]

    def array(self, name: str) -> FloatArray:
        return np.array(self.inputs[name], dtype=np.float64)

    def check(self, **values: float | tuple[float, ...] | list[float]) -> None:
        for name, value in values.items():
            wanted = np.asarray(self.expected[name], dtype=np.float64)
            np.testing.assert_allclose(np.asarray(value), wanted, rtol=self.tolerance, atol=1e-12, err_msg=name)


def reference_case(case_id: str) -> Case:
    """The record, or a skip that says where it was looked for."""
    return Case(next(record for record in _records() if record["id"] == case_id))


def case_ids() -> list[str]:
    """Of all records, or a skip."""
    return [str(record["id"]) for record in _records()]


def _records() -> list[dict[str, Any]]:
    shared = Path(os.environ.get("SHADOWBENCH_SHARED", _ROOT.parent / "shared"))
    path = shared / "stats" / "cases.json"
    if not path.exists():
        pytest.skip(f"no reference cases: {path} is not there (SHADOWBENCH_SHARED names the folder)")
    return _read(path)


@functools.cache
def _read(path: Path) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return records
