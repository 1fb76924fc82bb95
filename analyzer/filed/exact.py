"""Sums of whole numbers that stay whole: by group, of products, of cubes.

A double holds every whole number up to 2^53, an Int64 up to 2^63; a sum of squares of microseconds passes both within a
few rows. So numbers are cut into limbs of few bits, whose sums fit, and the sums are put together as Python's integers.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
Index = NDArray[np.intp]
Places = NDArray[np.integer[Any]]

CHUNK_BITS = 16
CHUNK = 2**CHUNK_BITS
"""Rows that are worked on at a time; functions here take no more."""
_DOUBLE_BITS = 53 - CHUNK_BITS
"""Of a limb whose sum over a chunk a double holds."""
_INT_BITS = 62 - CHUNK_BITS
"""Of a product of limbs whose sum over a chunk an Int64 holds."""


def chunks(rows: Index) -> Iterator[Index]:
    """Not more than `CHUNK` at a time."""
    return (rows[first : first + CHUNK] for first in range(0, len(rows), CHUNK))


def add_by_group(target: NDArray[Any], values: Whole, group: Places) -> None:
    """Adds each value to the place of its group.

    Args:
        target: shape (G,), Int64 or objects (Python's integers, where sums may pass 2^63).
        values: shape (n,), n not above `CHUNK`.
        group: shape (n,), from 0 up to G - 1.
    """
    for shift, limb in _limbs(values, _DOUBLE_BITS):
        found = np.bincount(group, weights=limb, minlength=len(target)).astype(np.int64)
        if target.dtype == np.int64:
            target += found << shift
        else:
            target += found.astype(object) * 2**shift


def product_sum(*factors: Whole) -> int:
    """Sum over rows of the product of one, two or three numbers each.

    Args:
        factors: shapes (n,), n not above `CHUNK`.
    """
    bits = _INT_BITS // len(factors)
    total = 0
    for limbs in itertools.product(*(list(_limbs(factor, bits)) for factor in factors)):
        shift = sum(place for place, _ in limbs)
        *others, last = (limb for _, limb in limbs)
        product = math.prod(others[1:], start=others[0]) if others else np.ones_like(last)
        total += int(product @ last) << shift
    return total


def _limbs(values: Whole, bits: int) -> list[tuple[int, Whole]]:
    """(shift, limb): the values are the sum of limb * 2^shift; only the highest limb may be negative."""
    found = []
    shift = 0
    while len(values) and max(int(values.max()), -int(values.min())) > 2**bits:
        found.append((shift, values & (2**bits - 1)))
        values = values >> bits
        shift += bits
    return [*found, (shift, values)]
