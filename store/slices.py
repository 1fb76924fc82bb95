"""A look at some of very many rows: slices of time, spread evenly over the rows.

Tables of rows are ordered by candidate, experiment and time, so a slice of time is read by itself, and the rest of the
table is not touched. How many rows each hour has is known from the rollups.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from store.comparison import Span, unix_us

COUNT = 48
"""Slices; some thousand rows each, as the engine reads 8,192 at least. Over 30 days they fall on all hours of a day."""
MOST_ROWS = 300_000
"""More than these are not needed for a mean, a 99th percentile or shares; fewer are all read."""
_HOUR_US = 3600 * 10**6


@dataclass(frozen=True, slots=True)
class Slices:
    """Times, in microseconds since the epoch: from the first up to but without the second of each."""

    ends_us: tuple[tuple[int, int], ...]

    @property
    def condition(self) -> str:
        """For the column `ts`; whole numbers of our own, no text from outside."""
        moment = "fromUnixTimestamp64Micro(toInt64({}), 'UTC')"
        return " OR ".join(
            f"(ts >= {moment.format(first)} AND ts < {moment.format(end)})" for first, end in self.ends_us
        )


def slices(rows: Mapping[int, int], span: Span, *, most: int = MOST_ROWS, count: int = COUNT) -> Slices:
    """At most about `most` rows of a span, in `count` slices; the whole span where it has no more.

    Args:
        rows: hour (seconds since the epoch) -> its rows.
        span: starts of requests; no slice reaches out of it.
        most: rows to look at.
        count: slices.
    """
    since_us, until_us = unix_us(span.since), unix_us(span.until)
    hours = sorted(hour for hour, count in rows.items() if count > 0)
    total = sum(rows[hour] for hour in hours)
    if total <= most:
        return Slices(((since_us, until_us),))
    # Rows of an hour are taken to lie evenly in it.
    up_to = np.cumsum([rows[hour] for hour in hours])
    ranks = np.stack([up_to - [rows[hour] for hour in hours], up_to], axis=1).ravel().astype(np.float64)
    edges_us = np.array([[hour * 10**6, hour * 10**6 + _HOUR_US] for hour in hours], dtype=np.float64).ravel()
    middle = total * (np.arange(count) + 0.5) / count
    half = most / count / 2
    ends = (np.interp(middle + sign * half, ranks, edges_us) for sign in (-1, 1))
    found = ((max(since_us, int(first)), min(until_us, int(end))) for first, end in zip(*ends, strict=True))
    inside = tuple((first, end) for first, end in found if first < end)
    return Slices(inside or ((since_us, until_us),))
