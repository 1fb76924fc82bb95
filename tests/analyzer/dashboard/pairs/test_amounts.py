"""Amounts as people read them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.dashboard.pairs.amounts import duration, money, number, relative, signed, size


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "–"),
        (0.0, "0 ms"),
        (0.04231, "0.0423 ms"),
        (1.0, "1 ms"),
        (9.996, "10 ms"),
        (12.345, "12.3 ms"),
        (812.4, "812 ms"),
        (999.4, "999 ms"),
        (999.6, "1 s"),
        (8_123.0, "8.12 s"),
        (81_230.0, "81.2 s"),
        (119_499.0, "119 s"),
        (125_000.0, "2 min 5 s"),
        (7_261_000.0, "121 min 1 s"),
        (-171.8, "−172 ms"),
        (-125_000.0, "−2 min 5 s"),
    ],
)
def test_durations(ms: float | None, text: str) -> None:
    assert duration(ms) == text


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (None, "–"),
        ("0", "$0"),
        ("0.000000001", "$0.000000001"),
        ("0.000032", "$0.000032"),
        ("0.0042", "$0.0042"),
        ("0.012345", "$0.0123"),
        ("0.5", "$0.50"),
        ("1.239", "$1.24"),
        ("1234.5", "$1,234.50"),
        ("-0.0031", "−$0.0031"),
    ],
)
def test_money(usd: str | None, text: str) -> None:
    assert money(None if usd is None else Decimal(usd)) == text


@given(st.decimals("0.000000001", "1000", places=9))
def test_money_is_never_shown_as_nothing_and_off_by_half_a_digit_at_most(usd: Decimal) -> None:
    shown = Decimal(money(usd).removeprefix("$").replace(",", ""))
    assert shown > 0
    assert abs(shown - usd) <= max(usd / 100, Decimal("0.005") if usd >= 10 else 0)


@given(st.floats(0.001, 10_000_000))
def test_durations_are_right_to_three_digits(ms: float) -> None:
    text = duration(ms)
    if "min" in text:
        minutes, seconds = text.replace(",", "").removesuffix(" s").split(" min ")
        assert abs(int(minutes) * 60_000 + int(seconds) * 1000 - ms) <= 500
    else:
        value, unit = text.split(" ")
        assert float(value) * {"ms": 1, "s": 1000}[unit] == pytest.approx(ms, rel=0.0051)


@pytest.mark.parametrize(
    ("primary", "candidate", "text"),
    [
        (100, 112, "+12 %"),
        (100.0, 79.4, "−21 %"),
        (100, 100.2, "under 1 %"),
        (100, 100, ""),
        (100, 294, "+194 %"),
        (100, 300, "3×"),
        (100, 1_234, "12×"),
        (0, 5, ""),
        (None, 5, ""),
        (5, None, ""),
        (5, 0, "−100 %"),
    ],
)
def test_relative_to_the_primary(primary: float | None, candidate: float | None, text: str) -> None:
    assert relative(primary, candidate) == text


def test_numbers_sizes_and_signs() -> None:
    assert [number(v) for v in (None, 0, 1234, -1234)] == ["–", "0", "1,234", "−1,234"]
    assert [size(v) for v in (0, 999, 1_200, 999_499, 1_234_567)] == ["0 B", "999 B", "1.2 kB", "999 kB", "1.23 MB"]
    assert [signed(t) for t in ("5 ms", "−5 ms", "–", "0 ms", "$0")] == ["+5 ms", "−5 ms", "–", "0 ms", "$0"]
