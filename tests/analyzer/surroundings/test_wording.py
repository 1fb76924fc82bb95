"""Numbers read the same in every sentence."""

import pytest

from analyzer.stats.interval import Interval
from analyzer.surroundings.wording import confidence, counted, digits, duration, moment, percent, signed, span


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (1234.5, "1234"), (99.996, "100"), (12.345, "12.3"), (-1.5, "-1.50"), (0.000123, "0.000123")],
)
def test_three_digits_and_no_exponent(number: float, text: str) -> None:
    assert digits(number) == text


def test_differences_have_a_sign() -> None:
    assert (signed(3.0), signed(-0.25), signed(0.0)) == ("+3.00", "-0.250", "+0")
    assert span(Interval(-0.012, 0.5), times=100) == "-1.20 to +50.0"


def test_counts_shares_and_times_are_words() -> None:
    assert (counted(1, "period"), counted(1200, "period")) == ("1 period", "1,200 periods")
    assert (percent(0.123), percent(0.1234, 2), confidence(0.95), confidence(0.995)) == (
        "12 %",
        "12.34 %",
        "95 % interval",
        "99.5 % interval",
    )
    assert [duration(s) for s in (1, 90, 6000, 8000, 200_000)] == [
        "1 second",
        "90 seconds",
        "100 minutes",
        "2 hours",
        "2 days",
    ]
    assert moment(1_772_409_600) == "2026-03-02 00:00 UTC"
