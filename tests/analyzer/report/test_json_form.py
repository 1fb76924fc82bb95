"""The report for programs: design section 9, checked against a schema written by hand."""

import dataclasses
import json
import math
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.json_form import as_json, digest, report_id
from analyzer.results import Study
from analyzer.stats.interval import Interval
from tests.analyzer.report.schema import REPORT
from tests.analyzer.report.studies import (
    HOSTILE,
    POLICY,
    candidate,
    control,
    empty,
    errors,
    hostile,
    latency,
    made,
    row,
)


def report(study: Study) -> dict[str, Any]:
    text = json.dumps(as_json(study, version="1.2.3"), allow_nan=False)
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.mark.parametrize(
    "study",
    [
        made(),
        made(empty()),
        made(empty(), empty("sage"), control=None, between=(), segments=(), policy=None, watermark=None, notes=()),
        made(control=None, kind="fixed"),
        *(hostile(text) for text in HOSTILE),
    ],
)
def test_every_report_fits_the_schema(study: Study) -> None:
    jsonschema.validate(report(study), REPORT, cls=jsonschema.Draft202012Validator)


def changed(name: str, value: Any) -> dict[str, Any]:
    return {name: value}


def test_the_schema_refuses_what_is_none() -> None:
    broken = report(made())
    del broken["candidates"][0]["metrics"][0]["interval"]["low"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, REPORT)


def test_the_frame_says_what_it_is_about() -> None:
    found = report(made())
    assert found["schema_version"] == 1
    assert found["generated_at"] == "2026-03-01T12:00:00Z"
    assert found["window"] == {
        "since": "2026-03-01T10:00:00Z",
        "until": "2026-03-01T10:58:00Z",
        "watermark": "2026-03-01T10:58:03Z",
        "asked": {"since": "2026-03-01T10:00:00Z", "until": "2026-03-01T11:00:00Z"},
    }
    assert found["versions"] == {"shadowbench": "1.2.3", "store": "26.9"}
    assert (found["kind"], found["level"], found["planned_pairs"]) == ("anytime", 0.95, 1000)
    assert found["policy"] == POLICY.model_dump(mode="json")


def test_a_metric_says_what_was_found_and_what_decides() -> None:
    (found,) = report(made(candidate(comparisons=(latency(),))))["candidates"][0]["metrics"]
    assert found["interval"] == {"kind": "anytime", "level": 0.95, "low": -190.0, "high": -153.6}
    assert found["bound"] == {"side": "upper", "level": 0.95, "value": -155.0}
    assert found["worst"] == {"low": -195.0, "high": -149.0}
    assert found["relative"] == pytest.approx(-171.8 / 812.1)
    assert (found["role"], found["require"], found["margin"]) == ("primary", "not_worse", 200.0)
    assert (found["metric"], found["estimand"], found["verdict"]) == ("total_ms", "p95", "better")


def test_what_is_needed_is_said_per_metric() -> None:
    (found,) = report(made(candidate(comparisons=(errors(),))))["candidates"][0]["metrics"]
    assert (found["pairs_needed"], found["usd_needed"], found["eta_seconds"]) == (3400, 12.4, 18_000.0)
    assert found["needed_reason"] is None


def test_a_quantile_among_failures_stays_null() -> None:
    (found,) = report(made(candidate(comparisons=(row("total_ms", "p99", primary=2000.0),))))["candidates"][0][
        "metrics"
    ]
    assert (found["primary"], found["candidate"], found["difference"], found["interval"]) == (2000.0, None, None, None)


@given(
    st.sampled_from([math.nan, math.inf, -math.inf]), st.sampled_from(["primary", "difference", "p_value", "margin"])
)
def test_not_a_number_never_reaches_json(number: float, name: str) -> None:
    broken = dataclasses.replace(latency(), interval=Interval(number, number), **changed(name, number))
    (found,) = report(made(candidate(comparisons=(broken,))))["candidates"][0]["metrics"]
    assert (found[name], found["interval"]["low"], found["interval"]["high"]) == (None, None, None)


def test_a_segment_is_exploratory_and_keeps_its_levels() -> None:
    found = report(made())["segments"]
    assert [s["exploratory"] for s in found] == [True, True]
    assert [(s["name"], s["label"], s["value"], s["candidate"]) for s in found] == [
        ("swift", "tenant", "acme", 640.3),
        ("swift", "tenant", "globex", 640.3),
    ]


def test_the_control_is_there_as_checks_and_as_rows_of_its_own() -> None:
    found = report(made())
    assert found["candidates"][0]["integrity"]["control"]["pairs"] == 800
    assert [c["finding"] for c in found["candidates"][0]["integrity"]["control"]["checks"]] == ["passed", "open"]
    assert found["control"]["name"] == "control"
    assert [m["metric"] for m in found["control"]["metrics"]] == [r.metric.name for r in control().comparisons]


def test_without_weights_there_is_a_reason_instead_of_a_score() -> None:
    (found,) = report(made(candidate(score=None, score_reason="no judgements")))["candidates"]
    assert (found["score"], found["score_reason"]) == (None, "no judgements")


def test_equal_studies_have_equal_ids_whenever_they_are_made() -> None:
    study = made()
    later = dataclasses.replace(study, generated_at=study.generated_at + timedelta(days=1))
    other = dataclasses.replace(study, store_version="27.1")
    assert report(later)["id"] == report(study)["id"]
    assert report(other)["id"] != report(study)["id"]
    assert report_id(report(study)) == report(study)["id"]


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [1.5, None]}) == digest({"b": [1.5, None], "a": 1})
    # printf '{"a":1}' | sha256sum
    assert digest({"a": 1}) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
