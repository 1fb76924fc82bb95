"""Boards -> counter rows, and what a dead worker lost. Pure: takes readings, gives rows and what they settle."""

from collections.abc import Iterator, Mapping

from proxy.recorder.checkpoint import Checkpoint, CounterPlan, CounterRow, Tallies
from proxy.recorder.shipment import add_tally
from proxy.shadow.capture.board import ADMITTED, ENDED, RECEIVED
from record.states import SKIPS, UNCAPTURED, State

SETTLED_AFTER_HOURS = 48
"""A request that began so long ago and has no pair yet will not get one.

Clocks are set wrong and right again, so this is asked of two: the wall clock, and the board, on which so many other
hours must have been begun since. An hour that a wrong clock put there is never taken for the present.
"""

_DECIDED = (*sorted(s.value for s in UNCAPTURED), *(s.value for s in SKIPS), ADMITTED)
"""What admission may decide; received = the sum of these."""
_OURS = (State.QUARANTINED, State.DISK_DROPPED)
"""Losses that the recorder finds, or decides on."""

Hours = Mapping[int, Mapping[tuple[str, str], int]]
"""A board's reading: hour since the epoch -> (candidate, state) -> count; in the order in which hours were begun."""


def next_counters(
    checkpoint: Checkpoint, worker: str, hours: Hours, now_s: int, *, is_final: bool, may_settle: bool = True
) -> CounterPlan | None:
    """Counter rows for what has changed since the last; None when nothing has.

    Args:
        checkpoint: what was reported, and what was recorded.
        worker: whose counts these are.
        hours: the board as it is now; empty where there is no board.
        now_s: seconds since the epoch.
        is_final: the worker is dead and all that it wrote is in the store: every hour is settled.
        may_settle: what it wrote long ago is in the store; not so after the store was away for days.
    """
    present = {h: counts for page, (h, counts) in enumerate(hours.items()) if not checkpoint.is_closed(h, page)}
    settle_through = _settled_through(list(hours), now_s, is_final=is_final) if may_settle or is_final else 0
    after: Tallies = {}
    rows: list[CounterRow] = []
    closes = [hour for hour in present if hour <= settle_through] if settle_through > checkpoint.closed_through else []
    for hour, counts in sorted(present.items()):
        before = checkpoint.reported.get(hour, {})
        news: dict[tuple[str, str], int] = {}
        for candidate, state, count in _present(hour, counts, checkpoint):
            add_tally(after, hour, candidate, state, count)
            if (delta := count - before.get(candidate, {}).get(state, 0)) > 0:
                news[candidate, state] = delta
        if hour in closes:
            for candidate, state, count in (*_undecided(counts), *_lost(hour, counts, checkpoint)):
                news[candidate, state] = news.get((candidate, state), 0) + count
        second = second_within(hour, now_s)
        rows += (CounterRow(second, *place, count) for place, count in news.items())
    if not rows and not closes:
        return None
    return CounterPlan(
        checkpoint.counters_sent, worker, rows, after, settle_through if closes else 0, closes, len(hours)
    )


def _settled_through(hours: list[int], now_s: int, *, is_final: bool) -> int:
    """Every hour up to this one is over for good; 0 when none is known to be.

    Args:
        hours: in the order in which they were begun.
        now_s: seconds since the epoch.
        is_final: no more will be begun or added to.
    """
    if is_final:
        return max(hours, default=0)
    latest = set(hours[-SETTLED_AFTER_HOURS:])
    oldest_now = now_s // 3600 - SETTLED_AFTER_HOURS
    may_grow = [hour for hour in hours if hour in latest or hour > oldest_now]
    return max((hour for hour in hours if hour < min(may_grow, default=0)), default=0)


def accept(checkpoint: Checkpoint, plan: CounterPlan) -> None:
    """The rows are in the store."""
    checkpoint.counter_plan = None
    checkpoint.counters_sent = plan.sequence + 1
    if plan.closes_through > checkpoint.closed_through:
        checkpoint.closed_through, checkpoint.closed_pages = plan.closes_through, plan.pages or None
    checkpoint.reported = {h: c for h, c in plan.after.items() if not plan.is_end_of(h)}
    checkpoint.recorded = {h: c for h, c in checkpoint.recorded.items() if not plan.is_end_of(h)}


def second_within(hour: int, now_s: int) -> int:
    """Now, if now lies in that hour; else the hour's last second."""
    return min(now_s, hour * 3600 + 3599) if now_s >= hour * 3600 else hour * 3600


def _present(
    hour: int, counts: Mapping[tuple[str, str], int], checkpoint: Checkpoint
) -> Iterator[tuple[str, str, int]]:
    """The worker's counts, and the exchanges that we set aside or gave up for want of disk, as it may have, too."""
    recorded = checkpoint.recorded.get(hour, {})
    ours = {(c, s.value): n for c, states in recorded.items() for s in _OURS if (n := states.get(s, 0))}
    for place in [*counts, *(place for place in ours if place not in counts)]:
        yield *place, counts.get(place, 0) + ours.get(place, 0)


def _undecided(counts: Mapping[tuple[str, str], int]) -> Iterator[tuple[str, str, int]]:
    """What brings the sum of the states to what was received: a worker may die between the two counts.

    Such a request was neither copied nor left out, so it counts as admitted and lost. The other way round, which only
    the copy of a board can show after the machine went down, requests were received that were not counted as such.
    """
    for candidate in sorted({candidate for candidate, _ in counts}):
        decided = sum(counts.get((candidate, state), 0) for state in _DECIDED)
        received = counts.get((candidate, RECEIVED), 0)
        if decided < received:
            yield candidate, ADMITTED, received - decided
            yield candidate, State.WORKER_LOST, received - decided
        elif decided > received:
            yield candidate, RECEIVED, decided - received


def _lost(hour: int, counts: Mapping[tuple[str, str], int], checkpoint: Checkpoint) -> Iterator[tuple[str, str, int]]:
    """What was admitted and came to nothing.

    lost = admitted - pairs - set aside - dropped for want of disk. Where part of the log was unreadable, those that
    had been written in full (`ended`) are put down to that; all others died with their worker.
    """
    for candidate in sorted({candidate for candidate, _ in counts}):
        recorded = checkpoint.recorded.get(hour, {}).get(candidate, {})
        # What the recorder dropped had been written in full; what the worker dropped had not.
        settled = sum(recorded.get(state, 0) for state in (State.PAIR, *_OURS))
        dropped = counts.get((candidate, State.DISK_DROPPED), 0)
        lost = max(0, counts.get((candidate, ADMITTED), 0) - settled - dropped)
        written = max(0, counts.get((candidate, ENDED), 0) - settled)
        unreadable = min(lost, written) if checkpoint.damaged else 0
        if unreadable:
            yield candidate, State.QUARANTINED, unreadable
        if lost > unreadable:
            yield candidate, State.WORKER_LOST, lost - unreadable
