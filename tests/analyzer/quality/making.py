"""Figures made of raw values: sums by hand, a second way beside those of the engine and of `analyzer.quality.filed`."""

import gzip
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from analyzer.inference import Asked
from analyzer.quality.figures import Correction, Groups, Part, QualityFigures, Weighted

ANYTIME = Asked("anytime", 0.95, 1000)
FIXED = Asked("fixed", 0.95, 1000)
BLOCK_S = 60


@dataclass(frozen=True)
class One:
    """One pair."""

    a: float
    b: float = 0.0
    w: float = 1.0
    block: int = 1
    """Number; its start is so many minutes after the epoch."""
    bucket: int = 0


def weighted(pairs: Sequence[One]) -> Weighted:
    return Weighted(
        _groups(pairs, [p.block * BLOCK_S for p in pairs]),
        _groups(pairs, [p.bucket for p in pairs]),
        (
            sum((p.w * p.a) ** 2 for p in pairs),
            sum(p.w**2 * p.a * p.b for p in pairs),
            sum(p.w**2 * p.a for p in pairs),
            sum((p.w * p.b) ** 2 for p in pairs),
            sum(p.w**2 * p.b for p in pairs),
            sum(p.w**2 for p in pairs),
        ),
    )


def _groups(pairs: Sequence[One], keys: Iterable[int]) -> Groups:
    found: dict[int, list[One]] = defaultdict(list)
    for pair, key in zip(pairs, keys, strict=True):
        found[key].append(pair)
    ordered = sorted(found)
    return Groups(
        tuple(ordered),
        tuple(len(found[key]) for key in ordered),
        tuple(sum(p.w for p in found[key]) for key in ordered),
        tuple(sum(p.w * p.a for p in found[key]) for key in ordered),
        tuple(sum(p.w * p.b for p in found[key]) for key in ordered),
    )


def correction(
    labelled: Sequence[One], judged: Sequence[One] = (), settled: Sequence[One] = (), metric: str = "judge_preference"
) -> Correction:
    """Of labelled pairs a is what people say, b what judges do; of the others a alone counts."""
    given: Mapping[Part, Sequence[One]] = {"settled": settled, "judged": judged, "labelled": labelled}
    return Correction(metric, {part: weighted(pairs) for part, pairs in given.items() if pairs})


def figures(*corrections: Correction) -> QualityFigures:
    return QualityFigures("helpfulness@12345678", corrections=corrections)


def recorded(name: str) -> Path:
    """A file of the recorded data; skips where it is absent."""
    root = Path(os.environ.get("SHADOWBENCH_SHARED", Path(__file__).resolve().parents[4] / "shared"))
    path = root / "data" / name
    if not path.is_file():
        pytest.skip(f"no recorded data: {path} is not there (SHADOWBENCH_SHARED names the folder)")
    return path


def lines(name: str) -> list[str]:
    """Of a gzipped text of the recorded data."""
    with gzip.open(recorded(name), "rt", encoding="utf-8") as file:
        return file.read().splitlines()
