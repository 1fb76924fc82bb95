"""Sums are those of Python's integers, however large the numbers are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.filed.exact import CHUNK, add_by_group, chunks, product_sum

numbers = st.integers(-(2**41), 2**41)
pairs = st.lists(st.tuples(numbers, numbers, numbers), max_size=40)


def whole(values: Sequence[int]) -> Any:
    return np.array(values, dtype=np.int64)


@given(pairs)
def test_products_and_cubes_add_up_exactly(rows: list[tuple[int, int, int]]) -> None:
    a, b, c = (whole([row[k] for row in rows]) for k in range(3))
    assert product_sum(a) == sum(x for x, _, _ in rows)
    assert product_sum(a, b) == sum(x * y for x, y, _ in rows)
    assert product_sum(a, b, c) == sum(x * y * z for x, y, z in rows)


@pytest.mark.parametrize(
    "value", [2**41, -(2**41), 3_600_000_000, 10**12, -1, 2**46, 2**23, 2**15 - 1, 2**15, 2**15 + 1]
)
def test_a_full_chunk_of_the_largest_numbers_does_not_wrap(value: int) -> None:
    column = whole([value] * CHUNK)
    assert product_sum(column) == CHUNK * value
    assert product_sum(column, column) == CHUNK * value**2
    assert product_sum(column, column, column) == CHUNK * value**3


@given(st.lists(st.tuples(numbers, st.integers(0, 4)), max_size=60), st.sampled_from([np.int64, object]))
def test_groups_hold_the_sums_of_their_rows(rows: list[tuple[int, int]], dtype: Any) -> None:
    target = np.zeros(5, dtype=dtype)
    for _ in range(2):
        add_by_group(target, whole([x for x, _ in rows]), np.array([g for _, g in rows], dtype=np.intp))
    expected = [2 * sum(x for x, group in rows if group == k) for k in range(5)]
    assert [int(x) for x in target] == expected


def test_sums_beyond_64_bits_stay_exact_as_objects() -> None:
    target = np.zeros(1, dtype=object)
    for _ in range(3):
        add_by_group(target, whole([2**46] * CHUNK), np.zeros(CHUNK, dtype=np.intp))
    assert target[0] == 3 * CHUNK * 2**46 > 2**63


def test_chunks_hold_all_rows_in_order() -> None:
    rows = np.arange(2 * CHUNK + 3)
    found = list(chunks(rows))
    assert [len(chunk) for chunk in found] == [CHUNK, CHUNK, 3]
    assert (np.concatenate(found) == rows).all()
    assert list(chunks(rows[:0])) == []
