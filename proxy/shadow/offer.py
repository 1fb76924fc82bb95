"""The one door between the data plane and the shadow side. Nothing here waits, and nothing here raises.

`offer` decides for each candidate, counts each decision, and sends the copies.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from proxy.figures import Figures
from proxy.shadow.admission import Asked, Room, refusal
from proxy.shadow.arm import Arm
from proxy.shadow.body import RequestBody
from proxy.shadow.capture import board as counted
from proxy.shadow.capture.board import Board
from proxy.shadow.capture.frames import PRIMARY_ARM, Admitted, LegPlan
from proxy.shadow.capture.writer import CaptureLog
from proxy.shadow.copy import Copy
from proxy.shadow.lag import LagPeaks
from proxy.shadow.recording import Recording
from proxy.shadow.sampling import SamplingKey
from proxy.upstream.deadlines import Deadlines
from proxy.upstream.leg import Leg
from proxy.upstream.tape import Tape
from proxy.wire import heads
from proxy.wire.heads import Headers
from record.ids import id_source, id_text
from record.states import State

_HOUR_US = 3_600_000_000
_FRAME_BYTES = 1024
"""Of a frame's fields beside the bodies, generously."""


class PrimaryLeg(Protocol):
    """The primary leg, as the shadow side sees it."""

    tape: Tape | None
    when_over: "Callable[[], None] | None"
    held_ns: int
    overhead_ns: int | None

    def is_over(self) -> bool:
        """Has it ended?"""

    def as_leg(self) -> Leg:
        """Its marks."""


@dataclass(slots=True)
class Offer:
    """A request that the primary has been sent, whole."""

    endpoint: str | None
    """Dialect key; None when it is no inference call."""
    target: bytes
    headers: Headers
    body: list[bytes] | None
    """None when it was too large to keep."""
    body_bytes: int
    start_ns: int
    start_unix_us: int
    primary: PrimaryLeg


@dataclass(frozen=True, slots=True)
class ShadowSettings:
    """What the shadow side needs of the configuration."""

    config_version: int
    memory_bytes: int
    response_head_bytes: int
    response_tail_bytes: int
    label_headers: tuple[tuple[str, bytes], ...]
    """(label, header name in lower case)."""
    label_paths: tuple[str, ...]
    """Labels that hold the request's path."""


class Shadow:
    """All candidates of a worker."""

    def __init__(
        self,
        arms: Sequence[Arm],
        settings: ShadowSettings,
        *,
        key: SamplingKey,
        board: Board,
        log: CaptureLog,
        lag: LagPeaks,
        deadlines: Deadlines,
        figures: Figures,
        on_internal_error: Callable[[str, BaseException], None],
    ) -> None:
        self._arms = arms
        self._settings = settings
        self._key = key
        self._board = board
        self._log = log
        self._lag = lag
        self._deadlines = deadlines
        self._figures = figures
        self._on_internal_error = on_internal_error
        self._next_id = id_source()
        self._copies: set[Copy] = set()
        self._copy_bytes = 0
        self.shutting_down = False
        self.is_on = any(arm.bound > 0 for arm in arms)
        """Is there anything to copy to?"""

    @property
    def open_copies(self) -> int:
        """Copies under way."""
        return len(self._copies)

    def new_tape(self) -> Tape:
        """A tape for a primary leg that may come to be recorded."""
        return Tape(self._settings.response_head_bytes, self._settings.response_tail_bytes)

    def offer(self, offer: Offer) -> None:
        """Takes note of a request; sends its copies. Never waits, never raises."""
        try:
            self._consider(offer)
        except Exception as error:  # noqa: BLE001 - the primary must not feel a fault of the shadow side
            self._on_internal_error("offer", error)

    def _consider(self, offer: Offer) -> None:
        hour = offer.start_unix_us // _HOUR_US
        for arm in self._arms:
            self._board.add(hour, arm.cells[counted.RECEIVED])
        state = self._not_asked(offer)
        if state is not None or not self.is_on:
            self._forget(offer)
            for arm in self._arms:
                self._board.add(hour, arm.cells[state or State.UNSAMPLED])
            return
        request_id = self._next_id(offer.start_unix_us // 1000)
        body = _parsed(offer)
        asked = Asked(
            is_json=body is not None,
            body_too_large=offer.body is None,
            stateful=body is not None and body.is_stateful,
            provider_tools=body is not None and body.has_provider_tools,
            sampling_hash=self._key.hash_of(request_id, offer.headers, body),
        )
        room = self._room(offer)
        decided = [
            refusal(
                asked,
                room,
                bound=arm.bound,
                allow_provider_tools=arm.allow_provider_tools,
                in_flight=arm.in_flight,
                max_in_flight=arm.max_in_flight,
            )
            for arm in self._arms
        ]
        for arm, reason in zip(self._arms, decided, strict=True):
            self._board.add(hour, arm.cells[reason or counted.ADMITTED])
        if all(reason is State.UNSAMPLED for reason in decided) or not (room.memory and room.capture):
            self._forget(offer)
            return
        self._record(offer, request_id, body, conversation=asked.sampling_hash, decided=decided, hour=hour)

    @staticmethod
    def _not_asked(offer: Offer) -> State | None:
        if offer.endpoint is None:
            return State.NO_MATCH
        opt_out = heads.header(offer.headers, heads.OPT_OUT)
        if opt_out is not None and opt_out.strip().lower() == b"never":
            return State.OPT_OUT
        return State.LOOP if heads.header(offer.headers, heads.MARKER) is not None else None

    @staticmethod
    def _forget(offer: Offer) -> None:
        offer.primary.tape = None

    def _room(self, offer: Offer) -> Room:
        size = offer.body_bytes + _FRAME_BYTES
        held = self._copy_bytes + self._log.queued_bytes + size * (1 + len(self._arms))
        return Room(
            shutting_down=self.shutting_down,
            memory=held <= self._settings.memory_bytes,
            capture=self._log.has_room(size),
        )

    def _record(
        self,
        offer: Offer,
        request_id: bytes,
        body: RequestBody | None,
        *,
        conversation: int,
        decided: Sequence[State | None],
        hour: int,
    ) -> None:
        plans: list[LegPlan] = []
        sends: list[tuple[int, Arm, bytes]] = []
        for arm, reason in zip(self._arms, decided, strict=True):
            if reason is State.UNSAMPLED:
                continue
            changed: list[str] = []
            if reason is None and body is not None:
                sent, changed = _body_for(arm, body)
                sends.append((PRIMARY_ARM + 1 + len(plans), arm, sent))
            plans.append(LegPlan(arm.name, reason or State.OPEN, arm.share, changed))
        admitted = Admitted(
            id=request_id,
            start_unix_us=offer.start_unix_us,
            start_ns=offer.start_ns,
            endpoint=offer.endpoint or "",
            path=offer.target.partition(b"?")[0].decode("latin-1"),
            headers=heads.kept_of_request(offer.headers),
            labels=self._labels(offer),
            conversation=conversation,
            stream=body.stream if body is not None else None,
            config_version=self._settings.config_version,
            legs=plans,
            body=body.raw if body is not None else b"".join(offer.body or ()),
        )
        recording = Recording(self._log, self._board, self._lag, admitted, hour)
        id_line = id_text(request_id).encode()
        copies = [self._copy(offer, recording, id_line, number=n, arm=arm, body=sent) for n, arm, sent in sends]
        self._follow_primary(offer, recording)
        for copy, data in copies:
            copy.begin(data, last=True)

    def _copy(
        self, offer: Offer, recording: Recording, request_id: bytes, *, number: int, arm: Arm, body: bytes
    ) -> tuple[Copy, bytes]:
        """A copy, and what it has to send."""
        recording.expect(number, arm.cells[counted.ENDED], arm.cells[State.DISK_DROPPED])
        make_head = heads.request_to_control if arm.is_control else heads.request_to_candidate
        head = make_head(
            offer.target,
            offer.headers,
            arm.pool.origin,
            own=arm.headers,
            request_id=request_id,
            content_length=len(body),
        )
        copy = Copy(
            arm,
            number,
            deadlines=self._deadlines,
            tape=self.new_tape(),
            recording=recording,
            size_bytes=len(body),
            done=self._copy_ended,
        )
        arm.in_flight += 1
        self._copies.add(copy)
        self._copy_bytes += len(body)
        return copy, head + body

    def _follow_primary(self, offer: Offer, recording: Recording) -> None:
        primary = offer.primary

        def over() -> None:
            recording.leg_ended(PRIMARY_ARM, primary.as_leg(), held_ns=primary.held_ns, overhead_ns=primary.overhead_ns)

        if primary.tape is not None:
            primary.tape.bind(PRIMARY_ARM, recording.spill)
        if primary.is_over():
            over()
        else:
            primary.when_over = over

    def _copy_ended(self, copy: Copy, arm: Arm, size_bytes: int) -> None:
        arm.in_flight -= 1
        self._copies.discard(copy)
        self._copy_bytes -= size_bytes
        if copy.outcome is not None:
            self._figures.add(arm.figures[copy.outcome])

    def _labels(self, offer: Offer) -> dict[str, str]:
        labels = {}
        for label, name in self._settings.label_headers:
            value = heads.header(offer.headers, name)
            if value is not None:
                labels[label] = value[:256].decode("utf-8", "replace")
        for label in self._settings.label_paths:
            labels[label] = offer.target.partition(b"?")[0][:256].decode("utf-8", "replace")
        return labels


def _parsed(offer: Offer) -> RequestBody | None:
    """The body as JSON; None when it is compressed, too large, or something else."""
    if offer.body is None or heads.header(offer.headers, b"content-encoding") not in {None, b"identity"}:
        return None
    try:
        return RequestBody(offer.body[0] if len(offer.body) == 1 else b"".join(offer.body))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _body_for(arm: Arm, body: RequestBody) -> tuple[bytes, list[str]]:
    return (body.raw, []) if arm.is_control else body.rewritten(arm.model, arm.params)
