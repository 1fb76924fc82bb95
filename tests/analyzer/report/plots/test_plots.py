"""What is drawn stands where the numbers say, and what is written on it is text and nothing else."""

import math
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.answering import Answer, Question, answer
from analyzer.metrics import METRICS
from analyzer.report.plots import distributions, intervals, scales, svg, timelines
from analyzer.results import Bound
from analyzer.source import Window
from analyzer.stats.interval import Interval
from tests.analyzer.fake_source import FakeSource
from tests.analyzer.report.studies import errors, latency, metric, row
from tests.analyzer.rows import START, random_rows

NAMES = ("primary", "swift")
ROWS = random_rows(1500, seed=5)


@pytest.fixture(scope="module")
def answered() -> Answer:
    window = Window(START - timedelta(hours=1), START + timedelta(hours=2))
    question = Question(None, window, (), "anytime", None, METRICS)
    return answer(FakeSource(ROWS), question, window.until)


def parsed(text: str | None) -> ElementTree.Element:
    assert text is not None
    return ElementTree.fromstring(text)


def of_class(drawn: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [e for e in drawn.iter() if name in (e.get("class") or "").split()]


def test_a_strip_shows_every_number_at_its_place() -> None:
    """From -190 to +200 (the margin is the farthest): half width 224, so 1 ms is 1 unit of a 224 wide half."""
    drawn = parsed(intervals.strip(latency(), Interval(-5.0, 6.0)))
    middle, unit = intervals.WIDTH / 2, (intervals.WIDTH / 2 - 8.0) / 224.0
    (line,) = of_class(drawn, "interval")
    assert float(line.get("x1") or "") == pytest.approx(middle - 190.0 * unit, abs=0.01)
    assert float(line.get("x2") or "") == pytest.approx(middle - 153.6 * unit, abs=0.01)
    (bound,) = of_class(drawn, "bound")
    assert float(re.findall(r"[\d.]+", bound.get("d") or "")[0]) == pytest.approx(middle - 155.0 * unit, abs=0.01)
    (margin,) = of_class(drawn, "margin")
    assert float(margin.get("x1") or "") == pytest.approx(middle + 200.0 * unit, abs=0.01)
    (allowed,) = of_class(drawn, "allowed")
    assert float(allowed.get("x") or "") + float(allowed.get("width") or "") == pytest.approx(
        middle + 200 * unit, abs=0.02
    )
    (band,) = of_class(drawn, "control-band")
    assert float(band.get("width") or "") == pytest.approx(11.0 * unit, abs=0.02)
    assert float(of_class(drawn, "zero")[0].get("x1") or "") == middle
    assert drawn.get("role") == "img"
    for said in ("-172", "-190 to -154", "≤ -155", "< +200", "better"):
        assert said in (drawn.get("aria-label") or "")


def test_where_higher_is_better_what_is_allowed_lies_above_the_margin() -> None:
    made = row("win_rate", require="not_worse", margin=0.05, difference=0.1, interval=Interval(0.02, 0.18),
               bound=Bound("lower", 0.03))  # fmt: skip
    drawn = parsed(intervals.strip(made))
    (allowed,), (margin,) = of_class(drawn, "allowed"), of_class(drawn, "margin")
    assert float(allowed.get("x") or "") == pytest.approx(float(margin.get("x1") or ""))
    assert float(margin.get("x1") or "") < intervals.WIDTH / 2


def test_an_endless_interval_has_arrows_at_the_edge() -> None:
    drawn = parsed(intervals.strip(errors(interval=Interval(-math.inf, 0.0052))))
    first, second = of_class(drawn, "interval-end")
    assert (first.tag, second.tag) == ("path", "line")


def test_without_an_interval_there_is_no_strip() -> None:
    assert intervals.strip(row("total_ms", "p99", reason="the quantile lies among failures")) is None


@given(st.floats(1e-9, 1e9), st.floats(-1e9, 1e9), st.floats(0, 1e9))
def test_nothing_is_ever_drawn_outside(width: float, middle: float, margin: float) -> None:
    made = latency(
        interval=Interval(middle - width, middle + width),
        difference=middle,
        bound=Bound("upper", middle),
        margin=margin,
    )
    drawn = parsed(intervals.strip(made))
    for element in drawn.iter():
        for name in ("x", "x1", "x2", "cx"):
            if (at := element.get(name)) is not None:
                assert 0 <= float(at) <= intervals.WIDTH


def test_the_distribution_reads_like_the_raw_values(answered: Answer) -> None:
    """Its label's quantiles, and the share below the median, against numpy over the rows themselves."""
    compared = answered.figures.compared["swift"]
    drawn = parsed(distributions.cumulative(compared, "total_us", "time to last byte", NAMES))
    label = drawn.get("aria-label") or ""
    n = sum(compared.histograms["total_us_candidate"].pairs)
    assert f"{n:,} pairs" in label
    kept = [r for r in ROWS if timed(r)]
    assert len(kept) == n
    values = [float(r["candidate_total_ms"]) if r["candidate_outcome"] == "ok" else math.inf for r in kept]
    expected = float(np.sort(values)[math.ceil(0.5 * n) - 1])
    said = re.search(r"swift: p50 ([\d.]+) ms", label)
    assert said is not None
    assert float(said[1]) == pytest.approx(expected, rel=0.01)
    (line,) = [e for e in of_class(drawn, "candidate") if (e.get("d") or "").count("L") > 20]
    places = [tuple(map(float, point.split())) for point in re.findall(r"[ML]([\d.]+ [\d.]+)", line.get("d") or "")]
    assert places == sorted(places, key=lambda p: (p[0], -p[1]))  # a share never falls
    failed = sum(math.isinf(v) for v in values) / n
    assert (172.0 - places[-1][1]) / 160.0 == pytest.approx(1 - failed, abs=0.002)


def timed(row_: dict[str, Any]) -> bool:
    """Pairs whose latency counts, as `analyzer.measures` and `store.rollups` say; failures are beyond everything."""
    outcomes = {row_["primary_outcome"], row_["candidate_outcome"]}
    is_held = row_["held_ms"] or row_["gateway_cache"] or "n" in (row_.get("changed") or ())
    return not (outcomes & {"client_abort", ""} or is_held)


def test_a_timeline_has_the_mean_of_every_stretch(answered: Answer) -> None:
    drawn = parsed(timelines.timeline(answered.figures.compared["swift"], metric("total_ms", "mean"), NAMES))
    assert "time to last byte, mean, ms, over time" in (drawn.get("aria-label") or "")
    lines = [e for e in drawn.iter() if (e.get("d") or "").count("L") > 20]
    assert len(lines) == 2
    assert len(re.findall(r"[ML]", lines[0].get("d") or "")) <= timelines.MOST_POINTS


def test_two_arms_that_never_answered_have_no_plot() -> None:
    window = Window(START - timedelta(hours=1), START + timedelta(hours=2))
    rows = [{**r, "primary_outcome": "timeout", "candidate_outcome": "timeout"} for r in ROWS[:50]]
    rows = [{**r, **{f"{arm}_total_ms": None for arm in NAMES[:1]}, "candidate_total_ms": None} for r in rows]
    found = answer(FakeSource(rows), Question(None, window, (), "anytime", None, METRICS), window.until)
    compared = found.figures.compared["swift"]
    assert distributions.cumulative(compared, "total_us", "time to last byte", NAMES) is None


HOSTILE = '<script>alert(1)</script>"\' onload="x" &amp; \u202e'


def test_names_are_text(answered: Answer) -> None:
    drawn = distributions.cumulative(answered.figures.compared["swift"], "total_us", "t", ("primary", HOSTILE))
    assert drawn is not None
    assert "<script" not in drawn
    assert {e.tag for e in parsed(drawn).iter()} <= {"svg", "line", "text", "path"}
    assert not any(name.startswith("on") for e in parsed(drawn).iter() for name in e.attrib)


@given(st.text(), st.text())
def test_an_element_holds_what_it_was_given(inside: str, attribute: str) -> None:
    try:
        ElementTree.fromstring(f"<a>{inside.replace('&', '').replace('<', '')}</a>")
    except ElementTree.ParseError:
        return  # XML has no way to write some control characters at all; names are cleaned of them before
    drawn = ElementTree.fromstring(svg.text(inside.replace("\r", ""), 1, 2, class_="c"))
    assert (drawn.text or "") == inside.replace("\r", "")


def test_ticks_are_round_and_within() -> None:
    assert scales.ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert scales.ticks(0, 0.97, 4) == [0, 0.5]
    assert scales.log_ticks(90, 2100) == [100, 200, 500, 1000, 2000]
    assert all(1e-3 <= t <= 1e9 for t in scales.log_ticks(1e-3, 1e9))
    assert len(scales.log_ticks(1e-3, 1e9)) <= 8


def test_a_strip_without_a_rule_shows_no_margin() -> None:
    drawn = parsed(intervals.strip(replace(latency(), require=None)))
    assert not of_class(drawn, "margin")
    assert not of_class(drawn, "allowed")
