from datetime import timedelta

import pytest

from analyzer.measures import BY_NAME
from analyzer.report import words
from analyzer.stats.interval import Interval

LATENCY, COST, ERRORS = BY_NAME["total_ms"], BY_NAME["cost_usd"], BY_NAME["error_rate"]


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
    assert words.value(LATENCY, None) == words.digits(float("nan")) == words.relative(None) == "-"
    assert words.difference(LATENCY, None, None) == words.ends(LATENCY, None) == "-"


def test_cost_is_shown_per_thousand_requests() -> None:
    assert words.heading(COST) == "cost of 1,000 requests, $"
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
    ("length", "text"), [(20, "20 s"), (119, "119 s"), (120, "2 min"), (86400, "24 h"), (7 * 86400, "7 days")]
)
def test_spans(length: float, text: str) -> None:
    assert words.span(timedelta(seconds=length)) == text
