"""Rows that say the same as another row: perhaps a file that holds its pairs twice."""

import hashlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np

from analyzer.measures import Row

MIN_REPEATS = 30
MIN_SHARE = 0.01
"""Of all rows; from either of the two on they are worth a word."""
_encode = msgspec.msgpack.Encoder(order="deterministic").encode


@dataclass(slots=True)
class Repeats:
    """Looks for rows with the same columns and values.

    Rows that name their request are told apart by it. Memory: 8 bytes of each other row. Of ten million different
    rows, two have the same 64 bits with probability 3e-6 (n^2 / 2^65).
    """

    _digests: "array[int]" = field(default_factory=lambda: array("Q"))

    def add(self, values: Row) -> None:
        """One more row, with what the file says."""
        if "request_id" not in values:
            self._digests.frombytes(hashlib.blake2b(_encode(values), digest_size=8).digest())

    def notes(self, rows: int) -> Iterator[str]:
        """What a reader should know. `rows`: of the file."""
        times = np.unique(np.array(self._digests, dtype=np.uint64), return_counts=True)[1]
        equal = int(times[times > 1].sum())
        if equal >= MIN_REPEATS or equal > MIN_SHARE * rows:
            yield (
                f"{equal:,} rows are equal to another one: if the file holds pairs twice, intervals are too narrow; "
                "give request_id"
            )
