"""Judgements of a file, and metrics of plug-ins, as weighed sums."""

import math
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest

from analyzer.estimation import of_other
from analyzer.figures import OtherMetric
from analyzer.filed.source import FilePairs
from analyzer.measures import BY_NAME, Condition, Measure, Row, Shown, Value
from analyzer.metrics import METRICS, named
from tests.analyzer.filed.making import jsonl, plain, read

JUDGED = tuple(BY_NAME[name] for name in ("judge_preference", "win_rate", "judge_score"))


def others(file: FilePairs, measures: tuple[Measure, ...]) -> dict[str, OtherMetric]:
    window = file.window()
    (found,) = file.others(window, file.experiments(window), measures).values()
    return {metric.metric: metric for metric in found}


def level(found: OtherMetric) -> tuple[float, float]:
    """(candidate, primary)"""
    x_c, y_c, x_p, y_p = (sum(column) for column in zip(*found.blocks.sums, strict=True))
    return x_c / y_c, x_p / y_p


def test_preferences_wins_and_scores_of_one_judge(tmp_path: Path) -> None:
    judged: list[dict[str, float]] = [{"preference": p} for p in (1, 0.25, 0, -1)]
    scored: list[dict[str, float]] = [
        {"score_primary": 3, "score_candidate": 4},
        {"score_primary": 5, "score_candidate": 4.5},
    ]
    said: list[dict[str, float]] = [*judged, *scored, {}, {"score_primary": 2}]
    rows = [plain(i, **row) for i, row in enumerate(said)]
    found = others(read(jsonl(tmp_path / "a.jsonl", rows)), JUDGED)
    assert {name: sum(metric.blocks.n) for name, metric in found.items()} == {
        "judge_preference": 4,
        "win_rate": 4,
        "judge_score": 2,
    }
    assert level(found["judge_preference"]) == (0.0625, 0.0)
    assert level(found["win_rate"]) == (2.5 / 4, 0.5)
    assert level(found["judge_score"]) == (4.25, 4.0)
    assert found["judge_preference"].blocks.cubes == pytest.approx(1 + 0.25**3 - 1)
    assert found["judge_score"].blocks.cubes == pytest.approx(1 - 0.125)


def test_several_judges_of_a_pair_are_one_pair_with_their_mean(tmp_path: Path) -> None:
    ids = [str(UUID(int=(4 << 76) | (2 << 62) | i)) for i in range(3)]
    said = {0: (1, 1), 1: (1, -1), 2: (-1, -0.5)}
    rows = [
        plain(i, request_id=ids[i], judge=judge, preference=said[i][k])
        for k, judge in enumerate(("a", "b"))
        for i in range(3)
    ]
    file = read(jsonl(tmp_path / "a.jsonl", rows))
    (experiment,) = file.experiments(file.window())
    assert experiment.pairs == 3
    found = others(file, JUDGED)
    assert level(found["judge_preference"])[0] == pytest.approx((1 + 0 - 0.75) / 3)
    assert level(found["win_rate"])[0] == pytest.approx((1 + 0.5 + 0) / 3)
    assert "judge_score" not in found


def test_products_are_those_of_single_pairs(tmp_path: Path) -> None:
    random = Random(4)
    scores = [(random.uniform(1, 5), random.uniform(1, 5)) for _ in range(200)]
    rows = [plain(i, score_primary=p, score_candidate=c, conversation=i // 2) for i, (p, c) in enumerate(scores)]
    found = others(read(jsonl(tmp_path / "a.jsonl", rows)), JUDGED)["judge_score"]
    values = [(c, 1.0, p, 1.0) for p, c in scores]
    for table in (found.blocks, found.buckets):
        assert sum(table.n) == 200
        for i in range(4):
            assert math.fsum(group[i] for group in table.sums) == pytest.approx(math.fsum(v[i] for v in values))
            for j in range(4):
                assert table.products[i][j] == pytest.approx(math.fsum(v[i] * v[j] for v in values))


def test_the_analyzer_estimates_from_them(tmp_path: Path) -> None:
    """The same as the mean and the paired error of the differences, worked out here."""
    random = Random(5)
    pairs = [(random.gauss(3, 1), random.gauss(3.2, 1)) for _ in range(300)]
    rows = [plain(i, score_primary=p, score_candidate=c) for i, (p, c) in enumerate(pairs)]
    found = others(read(jsonl(tmp_path / "a.jsonl", rows)), JUDGED)["judge_score"]
    metric = named(METRICS, "judge_score")
    assert metric is not None
    estimate = of_other(metric, found)
    assert estimate is not None
    differences = [c - p for p, c in pairs]
    mean = math.fsum(differences) / 300
    assert estimate.n == 300
    assert estimate.difference == pytest.approx(mean)


def _length(row: Row, arm: str) -> float | None:
    value: Any = row.get(f"{arm}_chars")
    return None if value is None else float(value)


ALL = Condition("true", lambda row: row.get("primary_outcome") == "ok")
CHARS = Measure(
    "chars", Shown("length", "chars"), "chars", None, "mean", Value("{arm}_chars", _length), ALL, origin="pairs"
)
PER_TOKEN = Measure(
    "chars_per_token",
    Shown("length", "chars"),
    "chars",
    None,
    "ratio",
    Value("{arm}_chars", _length),
    ALL,
    per=Value("{arm}_output_tokens", lambda row, arm: float(row[f"{arm}_output_tokens"])),  # type: ignore[arg-type]
    origin="pairs",
)


def test_a_plug_in_takes_what_it_wants_from_the_rows(tmp_path: Path) -> None:
    rows = [
        plain(i, primary_chars=i, candidate_chars=2 * i, primary_output_tokens=10, candidate_output_tokens=5)
        for i in range(40)
    ]
    rows[3].pop("primary_chars")
    rows[4] |= {"primary_status": 500}
    file = read(jsonl(tmp_path / "a.jsonl", rows))
    found = others(file, (CHARS, PER_TOKEN))
    kept = [i for i in range(40) if i not in {3, 4}]
    assert sum(found["chars"].blocks.n) == sum(found["chars"].buckets.n) == 38
    assert level(found["chars"]) == (2 * sum(kept) / 38, sum(kept) / 38)
    assert found["chars"].blocks.cubes == pytest.approx(sum(i**3 for i in kept))
    assert level(found["chars_per_token"]) == (2 * sum(kept) / (5 * 38), sum(kept) / (10 * 38))
    assert found["chars_per_token"].blocks.cubes is None


def test_metrics_without_values_are_left_out(tmp_path: Path) -> None:
    assert others(read(jsonl(tmp_path / "a.jsonl", [plain(i) for i in range(5)])), (*JUDGED, CHARS)) == {}
