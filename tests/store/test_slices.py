"""Slices of time: about as many rows as were asked for, from all parts of the rows, and never outside of the window."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from store.comparison import Span, unix_us
from store.slices import COUNT, slices

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
HOUR_S = 3600
FIRST_S = int(BEGIN.timestamp())
SPAN = Span(BEGIN, BEGIN + timedelta(hours=40))


def _rows(counts: list[int]) -> dict[int, int]:
    return {FIRST_S + HOUR_S * i: count for i, count in enumerate(counts)}


def _held(counts: list[int], ends_us: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Rows of each hour in the slices, rows lying evenly in their hours."""
    held = np.zeros(len(counts))
    for first, end in ends_us:
        for i, count in enumerate(counts):
            begin = (FIRST_S + HOUR_S * i) * 10**6
            overlap = min(end, begin + HOUR_S * 10**6) - max(first, begin)
            held[i] += count * max(0, overlap) / (HOUR_S * 10**6)
    return held


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=40))
def test_slices_hold_as_many_rows_as_were_asked_for_spread_like_the_rows(counts: list[int]) -> None:
    found = slices(_rows(counts), SPAN, most=1000)
    total = sum(counts)
    if total <= 1000:
        assert found.ends_us == ((unix_us(SPAN.since), unix_us(SPAN.until)),)
        return
    held = _held(counts, found.ends_us)
    assert abs(held.sum() - 1000) < 1
    # Of no run of hours more or less is looked at than of the others, but for a slice at either end.
    drift = np.cumsum(held - 1000 * np.array(counts) / total)
    assert np.abs(drift).max() <= 1000 / COUNT + 1


def test_hours_without_rows_are_not_looked_at() -> None:
    counts = [50_000, *[0] * 30, 50_000]
    found = slices(_rows(counts), SPAN, most=1000)
    assert len(found.ends_us) == COUNT
    assert _held([0, *[1] * 30, 0], found.ends_us).sum() < 0.001


def test_slices_stay_within_the_window() -> None:
    narrow = Span(BEGIN + timedelta(minutes=90), BEGIN + timedelta(minutes=100))
    for counts in ([10**6] * 3, [10**6, 0, 0], [0, 0, 10**6]):
        for first, end in slices(_rows(counts), narrow).ends_us:
            assert unix_us(narrow.since) <= first < end <= unix_us(narrow.until)


def test_without_rows_the_whole_window_is_read() -> None:
    assert slices({}, SPAN).ends_us == ((unix_us(SPAN.since), unix_us(SPAN.until)),)
