import math
from datetime import timedelta

import pytest

from analyzer.report import words
from analyzer.results import Bound, Needed
from analyzer.stats.interval import Interval
from tests.analyzer.report.studies import errors, latency, metric, row

LATENCY, COST, ERRORS = metric("total_ms", "mean"), metric("cost_usd"), metric("error_rate")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (812.1, "812"),
        (12345.6, "12,346"),
        (9.996, "10.0"),
        (99.95, "100"),
        (0.000123, "0.000123"),
        (-1.5, "-1.50"),
    ],
)
def test_numbers_show_three_digits(number: float, text: str) -> None:
    assert words.digits(number) == text


def test_no_number_is_a_dash() -> None:
    assert words.value(LATENCY, None) == words.digits(math.nan) == words.relative(None) == "-"
    assert words.difference(LATENCY, None, None) == words.ends(LATENCY, None) == "-"
    assert words.difference(LATENCY, math.nan, None) == "-"


def test_an_end_that_is_not_known_is_infinite() -> None:
    assert words.ends(LATENCY, Interval(-math.inf, 12.0)).startswith("-∞ to +12")


@pytest.mark.parametrize(
    ("of", "text"),
    [
        (LATENCY, "time to last byte, mean, ms"),
        (metric("total_ms", "p95"), "time to last byte, p95, ms"),
        (metric("total_ms", "log_ratio"), "time to last byte, typical change, %"),
        (COST, "cost of 1,000 requests, $"),
        (ERRORS, "failed requests, %"),
    ],
)
def test_a_heading_names_metric_estimand_and_unit(of: object, text: str) -> None:
    assert words.heading(of) == text  # type: ignore[arg-type]


def test_cost_is_shown_per_thousand_requests() -> None:
    assert words.value(COST, 0.000495) == "0.495"


def test_shares_are_shown_in_percent_and_percentage_points() -> None:
    assert words.value(ERRORS, 0.0336) == "3.36"
    assert words.difference(ERRORS, -0.0038, Interval(-0.0128, 0.0052)) == "-0.38"
    assert words.ends(ERRORS, Interval(-0.0128, 0.0052)) == "-1.28 to +0.52"


def test_a_difference_has_as_many_decimals_as_its_interval_means() -> None:
    assert words.difference(LATENCY, -86.42, Interval(-99.8, -73.0)) == "-86"
    assert words.difference(LATENCY, -86.42, None) == "-86.4"
    assert words.difference(LATENCY, -0.0001, Interval(-1.4, 1.4)) == "0.0"


@pytest.mark.parametrize(
    ("of", "bound", "allowed"),
    [
        (latency(), "≤ -155", "< +200"),
        (latency(require="better"), "≤ -155", "< 0"),
        (latency(require="equivalent"), "≤ -155", "-200 to +200"),
        (latency(margin=None), "≤ -155", "-"),
        (latency(bound=None), "-", "< +200"),
        (latency(require=None), "≤ -155", "-"),
        (
            row(
                "tokens_per_second",
                require="not_worse",
                margin=5.0,
                bound=Bound("lower", -3.5),
                interval=Interval(-4, 2),
            ),
            "≥ -3.5",
            "> -5.0",
        ),
        (row("tokens_per_second", require="better", bound=Bound("lower", 1.0)), "≥ +1.00", "> 0"),
        (row("output_tokens", require="better"), "-", "-"),
        (errors(), "≤ +0.61", "< +0.50"),
    ],
)
def test_bound_and_limit_point_the_same_way(of: object, bound: str, allowed: str) -> None:
    assert (words.bound(of), words.allowed(of)) == (bound, allowed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("needed", "text"),
    [
        (None, None),
        (Needed(3400, 12.4, 18_000.0), "3,400 more pairs, $12.40, 5 h"),
        (Needed(900, None, None), "900 more pairs"),
        (Needed(None, None, None, "the difference looks like none"), None),
        (Needed(0, None, None), None),
        (Needed(10**12, None, 1e18), "1,000,000,000,000 more pairs, 11,574,074,074,074 days"),
        (Needed(1, math.inf, math.nan), "1 more pair"),
        (Needed(2, 0.00123, None), "2 more pairs, $0.00123"),
    ],
)
def test_what_is_needed(needed: Needed | None, text: str | None) -> None:
    assert words.needed(errors(needed=needed)) == text


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (20, "20 s"),
        (119, "119 s"),
        (120, "2 min"),
        (86400, "24 h"),
        (7 * 86400, "7 days"),
        (999.6 * 86400, "1,000 days"),
        (3650 * 86400, "3,650 days"),
    ],
)
def test_spans(length: float, text: str) -> None:
    assert words.span(timedelta(seconds=length)) == text


@pytest.mark.parametrize(("level", "text"), [(0.95, "95 %"), (0.9999, "99.99 %"), (0.5, "50 %"), (0.995, "99.5 %")])
def test_levels_are_not_rounded(level: float, text: str) -> None:
    assert words.level_text(level) == text
