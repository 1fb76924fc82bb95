"""A candidate's leg. Nobody waits for it, and its failure is a measurement."""

from typing import Protocol

from proxy.shadow.arm import Arm
from proxy.shadow.recording import Recording
from proxy.upstream.deadlines import Deadlines
from proxy.upstream.leg import Leg
from proxy.upstream.tape import Tape


class CopyOwner(Protocol):
    """Who sent a copy."""

    def copy_ended(self, copy: "Copy") -> None:
        """It is over, and recorded."""


class Copy(Leg):
    """One copy of a request; never retried."""

    __slots__ = ("_arm_number", "_owner", "_recording", "arm", "size_bytes", "term")

    def __init__(
        self,
        arm: Arm,
        arm_number: int,
        *,
        deadlines: Deadlines,
        tape: Tape,
        recording: Recording,
        size_bytes: int,
        term: int,
        owner: CopyOwner,
    ) -> None:
        super().__init__(arm.pool, deadlines, arm.limits, tape)
        self.arm = arm
        self.size_bytes = size_bytes
        """Of its body."""
        self.term = term
        """The breaker's, in which it was sent."""
        self._arm_number = arm_number
        self._recording = recording
        self._owner = owner
        tape.bind(arm_number, recording)

    def on_end(self) -> None:
        """See `Leg`."""
        self._recording.leg_ended(self._arm_number, self)
        self._owner.copy_ended(self)
