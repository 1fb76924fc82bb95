"""received = unsampled and the like + skips + pairs + open + lost, per candidate and hour of request starts.

The workers count what they receive and what becomes of it; the recorder counts what it found lost; pairs are counted
where they lie, in the store. Two sums must agree, and neither is derived from the other:

    received = uncaptured + skips + admitted            by the workers' counts alone
    admitted = pairs + lost + in flight                 counts against rows that are really there

What is in flight (`open` in the proxy, `recording` on its way to the store) is the rest of the second sum, so it is
held to its age: it is right while requests of the hour may be under way, and a fault once they cannot be.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from record.states import LOST, SKIPS, UNCAPTURED, State

RECEIVED = "received"
ADMITTED = "admitted"
ENDED = "ended"
ERASED = "erased"
"""Pairs that `erase` took out of the store: counted then, they are pairs here still."""
COUNTS_LAG = timedelta(seconds=15)
"""Counts and rows reach the store on different ways, about once a second; for so long they may disagree."""


@dataclass(frozen=True, slots=True)
class HourRows:
    """What the store holds, by hour of request starts."""

    counted: Mapping[tuple[datetime, str, str], tuple[int, datetime]]
    """(hour, candidate, counted state) -> requests, and the time of the latest count."""
    rows: Mapping[tuple[datetime, str, str], int]
    """(hour, candidate, skip reason or empty for a pair) -> rows."""


@dataclass(frozen=True, slots=True)
class Patience:
    """For how long things may be under way."""

    now: datetime
    in_flight: timedelta
    """From the latest count of an hour to the last row of its requests."""
    quiet: bool
    """Nothing can be under way: no worker runs and all that was captured has been read."""
    unread: int = 0
    """Streams of the capture log that nobody reads: what they hold is neither counted nor lost yet."""

    def allows(self, since: datetime | None, limit: timedelta) -> bool:
        """May something that was last heard of at `since` still be under way?"""
        if self.unread:
            return True
        return not self.quiet and since is not None and self.now - since <= limit


@dataclass(frozen=True, slots=True)
class Line:
    """One candidate in one hour."""

    hour: datetime
    candidate: str
    received: int
    uncaptured: Mapping[str, int]
    skips: Mapping[str, int]
    skip_rows: int
    """Rows of skips; fewer than counted where a worker died or nothing could be captured."""
    admitted: int
    pairs: int
    open: int
    recording: int
    lost: Mapping[str, int]
    fault: str | None
    """What does not add up; None when it does."""

    @property
    def adds_up(self) -> bool:
        """Nothing is missing and nothing is too much."""
        return self.fault is None


def audit(hours: HourRows, patience: Patience) -> tuple[Line, ...]:
    """A line per hour and candidate that has counts or rows, in that order."""
    places = sorted({(h, c) for h, c, _ in hours.counted} | {(h, c) for h, c, _ in hours.rows})
    return tuple(_line(hour, candidate, hours, patience) for hour, candidate in places)


def _line(hour: datetime, candidate: str, hours: HourRows, patience: Patience) -> Line:
    mine = {state: value for (h, c, state), value in hours.counted.items() if (h, c) == (hour, candidate)}
    counts = {state: count for state, (count, _) in mine.items()}
    rows = {reason: n for (h, c, reason), n in hours.rows.items() if (h, c) == (hour, candidate)}
    last = max((at for _, at in mine.values()), default=None)
    pairs = rows.get("", 0) + counts.get(ERASED, 0)
    admitted, lost = counts.get(ADMITTED, 0), _some(counts, LOST)
    in_flight = admitted - pairs - sum(lost.values())
    recording = min(max(counts.get(ENDED, 0) - pairs - lost.get(State.QUARANTINED, 0), 0), max(in_flight, 0))
    line = Line(
        hour=hour,
        candidate=candidate,
        received=counts.get(RECEIVED, 0),
        uncaptured=_some(counts, sorted(UNCAPTURED)),
        skips=_some(counts, SKIPS),
        skip_rows=sum(n for reason, n in rows.items() if reason),
        admitted=admitted,
        pairs=pairs,
        open=max(in_flight, 0) - recording,
        recording=recording,
        lost=lost,
        fault=None,
    )
    fault = _fault(line, in_flight, last, patience)
    return dataclasses.replace(line, fault=fault)


def _some(counts: Mapping[str, int], states: tuple[State, ...] | list[State]) -> dict[str, int]:
    return {state.value: counts[state] for state in states if counts.get(state)}


def _fault(line: Line, in_flight: int, last: datetime | None, patience: Patience) -> str | None:
    lagging = patience.allows(last, COUNTS_LAG)
    settled = sum(line.uncaptured.values()) + sum(line.skips.values()) + line.admitted
    if settled != line.received and not lagging:
        return f"received {line.received}, but the states of these requests add up to {settled}"
    if in_flight < 0 and not lagging:
        return f"{-in_flight} more pairs and losses than requests that were admitted"
    if in_flight > 0 and not patience.allows(last, patience.in_flight):
        return f"{in_flight} admitted requests are neither pairs nor counted as lost"
    if line.skip_rows > sum(line.skips.values()) and not lagging:
        return f"{line.skip_rows} rows of skips, but {sum(line.skips.values())} were counted"
    return None
