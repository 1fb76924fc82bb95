"""A stream's board -> shipments of counter rows, planned on disk before they are sent."""

from pathlib import Path

from proxy.recorder.checkpoint import CounterPlan
from proxy.recorder.follower import Follower
from proxy.recorder.pairing import instant
from proxy.recorder.rows import Row, counter_row
from proxy.recorder.shipment import Insert, Shipment
from proxy.recorder.tally import accept, next_counters
from proxy.shadow.capture.board import BoardError, BoardReading, board_path, read_board
from store.tables import COUNTERS

REPORT_EVERY_S = 1.0


class Reporter:
    """Reports one stream's counts."""

    def __init__(self, directory: Path, follower: Follower) -> None:
        self._follower = follower
        self._path = board_path(directory, follower.stream)
        self._reading: BoardReading | None = None
        self._next_s = 0.0
        self._in_flight = False

    def look(self) -> bool:
        """Reads the board; False when it is not there or not whole. What it said last is remembered."""
        try:
            self._reading = read_board(self._path)
        except (BoardError, OSError):
            return False
        return True

    @property
    def has_read(self) -> bool:
        """Was the board whole once?"""
        return self._reading is not None

    @property
    def is_busy(self) -> bool:
        """Rows are on their way."""
        return self._in_flight

    def plan(self, now_s: float, unix_s: float, *, flush: bool, is_final: bool) -> Shipment | None:
        """The next counter rows, or None.

        Raises:
            OSError: the plan could not be written; nothing has changed.
        """
        if self._in_flight or not (flush or now_s >= self._next_s):
            return None
        self._next_s = now_s + REPORT_EVERY_S
        checkpoint = self._follower.checkpoint
        plan = checkpoint.counter_plan
        if plan is None:
            self.look()
            if self._reading is None:
                return None
            worker, hours = self._reading.header.worker, self._reading.hours
            may_settle = self._follower.is_near_end and checkpoint.plan is None
            plan = next_counters(checkpoint, worker, hours, int(unix_s), is_final=is_final, may_settle=may_settle)
            if plan is None:
                return None
            checkpoint.counter_plan = plan
            try:
                self._follower.save()
            except OSError:
                checkpoint.counter_plan = None
                raise
        self._in_flight = True
        return Shipment(self._inserts(plan), plan)

    def _inserts(self, plan: CounterPlan) -> tuple[Insert, ...]:
        if not plan.rows:
            return ()
        rows: list[Row] = [
            counter_row(instant(row.unix_s * 1_000_000), plan.worker, row.candidate, row.state, row.count)
            for row in plan.rows
        ]
        return (Insert(COUNTERS, rows, f"{self._follower.stream}:counters:{plan.sequence}"),)

    def acknowledge(self, plan: CounterPlan) -> None:
        """The store has the rows.

        Raises:
            OSError: the checkpoint could not be written; the rows may be sent again, under the same token.
        """
        self._in_flight = False
        accept(self._follower.checkpoint, plan)
        self._follower.save()
