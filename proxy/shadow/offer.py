"""The one door between the data plane and the shadow side. Nothing here waits, and nothing here raises.

`offer` decides for each candidate, counts each decision, and has the copies sent. What the primary answers is heard
here, too, so that copies can yield when it is short of room.
"""

from collections.abc import Callable, Sequence
from typing import Final

from proxy import figures as names
from proxy.clock import monotonic_ns
from proxy.figures import Figures
from proxy.shadow.admission import Asked, Room, Standing, aside, refusal
from proxy.shadow.arm import Arm
from proxy.shadow.capture.board import ADMITTED, RECEIVED, Board
from proxy.shadow.capture.writer import CaptureLog
from proxy.shadow.lag import LagPeaks
from proxy.shadow.match import Matcher
from proxy.shadow.offered import HOUR_US, Call, Offer, PrimaryLeg
from proxy.shadow.pressure import Pressure
from proxy.shadow.recording import Recording
from proxy.shadow.sampling import SamplingKey
from proxy.shadow.sending import Sender, ShadowSettings
from proxy.shadow.switchback import Switchback
from proxy.upstream.deadlines import Deadlines
from proxy.upstream.exchange import Response
from proxy.upstream.pool import Pool
from proxy.upstream.tape import Tape
from proxy.wire import heads
from record.ids import id_source
from record.outcome import Outcome
from record.states import State

__all__ = ["Offer", "PrimaryLeg", "Recording", "Shadow", "ShadowSettings"]

_FRAME_BYTES: Final = 1024
"""Of a frame's fields beside the bodies, generously."""
_NO_MATCH: Final = State.NO_MATCH
_INTERNAL_ERROR: Final = State.INTERNAL_ERROR
_INCOMPLETE: Final = State.INCOMPLETE
_LAG_WINDOW_NS: Final = 1_000_000_000
_NOT_REACHED: Final = frozenset({Outcome.CONNECT_ERROR, Outcome.TIMEOUT})
ALL: Final = "*"
"""In a list of paused candidates: every one."""


class Shadow:
    """All candidates of a worker."""

    def __init__(
        self,
        arms: Sequence[Arm],
        settings: ShadowSettings,
        *,
        key: SamplingKey,
        switchback: Switchback,
        pressure: Pressure,
        board: Board,
        log: CaptureLog,
        lag: LagPeaks,
        deadlines: Deadlines,
        figures: Figures,
        on_internal_error: Callable[[str, BaseException], None],
    ) -> None:
        self._arms = list(arms)
        self._settings = settings
        self._key = key
        self._switchback = switchback
        self._pressure = pressure
        self._board = board
        self._log = log
        self._lag = lag
        self._figures = figures
        self._on_internal_error = on_internal_error
        self._sender = Sender(settings, board=board, log=log, lag=lag, deadlines=deadlines, pressure=pressure)
        self._next_id = id_source()
        self._hears_primary = any(arm.shares_primary and arm.bound > 0 for arm in arms)
        self.shutting_down = False
        self.is_on = any(arm.bound > 0 for arm in arms)
        """Is there anything to copy to? If not, nothing is kept of requests and answers, and nothing is parsed."""

    @property
    def open_copies(self) -> int:
        """Copies under way."""
        return self._sender.open_copies

    def pools(self) -> list[Pool]:
        """Connections of all arms."""
        return [arm.pool for arm in self._arms]

    def new_tape(self) -> Tape:
        """A tape for a primary leg that may come to be recorded."""
        return self._sender.new_tape()

    def pause(self, candidates: Sequence[str]) -> None:
        """These candidates, and no others, get no copies from now on; `*` is all of them. Copies under way go on."""
        for arm in self._arms:
            arm.paused = ALL in candidates or arm.name in candidates
        self.is_on = any(arm.bound > 0 and not arm.paused for arm in self._arms)

    def primary_answered(self, endpoint: str | None, response: Response, t0_ns: int | None, now_ns: int) -> None:
        """Every final head of the primary, whether the request is copied or not. Never raises.

        Args:
            endpoint: dialect key of the request; None for other calls, whose time says nothing about models.
            response: the head.
            t0_ns: when the request's last byte had left; None when the answer came first.
            now_ns: when the head came.
        """
        if not self._hears_primary:
            return
        try:
            if response.status >= 400:
                self._pressure.refused(response.status, response.headers, now_ns)
            elif endpoint is not None and t0_ns is not None:
                streamed = response.content_length is None
                self._pressure.answered(endpoint, now_ns - t0_ns, now_ns, streamed=streamed)
        except Exception as error:  # noqa: BLE001 - the primary must not feel a fault of the shadow side
            self._on_internal_error("primary_answered", error)

    def primary_ended(self, outcome: Outcome) -> None:
        """How every primary leg ended. Never raises."""
        if self._hears_primary and outcome in _NOT_REACHED:
            self._pressure.failed(monotonic_ns())

    def offer(self, offer: Offer) -> None:
        """Takes note of a request; sends its copies. Never waits, never raises."""
        try:
            self._consider(offer)
        except Exception as error:  # noqa: BLE001 - the primary must not feel a fault of the shadow side
            self._on_internal_error("offer", error)

    def incomplete(self, start_unix_us: int) -> None:
        """A request of which not all arrived: counted, and never copied. Never raises."""
        hour = start_unix_us // HOUR_US
        try:
            for arm in self._arms:
                self._board.add(hour, arm.cells[RECEIVED])
                self._board.add(hour, arm.cells[_INCOMPLETE])
        except Exception as error:  # noqa: BLE001 - the primary must not feel a fault of the shadow side
            self._on_internal_error("incomplete", error)

    def _consider(self, offer: Offer) -> None:
        hour = offer.start_unix_us // HOUR_US
        for arm in self._arms:
            self._board.add(hour, arm.cells[RECEIVED])
        if offer.endpoint is None:
            for arm in self._arms:
                self._board.add(hour, arm.cells[_NO_MATCH])
            offer.primary.tape = None
            return
        request_id = self._next_id(offer.start_unix_us // 1000)
        now_ns = monotonic_ns()
        try:
            call = Call(offer, offer.endpoint, may_read=self.is_on and offer.primary.tape is not None)
            conversation, reasons, is_kept = self._decide(call, request_id, now_ns)
        except Exception:
            for arm in self._arms:
                self._board.add(hour, arm.cells[_INTERNAL_ERROR])
            offer.primary.tape = None
            raise
        for number, arm in enumerate(self._arms):
            reason = reasons[number]
            self._board.add(hour, arm.cells[ADMITTED if reason is None else reason])
        if is_kept:
            self._sender.send(call, request_id, self._arms, reasons, conversation=conversation, now_ns=now_ns)
        else:
            offer.primary.tape = None

    def _decide(self, call: Call, request_id: bytes, now_ns: int) -> tuple[int, list[State | None], bool]:
        """The sampling key's hash, why each arm gets no copy, and whether the exchange is recorded."""
        conversation, asides = self._asides(call, request_id)
        if None not in asides:
            return conversation, asides, False
        room = self._room(call.offer, now_ns)
        return conversation, self._refusals(call, asides, room, now_ns), room.memory and room.capture

    def _asides(self, call: Call, request_id: bytes) -> tuple[int, list[State | None]]:
        """The sampling key's hash, and which arms the request stays out of altogether."""
        headers = call.offer.headers
        opt_out = heads.header(headers, heads.OPT_OUT)
        opted_out = opt_out is not None and opt_out.strip().lower() == b"never"
        is_loop = heads.header(headers, heads.MARKER) is not None
        conversation = 0
        if call.may_read and not opted_out and not is_loop:
            known = self._key.hash_in_head(headers)
            conversation = known if known is not None else self._key.hash_of(request_id, headers, call.body())
        return conversation, [
            aside(
                fits=arm.matcher is None or _fits(arm.matcher, call),
                opted_out=opted_out,
                is_loop=is_loop,
                # Nothing was kept of a request that began while all arms were paused.
                paused=arm.paused or (arm.bound > 0 and not call.may_read),
                bound=arm.bound,
                sampling_hash=conversation,
            )
            for arm in self._arms
        ]

    def _refusals(self, call: Call, asides: list[State | None], room: Room, now_ns: int) -> list[State | None]:
        body = call.body()
        asked = Asked(
            is_json=body is not None,
            body_too_large=call.offer.body is None,
            stateful=body is not None and body.is_stateful,
            provider_tools=body is not None and body.has_provider_tools,
        )
        is_pressed = self._pressure.is_on(now_ns)
        reasons: list[State | None] = []
        for number, arm in enumerate(self._arms):
            reason = asides[number]
            if reason is None:
                standing = Standing(
                    allow_provider_tools=arm.allow_provider_tools,
                    lease=arm.lease,
                    breaker_open=not arm.breaker.lets_through(now_ns),
                    yields=is_pressed and arm.shares_primary,
                )
                reason = refusal(asked, room, standing, now_ns)
            reasons.append(reason)
        return reasons

    def _room(self, offer: Offer, now_ns: int) -> Room:
        size = offer.body_bytes + _FRAME_BYTES
        held = self._sender.copy_bytes + self._log.queued_bytes + size * (1 + len(self._arms))
        return Room(
            switchback_off=self._switchback.is_off(offer.start_unix_us),
            overloaded=self._lag.since(now_ns - _LAG_WINDOW_NS) > self._settings.loop_lag_ns,
            memory=held <= self._settings.memory_bytes,
            capture=self._log.has_room(size),
            shutting_down=self.shutting_down,
        )

    def update_figures(self) -> None:
        """Brings what is not counted as it happens up to date on the board."""
        figures = self._figures
        is_pressed = self._pressure.is_on(monotonic_ns())
        figures.set(figures.index(names.PRIMARY_PRESSURE), int(is_pressed))
        for arm in self._arms:
            state, openings = arm.breaker_figures
            figures.set(state, int(arm.breaker.state))
            figures.set(openings, arm.breaker.openings)


def _fits(matcher: Matcher, call: Call) -> bool:
    """Is a call meant for a candidate? One whose model cannot be read is: why it cannot will be counted."""
    if not matcher.fits_head(call.path, call.offer.headers):
        return False
    return not matcher.names_models or not call.knows_model() or matcher.fits_model(call.model())
