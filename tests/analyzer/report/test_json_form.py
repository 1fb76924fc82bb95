import dataclasses
import json
from datetime import timedelta
from typing import Any

import pytest

from analyzer.report.json_form import as_json
from analyzer.source import Window
from analyzer.stats.interval import Interval
from analyzer.study import Plan, Study, study
from tests.analyzer.fake_source import FakeSource
from tests.analyzer.rows import START, random_rows

WINDOW = Window(START, START + timedelta(hours=1))
METRIC_KEYS = [
    *("metric", "estimand", "unit", "better", "n", "blocks", "design_effect", "primary", "candidate", "difference"),
    *("relative", "interval", "bound", "margin", "p_value", "p_adjusted", "verdict", "reason", "pairs_needed"),
    *("usd_needed", "eta_seconds", "method"),
]


@pytest.fixture(scope="module")
def made() -> Study:
    rows = [*random_rows(400, seed=1), *random_rows(400, seed=2, candidate="control", experiment="e0", speed=1.0)]
    counted = {"swift": {"received": 4000, "unsampled": 3590, "budget": 10, "admitted": 400, "ended": 400}}
    source = FakeSource(rows, counted, {"swift": 3.0})
    return study(source, Plan(WINDOW, ("swift",)), now=START + timedelta(hours=2))


def _report(made: Study) -> dict[str, Any]:
    text = json.dumps(as_json(made, version="1.2.3"), allow_nan=False)
    report: dict[str, Any] = json.loads(text)
    return report


def test_the_frame_is_that_of_schema_version_1(made: Study) -> None:
    report = _report(made)
    assert list(report) == ["schema_version", "id", "generated_at", "window", "versions", "candidates"]
    assert report["schema_version"] == 1
    assert report["generated_at"] == "2026-03-01T12:00:00Z"
    assert report["window"] == {
        "since": "2026-03-01T10:00:00Z",
        "until": "2026-03-01T11:00:00Z",
        "watermark": "2026-03-01T11:00:00Z",
    }
    assert report["versions"] == {"shadowbench": "1.2.3", "store": "26.9"}


def test_a_candidate_has_its_states_and_its_integrity(made: Study) -> None:
    (candidate,) = _report(made)["candidates"]
    assert (candidate["name"], candidate["experiment"], candidate["pairs"]) == ("swift", "e1", 400)
    assert candidate["states"] == {"received": 4000, "unsampled": 3590, "budget": 10, "open": 0, "pair": 400}
    ratio = candidate["integrity"]["sample_ratio"]
    assert (ratio["expected"], ratio["observed"]) == (0.1, 410 / 4000)
    assert 0 < ratio["p_value"] < 1
    assert candidate["integrity"]["missing"] == {"by_design": 10, "candidate": 0, "ours": 0, "ours_share": 0.0}
    assert candidate["integrity"]["control"]["pairs"] == 400
    assert (candidate["score"], candidate["decision"]) == (None, "wait")
    assert "no policy declared" in candidate["reasons"][0]


def test_a_metric_has_every_field(made: Study) -> None:
    (candidate,) = _report(made)["candidates"]
    latency = candidate["metrics"][0]
    assert list(latency) == METRIC_KEYS
    assert (latency["metric"], latency["estimand"], latency["unit"], latency["better"]) == (
        "total_ms",
        "mean",
        "ms",
        "lower",
    )
    assert (latency["interval"]["kind"], latency["interval"]["level"]) == ("fixed", 0.95)
    assert latency["interval"]["low"] < latency["difference"] < latency["interval"]["high"] < 0
    assert latency["bound"]["side"] == "upper"
    assert latency["difference"] < latency["bound"]["value"] < latency["interval"]["high"]
    assert latency["verdict"] == "better"
    assert latency["relative"] == pytest.approx(latency["difference"] / latency["primary"])
    assert "fixed-horizon" in latency["method"]


def test_higher_is_better_has_a_lower_bound(made: Study) -> None:
    (candidate,) = _report(made)["candidates"]
    speed = next(m for m in candidate["metrics"] if m["metric"] == "tokens_per_second")
    assert speed["bound"]["side"] == "lower"
    assert speed["interval"]["low"] < speed["bound"]["value"] < speed["difference"]


def test_what_is_unknown_is_null(made: Study) -> None:
    (candidate,) = _report(made)["candidates"]
    for metric in candidate["metrics"]:
        assert metric["margin"] is None
        if metric["interval"] is None:
            assert metric["bound"] is metric["p_value"] is metric["method"] is None
            assert metric["reason"]


def test_a_report_of_nothing_is_valid_json() -> None:
    empty = study(FakeSource(), Plan(WINDOW, ("swift",)), now=START)
    (candidate,) = _report(empty)["candidates"]
    assert (candidate["experiment"], candidate["pairs"], candidate["states"]) == (None, 0, {})
    assert candidate["integrity"]["sample_ratio"] == {"expected": None, "observed": None, "p_value": None}
    assert candidate["integrity"]["control"] is None


def test_not_a_number_never_reaches_json(made: Study) -> None:
    (candidate,) = made.candidates
    row = dataclasses.replace(candidate.comparisons[0], difference=float("nan"), interval=Interval(float("-inf"), 0.0))
    broken = dataclasses.replace(made, candidates=(dataclasses.replace(candidate, comparisons=(row,)),))
    (metric,) = _report(broken)["candidates"][0]["metrics"]
    assert (metric["difference"], metric["interval"]["low"]) == (None, None)


def test_equal_studies_have_equal_ids_whenever_they_are_made(made: Study) -> None:
    later = dataclasses.replace(made, generated_at=made.generated_at + timedelta(days=1))
    other = dataclasses.replace(made, store_version="27.1")
    assert _report(later)["id"] == _report(made)["id"]
    assert _report(other)["id"] != _report(made)["id"]
