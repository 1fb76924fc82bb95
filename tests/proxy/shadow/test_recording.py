"""Each leg of an admitted exchange counts once: as ended, or as dropped."""

import tempfile
import uuid
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from proxy.shadow.capture.board import ENDED, board_path, read_board
from proxy.shadow.capture.frames import PRIMARY_ARM, Admitted, Dropped, Frame, LegEnd, LegPlan, decode
from proxy.shadow.lag import LagPeaks
from proxy.shadow.recording import Recording
from proxy.upstream.deadlines import Deadlines
from proxy.upstream.leg import Leg, LegLimits
from proxy.upstream.pools import Pools
from proxy.wire.heads import Origin
from record.outcome import Outcome
from record.states import State
from runtime.tasks import Tasks
from tests.fakes.boards import kept_board

ARMS = ("a", "b", "c")


class FullAfter:
    """A log that takes so many frames and then only what must be taken."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.frames: list[Frame] = []
        self.over: list[bytes] = []

    def append(self, payload: bytes, *, must: bool = False) -> bool:
        if not must and self.room <= 0:
            return False
        self.room -= not must
        self.frames.append(decode(payload))
        return True

    def ended(self, exchange_id: bytes) -> None:
        self.over.append(exchange_id)


def admitted() -> Admitted:
    plans = [LegPlan(name, "open", 1.0, []) for name in ARMS]
    return Admitted(b"i" * 16, 7, 7, "chat/completions", "/", [], {}, 1, None, 1, plans, b"{}")


@given(st.permutations(range(len(ARMS) + 1)), st.integers(0, 5))
def test_a_leg_is_ended_exactly_when_the_log_holds_its_pair_and_dropped_otherwise(order: list[int], room: int) -> None:
    with tempfile.TemporaryDirectory() as parent:
        directory = Path(parent) / "capture"
        directory.mkdir()
        board = kept_board(directory, uuid.uuid4(), "w", ARMS, ())
        log = FullAfter(room)
        recording = Recording(log, board, LagPeaks(), admitted(), 1)
        for number, name in enumerate(ARMS, start=1):
            index = ARMS.index(name)
            recording.expect(number, board.cell(index, ENDED), board.cell(index, State.DISK_DROPPED))
        for arm in order:
            if room == len(ARMS) + 1:
                assert log.over == []  # not before the last of its frames
            recording.leg_ended(arm, ended_leg())
        assert log.over == [b"i" * 16]
        counts = read_board(board_path(directory, board.header.stream)).hours.get(1, {})
        in_log = {f.arm for f in log.frames if isinstance(f, LegEnd)}
        for number, name in enumerate(ARMS, start=1):
            complete = PRIMARY_ARM in in_log and number in in_log
            assert counts.get((name, ENDED), 0) == complete
            assert counts.get((name, State.DISK_DROPPED.value), 0) == (not complete)
        assert any(isinstance(f, Dropped) for f in log.frames) == (len(in_log) <= len(ARMS))
        board.close()


def ended_leg() -> Leg:
    pool = Pools(Tasks(lambda name, error: None), lambda name, reason: None).of_copies(
        "a", Origin.parse("http://127.0.0.1:9"), 1.0, None
    )
    leg = Leg(pool, Deadlines(), LegLimits(first_byte_ns=1, idle_ns=1), None)
    leg.outcome = Outcome.OK
    return leg
