"""Durations, sizes and shares, on both sides of every boundary."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from config.scalars import DurationS, PositiveDurationS, Share, SizeBytes

duration = TypeAdapter[float](DurationS).validate_python
positive_duration = TypeAdapter[float](PositiveDurationS).validate_python
size = TypeAdapter[int](SizeBytes).validate_python
share = TypeAdapter[float](Share).validate_python


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("5s", 5),
        ("10m", 600),
        ("24h", 86_400),
        ("14d", 14 * 86_400),
        ("1.5s", 1.5),
        (" 5 s ", 5),
        (0, 0),
    ],
)
def test_durations(text: Any, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "5 parsecs", "-5s", "s", "5sec", "1e3s", "٣s٣", True, None, [], 5, 0.5])
def test_what_is_no_duration(text: Any) -> None:
    """A number without a unit is refused: nobody can see whether it means seconds."""
    with pytest.raises(ValidationError):
        duration(text)


def test_a_number_without_a_unit_says_how_to_write_it() -> None:
    with pytest.raises(ValidationError, match="5 has no unit; write for example 5s or 5ms"):
        duration(5)


def test_none_is_a_duration_where_none_makes_sense() -> None:
    assert duration("0s") == 0
    with pytest.raises(ValidationError):
        positive_duration("0s")
    assert positive_duration("1ms") == 0.001


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [
        ("1B", 1),
        ("64KiB", 65_536),
        ("10GiB", 10_737_418_240),
        ("1MB", 1_000_000),
        ("1TiB", 1_099_511_627_776),
        (512, 512),
    ],
)
def test_sizes(text: Any, n_bytes: int) -> None:
    assert size(text) == n_bytes


@pytest.mark.parametrize("text", ["", "64", "64K", "64kib", "-1B", "0B", 0, -1, "many", None, True])
def test_what_is_no_size(text: Any) -> None:
    with pytest.raises(ValidationError):
        size(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("10%", 0.1), ("0.1", 0.1), (0.1, 0.1), (0, 0), (1, 1), ("100%", 1), ("0%", 0), ("0.05%", 0.0005)],
)
def test_shares(text: Any, value: float) -> None:
    assert share(text) == pytest.approx(value, abs=1e-15)


@pytest.mark.parametrize(
    "text", ["100.1%", 1.0001, -0.0001, "-1%", "ten%", "", "nan", float("nan"), float("inf"), None]
)
def test_what_is_no_share(text: Any) -> None:
    with pytest.raises(ValidationError):
        share(text)


@given(st.integers(0, 10_000))
def test_per_cent_and_fraction_say_the_same(basis_points: int) -> None:
    assert share(f"{basis_points / 100}%") == pytest.approx(share(basis_points / 10_000))
