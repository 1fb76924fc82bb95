"""Recorded outputs, annotations and labels; none of it is part of the repository."""

import csv
import gzip
import json
import math
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from bench.recordings import RecordingsMissingError, shared_directory

JUDGES = {
    "weighted": "weighted_alpaca_eval_gpt4_turbo",
    "cot": "alpaca_eval_cot_gpt4_turbo_fn",
    "turbo": "alpaca_eval_gpt4_turbo_fn",
    "gpt4": "alpaca_eval_gpt4",
}
"""Short name -> what AlpacaEval calls this annotator."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """What a recorded judge said of one instruction: the model against the reference."""

    item: str
    preference: float | None
    """-1 to 1, positive: the model is better; None: the judge failed."""
    log_first: float | None
    """Natural logarithm of the probability of naming what was shown first."""
    log_second: float | None

    @property
    def won(self) -> float | None:
        """0 to 1."""
        return None if self.preference is None else (1 + self.preference) / 2


@dataclass(frozen=True, slots=True)
class Published:
    """One line of a leaderboard; per cent."""

    judge: str
    model: str
    reference: str
    win_rate: float | None
    recomputed: float
    length_controlled: float | None
    first_shown: float | None
    """Share of the decided in which the answer shown first won, where the order is known."""


def data() -> Path:
    """Where the recordings lie; without them the test is skipped."""
    try:
        return shared_directory() / "data"
    except RecordingsMissingError as error:
        pytest.skip(str(error))


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Of a CSV or JSONL file, packed or not."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
        if ".jsonl" in path.name:
            yield from map(json.loads, lines)
        else:
            yield from csv.DictReader(lines)


@lru_cache
def outputs(model: str) -> Mapping[str, Mapping[str, str]]:
    """Item -> instruction and output of one model."""
    return {row["id"]: row for row in rows(data() / "pairs" / "outputs" / f"{model}.jsonl.gz")}


@lru_cache
def annotations(judge: str) -> Mapping[str, Mapping[str, Annotation]]:
    """Model -> item -> what a judge (short name) said."""
    found: dict[str, dict[str, Annotation]] = {}
    for row in rows(data() / "pairs" / "annotations" / f"{JUDGES[judge]}.csv.gz"):
        found.setdefault(row["model_b"], {})[row["id"]] = Annotation(
            row["id"], _preference(row["preference"]), _number(row["lp_first"]), _number(row["lp_second"])
        )
    return found


@lru_cache
def first_shown() -> Mapping[str, bool]:
    """Item -> the reference was shown first. The recorded order depends on the instruction alone, for all judges."""
    found: dict[str, bool] = {}
    for name in JUDGES.values():
        for row in rows(data() / "pairs" / "annotations" / f"{name}.csv.gz"):
            if row["a_first"]:
                is_first = row["a_first"] == "1"
                assert found.setdefault(row["id"], is_first) == is_first
    return found


@lru_cache
def published() -> Mapping[tuple[str, str], Published]:
    """(judge's short name, model) -> its line."""
    short = {name: key for key, name in JUDGES.items()}
    return {
        (short[row["judge"]], row["model"]): Published(
            short[row["judge"]],
            row["model"],
            row["reference"],
            _number(row["published_win_rate"]),
            float(row["recomputed_win_rate"]),
            _number(row["published_lc_win_rate"]),
            _number(row["share_first_shown_wins"]),
        )
        for row in rows(data() / "pairs" / "recomputed.csv")
    }


@lru_cache
def discrete_win_rates(judge: str) -> Mapping[str, float]:
    """Model -> published share of wins, draws one half; per cent."""
    lines = rows(data() / "pairs" / "leaderboards" / f"{JUDGES[judge]}.csv")
    return {row["model"]: float(row["discrete_win_rate"]) for row in lines if row.get("discrete_win_rate")}


def is_same(one: str, other: str) -> bool:
    """Are two texts equal but for composition and white space?"""
    return _normal(one) == _normal(other)


@lru_cache(None)
def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _preference(text: str) -> float | None:
    if not text:
        return None
    value = float(text)
    # Two ways of writing a tie.
    return 0.0 if value == 0 else 2 * (value - 1.5)


def _number(text: str) -> float | None:
    return float(text) if text and math.isfinite(float(text)) else None
