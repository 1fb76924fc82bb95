"""Metrics of other packages, by entry points."""

import dataclasses
import sys
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pytest

from analyzer.measures import Condition, Measure, Shown, Value
from analyzer.metrics import METRICS, DefaultMargin, Metric
from analyzer.plugins import GROUP, PluginError, all_metrics, with_plugins

MEASURE = Measure(
    "answer_chars",
    Shown("answer length", "characters"),
    "characters",
    None,
    "mean",
    Value("toFloat64({arm}_chars)", lambda row, arm: row.get(f"{arm}_chars")),  # type: ignore[arg-type,return-value]
    Condition("1", lambda row: True),
    origin="pairs",
)
METRIC = Metric(MEASURE, "mean", DefaultMargin(0.1, relative=True), "mean of paired differences")


@pytest.fixture
def point(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An entry point whose object is what the test says."""

    def made(value: object) -> EntryPoint:
        module = ModuleType("somebodys_metrics")
        module.given = value  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "somebodys_metrics", module)
        return EntryPoint("theirs", "somebodys_metrics:given", GROUP)

    return made


@pytest.mark.parametrize("value", [METRIC, (METRIC,), lambda: METRIC, lambda: [METRIC]])
def test_a_metric_follows_the_projects_own(point: Any, value: object) -> None:
    assert with_plugins([point(value)]) == (*METRICS, METRIC)


def test_without_plugins_there_are_the_projects_own() -> None:
    assert all_metrics() == METRICS


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (7, "gives a int; it has to give analyzer.metrics.Metric"),
        (lambda: 1 / 0, "cannot be loaded: ZeroDivisionError: division by zero"),
        (METRICS[0], "write origin='pairs', and a mean, rate or ratio"),
        (dataclasses.replace(METRIC, estimand="p95"), "write origin='pairs', and a mean, rate or ratio"),
        (
            dataclasses.replace(METRIC, measure=dataclasses.replace(MEASURE, metric="total_ms")),
            "metric 'total_ms' of the entry point theirs",
        ),
    ],
)
def test_a_bad_one_is_told_by_name(point: Any, value: object, said: str) -> None:
    with pytest.raises(PluginError) as raised:
        with_plugins([point(value)])
    assert said in str(raised.value)
    assert "somebodys_metrics:given" in str(raised.value)
