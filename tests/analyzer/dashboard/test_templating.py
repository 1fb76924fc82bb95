"""Values as pages show them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from analyzer.dashboard.templating import clock, count, dollars, lasting, machine, sentence


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (Decimal(0), "$0.00"),
        (Decimal("0.31"), "$0.31"),
        (Decimal("1234.567"), "$1,234.57"),
        (Decimal("0.004"), "$0.0040"),
        (Decimal("0.00001"), "$0.0000"),
        (Decimal("-0.5"), "$-0.50"),
    ],
)
def test_dollars(value: Decimal | None, text: str) -> None:
    assert dollars(value) == text


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (None, "–"),
        (-3.0, "0 s"),
        (0.4, "0 s"),
        (59.9, "60 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3_599.6, "1 h"),
        (7_260, "2 h 1 min"),
        (timedelta(days=3, hours=2, minutes=59), "3 d 2 h"),
    ],
)
def test_spans(span: timedelta | float | None, text: str) -> None:
    assert lasting(span) == text


def test_counts_moments_and_sentences() -> None:
    at = datetime(2026, 3, 1, 2, 3, 4, 567, tzinfo=UTC)
    assert (count(None), count(0), count(1_234_567)) == ("–", "0", "1,234,567")
    assert (clock(None), clock(at), machine(at)) == ("–", "2026-03-01 02:03:04", "2026-03-01T02:03:04Z")
    assert (sentence("there is none"), sentence("Done."), sentence("")) == ("There is none.", "Done.", ".")
