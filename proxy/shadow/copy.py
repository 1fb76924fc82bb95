"""A candidate's leg. Nobody waits for it, and its failure is a measurement."""

from collections.abc import Callable

from proxy.shadow.arm import Arm
from proxy.shadow.recording import Recording
from proxy.upstream.deadlines import Deadlines
from proxy.upstream.leg import Leg
from proxy.upstream.tape import Tape


class Copy(Leg):
    """One copy of a request; never retried."""

    __slots__ = ("_arm", "_arm_number", "_done", "_recording", "_size")

    def __init__(
        self,
        arm: Arm,
        arm_number: int,
        *,
        deadlines: Deadlines,
        tape: Tape,
        recording: Recording,
        size_bytes: int,
        done: "Callable[[Copy, Arm, int], None]",
    ) -> None:
        super().__init__(arm.pool, deadlines, arm.limits, tape)
        self._arm = arm
        self._arm_number = arm_number
        self._recording = recording
        self._size = size_bytes
        self._done = done
        tape.bind(arm_number, recording.spill)

    def on_end(self) -> None:
        """See `Leg`."""
        self._recording.leg_ended(self._arm_number, self)
        self._done(self, self._arm, self._size)
