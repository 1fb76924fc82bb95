"""Boards -> counter rows, and what a dead worker lost. Pure: takes readings, gives rows and what they settle."""

from collections.abc import Iterator, Mapping

from proxy.recorder.checkpoint import Checkpoint, CounterPlan, CounterRow, Tallies
from proxy.recorder.shipment import add_tally
from proxy.shadow.capture.board import ADMITTED, ENDED
from record.states import State

SETTLED_AFTER_HOURS = 48
"""A request that began so long ago and has no pair yet will not get one."""

Hours = Mapping[int, Mapping[tuple[str, str], int]]
"""A board's reading: hour since the epoch -> (candidate, state) -> count."""


def next_counters(
    checkpoint: Checkpoint, worker: str, hours: Hours, now_s: int, *, is_final: bool
) -> CounterPlan | None:
    """Counter rows for what has changed since the last; None when nothing has.

    Args:
        checkpoint: what was reported, and what was recorded.
        worker: whose counts these are.
        hours: the board as it is now; empty where there is no board.
        now_s: seconds since the epoch.
        is_final: the worker is dead and all that it wrote is in the store: every hour is settled.
    """
    newest = max(hours, default=0)
    settle_through = newest if is_final else newest - SETTLED_AFTER_HOURS
    after: Tallies = {}
    rows: list[CounterRow] = []
    for hour, counts in sorted(hours.items()):
        if hour <= checkpoint.closed_through:
            continue
        second = second_within(hour, now_s)
        before = checkpoint.reported.get(hour, {})
        for candidate, state, count in _present(hour, counts, checkpoint):
            add_tally(after, hour, candidate, state, count)
            if (delta := count - before.get(candidate, {}).get(state, 0)) > 0:
                rows.append(CounterRow(second, candidate, state, delta))
        if hour <= settle_through:
            rows += (CounterRow(second, *lost) for lost in _lost(hour, counts, checkpoint))
    closes = settle_through > checkpoint.closed_through and any(
        checkpoint.closed_through < hour <= settle_through for hour in hours
    )
    if not rows and not closes:
        return None
    return CounterPlan(checkpoint.counters_sent, worker, rows, after, settle_through if closes else 0)


def accept(checkpoint: Checkpoint, plan: CounterPlan) -> None:
    """The rows are in the store."""
    checkpoint.counter_plan = None
    checkpoint.counters_sent = plan.sequence + 1
    checkpoint.closed_through = max(checkpoint.closed_through, plan.closes_through)
    checkpoint.reported = {h: c for h, c in plan.after.items() if h > checkpoint.closed_through}
    checkpoint.recorded = {h: c for h, c in checkpoint.recorded.items() if h > checkpoint.closed_through}


def second_within(hour: int, now_s: int) -> int:
    """Now, if now lies in that hour; else the hour's last second."""
    return min(now_s, hour * 3600 + 3599) if now_s >= hour * 3600 else hour * 3600


def _present(
    hour: int, counts: Mapping[tuple[str, str], int], checkpoint: Checkpoint
) -> Iterator[tuple[str, str, int]]:
    """The worker's counts, and the exchanges that we set aside."""
    for (candidate, state), count in counts.items():
        yield candidate, state, count
    for candidate, states in checkpoint.recorded.get(hour, {}).items():
        if quarantined := states.get(State.QUARANTINED, 0):
            yield candidate, State.QUARANTINED, quarantined


def _lost(hour: int, counts: Mapping[tuple[str, str], int], checkpoint: Checkpoint) -> Iterator[tuple[str, str, int]]:
    """What was admitted and came to nothing.

    lost = admitted - pairs - set aside - dropped for want of disk. Where part of the log was unreadable, those that
    had been written in full (`ended`) are put down to that; all others died with their worker.
    """
    for candidate in sorted({candidate for candidate, _ in counts}):
        recorded = checkpoint.recorded.get(hour, {}).get(candidate, {})
        pairs, aside = recorded.get(State.PAIR, 0), recorded.get(State.QUARANTINED, 0)
        dropped = counts.get((candidate, State.DISK_DROPPED), 0)
        lost = max(0, counts.get((candidate, ADMITTED), 0) - pairs - aside - dropped)
        written = max(0, counts.get((candidate, ENDED), 0) - pairs - aside)
        unreadable = min(lost, written) if checkpoint.damaged else 0
        if unreadable:
            yield candidate, State.QUARANTINED, unreadable
        if lost > unreadable:
            yield candidate, State.WORKER_LOST, lost - unreadable
