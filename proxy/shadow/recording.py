"""One admitted exchange on its way into the capture log."""

from typing import Final

from proxy.shadow.capture.board import Board
from proxy.shadow.capture.frames import PRIMARY_ARM, Admitted, Chunk, Dropped, LegEnd, encode
from proxy.shadow.capture.writer import FrameLog
from proxy.shadow.lag import LagPeaks
from proxy.upstream.leg import Leg
from proxy.upstream.tape import Spill
from proxy.wire.heads import kept_of_response
from record.outcome import Outcome

_TRUNCATED: Final = Outcome.TRUNCATED
_encode: Final = encode
_LegEnd: Final = LegEnd


class Recording(Spill):
    """Writes the frames of an exchange, and counts each candidate's leg exactly once.

    A leg is `ended` when the log has both its end and the primary's: from these the recorder makes the pair. When the
    log refuses a frame the exchange is given up, and the legs that were not complete by then are `disk_dropped`.
    """

    __slots__ = ("_board", "_dead", "_ended", "_hour", "_id", "_lag", "_log", "_open", "_primary_ended", "_start_ns")

    def __init__(self, log: FrameLog, board: Board, lag: LagPeaks, admitted: Admitted, hour: int) -> None:
        self._log = log
        self._board = board
        self._lag = lag
        self._id = admitted.id
        self._hour = hour
        self._start_ns = admitted.start_ns
        self._open: dict[int, tuple[int, int]] = {}
        self._ended: list[int] = []
        self._primary_ended = False
        self._dead = False
        log.append(_encode(admitted), must=True)

    def expect(self, arm: int, ended_cell: int, dropped_cell: int) -> None:
        """A candidate's leg belongs to it; it will be counted in one of the two cells."""
        self._open[arm] = (ended_cell, dropped_cell)

    def spill(self, arm: int, times_ns: list[int], ends: list[int], data: bytes) -> None:
        """See `Spill`."""
        self._append(Chunk(self._id, arm, times_ns, ends, data))

    def primary_ended(self, leg: Leg, *, held_ns: int, overhead_ns: int | None) -> None:
        """The primary's leg is over."""
        self.leg_ended(PRIMARY_ARM, leg, held_ns=held_ns, overhead_ns=overhead_ns)

    def leg_ended(self, arm: int, leg: Leg, *, held_ns: int = 0, overhead_ns: int | None = None) -> None:
        """A leg is over: writes what it was."""
        response, tape = leg.response, leg.tape
        times_ns, ends, data = tape.rest() if tape is not None else ([], [], b"")
        self._append(
            _LegEnd(
                id=self._id,
                arm=arm,
                outcome=leg.outcome or _TRUNCATED,
                status=response.status if response is not None else None,
                headers=kept_of_response(response.headers) if response is not None else [],
                t0_ns=leg.t0_ns,
                connect_ns=leg.connect_ns,
                reused=leg.reused,
                end_ns=leg.end_ns or 0,
                body_bytes=tape.size if tape is not None else 0,
                gap_bytes=tape.gap_bytes if tape is not None else 0,
                held_ns=held_ns,
                overhead_ns=overhead_ns,
                loop_lag_ns=self._lag.since(self._start_ns),
                times_ns=times_ns,
                ends=ends,
                data=data,
            )
        )
        if not self._dead:
            self._count_ended(arm)

    def _count_ended(self, arm: int) -> None:
        if arm == PRIMARY_ARM:
            self._primary_ended = True
        else:
            self._ended.append(arm)
        if self._primary_ended:
            for one in self._ended:
                self._board.add(self._hour, self._open.pop(one)[0])
            self._ended.clear()
            if not self._open:
                self._log.ended(self._id)

    def _append(self, frame: Chunk | LegEnd) -> None:
        if self._dead or self._log.append(_encode(frame)):
            return
        self._dead = True
        self._log.append(_encode(Dropped(self._id)), must=True)
        self._log.ended(self._id)
        for _, dropped_cell in self._open.values():
            self._board.add(self._hour, dropped_cell)
        self._open.clear()
