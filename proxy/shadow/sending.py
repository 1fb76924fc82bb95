"""Sends the copies of an admitted request, and has the exchange recorded, both sides of it."""

from dataclasses import dataclass
from typing import Final

from proxy.shadow.arm import Arm
from proxy.shadow.body import RequestBody
from proxy.shadow.breaker import has_failed
from proxy.shadow.capture.board import ENDED, Board
from proxy.shadow.capture.frames import PRIMARY_ARM, Admitted, LegPlan
from proxy.shadow.capture.writer import CaptureLog
from proxy.shadow.copy import Copy, CopyOwner
from proxy.shadow.lag import LagPeaks
from proxy.shadow.match import MAX_LABEL_BYTES
from proxy.shadow.offered import HOUR_US, Call, Offer
from proxy.shadow.pressure import Pressure
from proxy.shadow.recording import Recording
from proxy.upstream.deadlines import Deadlines
from proxy.upstream.tape import Tape
from proxy.wire import copy_heads, heads
from proxy.wire.endpoints import with_model
from record.ids import id_text
from record.states import UNCAPTURED, State

_OPEN: Final = State.OPEN
_DISK_DROPPED: Final = State.DISK_DROPPED
_LegPlan: Final = LegPlan
_Admitted: Final = Admitted


@dataclass(frozen=True, slots=True)
class ShadowSettings:
    """What the shadow side needs of the configuration."""

    config_version: int
    memory_bytes: int
    response_head_bytes: int
    response_tail_bytes: int
    loop_lag_ns: int
    label_headers: tuple[tuple[str, bytes], ...]
    """(label, header name in lower case)."""
    label_paths: tuple[str, ...]
    """Labels that hold the request's path."""


class Sender(CopyOwner):
    """The copies of a worker that are under way."""

    def __init__(
        self,
        settings: ShadowSettings,
        *,
        board: Board,
        log: CaptureLog,
        lag: LagPeaks,
        deadlines: Deadlines,
        pressure: Pressure,
    ) -> None:
        self._settings = settings
        self._board = board
        self._log = log
        self._lag = lag
        self._deadlines = deadlines
        self._pressure = pressure
        self.open_copies = 0
        """Copies under way."""
        self.copy_bytes = 0
        """Of the bodies of copies under way."""

    def new_tape(self) -> Tape:
        """A tape for a leg that may come to be recorded."""
        return Tape(self._settings.response_head_bytes, self._settings.response_tail_bytes)

    def send(
        self,
        call: Call,
        request_id: bytes,
        arms: list[Arm],
        reasons: list[State | None],
        *,
        conversation: int,
        now_ns: int,
    ) -> None:
        """Sends to every arm without a reason against it, and begins to record. `reasons`: one per arm."""
        offer, body = call.offer, call.body()
        plans: list[LegPlan] = []
        sends: list[tuple[int, Arm, bytes, bytes]] = []
        for place, arm in enumerate(arms):
            reason = reasons[place]
            if reason is not None and reason in UNCAPTURED:
                continue
            changed: list[str] = []
            if reason is None and body is not None:
                target, data, changed = _asked(arm, call, body)
                sends.append((PRIMARY_ARM + 1 + len(plans), arm, target, data))
            plans.append(_LegPlan(arm.name, _OPEN if reason is None else reason, arm.share, changed))
        admitted = _Admitted(
            id=request_id,
            start_unix_us=offer.start_unix_us,
            start_ns=offer.start_ns,
            endpoint=call.endpoint,
            path=call.path.decode("latin-1"),
            headers=heads.kept_of_request(offer.headers),
            labels=self._labels(call),
            conversation=conversation,
            stream=body.stream if body is not None else None,
            config_version=self._settings.config_version,
            legs=plans,
            body=body.raw if body is not None else b"".join(offer.body or ()),
        )
        recording = Recording(self._log, self._board, self._lag, admitted, offer.start_unix_us // HOUR_US)
        id_line = id_text(request_id).encode()
        offer.primary.request_id = id_line
        copies = [
            self._copy(offer, recording, id_line, number=number, arm=arm, target=target, body=data, now_ns=now_ns)
            for number, arm, target, data in sends
        ]
        self._log.began(request_id, offer.start_unix_us)
        _follow_primary(offer, recording)
        for copy, head_and_body in copies:
            copy.begin(head_and_body, last=True)

    def _copy(
        self,
        offer: Offer,
        recording: Recording,
        request_id: bytes,
        *,
        number: int,
        arm: Arm,
        target: bytes,
        body: bytes,
        now_ns: int,
    ) -> tuple[Copy, bytes]:
        """A copy, and what it has to send."""
        recording.expect(number, arm.cells[ENDED], arm.cells[_DISK_DROPPED])
        origin, own, size = arm.pool.origin, arm.own, len(body)
        if arm.is_control:
            head = copy_heads.request_to_control(
                target, offer.onward, origin, own=own, request_id=request_id, content_length=size
            )
        else:
            head = copy_heads.request_to_candidate(
                target, offer.headers, origin, own=own, request_id=request_id, content_length=size
            )
        copy = Copy(
            arm,
            number,
            deadlines=self._deadlines,
            tape=self.new_tape(),
            recording=recording,
            size_bytes=size,
            term=arm.breaker.begin(now_ns),
            owner=self,
        )
        arm.lease.begin()
        self.open_copies += 1
        self.copy_bytes += size
        return copy, head + body

    def copy_ended(self, copy: Copy) -> None:
        """See `CopyOwner`."""
        arm = copy.arm
        arm.lease.end()
        self.open_copies -= 1
        self.copy_bytes -= copy.size_bytes
        outcome = copy.outcome
        if outcome is None:
            return
        arm.figures.ended(copy, copy.size_bytes)
        response = copy.response
        now_ns = copy.end_ns or 0
        failed = has_failed(outcome, response.status if response is not None else None)
        arm.breaker.end(copy.term, now_ns, failed=failed)
        if arm.shares_primary and response is not None:
            self._pressure.refused(response.status, response.headers, now_ns)

    def _labels(self, call: Call) -> dict[str, str]:
        labels = {}
        for label, name in self._settings.label_headers:
            value = heads.header(call.offer.headers, name)
            if value is not None:
                labels[label] = value[:MAX_LABEL_BYTES].decode("utf-8", "replace")
        for label in self._settings.label_paths:
            labels[label] = call.path[:MAX_LABEL_BYTES].decode("utf-8", "replace")
        return labels


def _asked(arm: Arm, call: Call, body: RequestBody) -> tuple[bytes, bytes, list[str]]:
    """Target and body for an arm, and what of them differs from the client's."""
    target, place = call.offer.target, call.place
    if arm.is_control:
        return (target, *body.for_control())
    data, changed = body.for_candidate(arm.model, arm.params, path_names_model=place is not None)
    if place is not None and arm.path_model is not None:
        asked = with_model(target, place, arm.path_model)
        if asked != target:
            return asked, data, [*changed, "path:model"]
    return target, data, changed


def _follow_primary(offer: Offer, recording: Recording) -> None:
    primary = offer.primary
    tape = primary.tape
    if tape is not None:
        tape.bind(PRIMARY_ARM, recording)
    primary.be_recorded(recording)
