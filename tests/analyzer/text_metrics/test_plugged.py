"""Metrics of texts of other packages, by entry points."""

import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pytest

from analyzer.entry_points import PluginError
from analyzer.metrics import METRICS
from analyzer.metrics import of_texts as metric_of_texts
from analyzer.plugins import with_plugins
from analyzer.text_metrics.plugged import GROUP, plugged, plugged_of
from tests.analyzer.text_metrics.making import metric

LENGTH = metric()


@pytest.fixture
def point(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An entry point whose object is what the test says."""

    def made(value: object, name: str = "theirs") -> EntryPoint:
        module = ModuleType(f"package_{name}")
        module.given = value  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, f"package_{name}", module)
        return EntryPoint(name, f"package_{name}:given", GROUP)

    return made


@pytest.mark.parametrize("value", [LENGTH, (LENGTH,), lambda: LENGTH, lambda: [LENGTH]])
def test_a_package_gives_one_or_several(point: Any, value: object) -> None:
    assert plugged_of([point(value)]) == (LENGTH,)


def test_without_packages_there_are_none() -> None:
    assert plugged() == ()


def test_the_order_is_that_of_the_names_whatever_was_installed_first(point: Any) -> None:
    points = [point(metric("late"), "z"), point([metric("early"), metric("more")], "b")]
    assert [m.name for m in plugged_of(points)] == ["early", "more", "late"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (7, "gives a int; it has to give analyzer.text_metrics.declared.TextMetric"),
        (lambda: 1 / 0, "cannot be loaded: ZeroDivisionError: division by zero"),
        (metric("Length"), "needs a name of lower-case letters, digits and underscores"),
        (metric("total_ms"), "has a name that is taken"),
        (metric("rouge_l"), "has a name that is taken"),
        ([LENGTH, LENGTH], "the metric 'length' of the entry point theirs = package_theirs:given"),
        (metric(score_vectors=lambda primary, candidate: None), "has to have one of score and score_vectors"),
        (metric(kind="ratio"), "writes kind 'mean' or 'rate'"),
        (metric(better="more"), "better 'lower', 'higher' or None"),
        (metric(margin=float("nan")), "needs a margin of 0 or more"),
        (metric(bounds=(1.0, 0.0)), "needs bounds of which the first is smaller"),
    ],
)
def test_a_bad_one_is_told_in_one_line_by_name(point: Any, value: object, said: str) -> None:
    with pytest.raises(PluginError) as raised:
        plugged_of([point(value)])
    assert said in str(raised.value)
    assert "package_theirs:given (shadowbench.text_metrics)" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_error_of_several_lines_becomes_one(point: Any) -> None:
    def fails() -> None:
        raise ValueError("first\n  second")

    with pytest.raises(PluginError, match=r"cannot be loaded: ValueError: first second$"):
        plugged_of([point(fails)])


def test_each_is_a_metric_of_the_report() -> None:
    assert with_plugins((), [LENGTH])[:-1] == METRICS
    made = with_plugins((), [LENGTH])[-1]
    assert made.key == ("length", "mean")
    assert (made.measure.origin, made.measure.shown.unit, made.better, made.margin.value) == (
        "scores",
        "characters",
        None,
        5.0,
    )


def test_a_metric_of_pairs_cannot_take_its_name(point: Any) -> None:
    own = metric_of_texts(LENGTH)
    of_pairs = replace(own, measure=replace(own.measure, origin="pairs"))
    with pytest.raises(PluginError, match=r"metric 'length' .* has a name that is taken"):
        with_plugins([point(of_pairs)], [LENGTH])
