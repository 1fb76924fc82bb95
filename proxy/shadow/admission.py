"""Is a request copied to a candidate, and if not, why not? Values in, one state out; the first reason counts.

The order is that of `record.states`: what keeps a request out of the experiment altogether (`aside`), then what keeps a
sampled one from being sent (`refusal`), its primary side being recorded all the same.
"""

from proxy.shadow.lease import ArmLease
from record.states import State


class Asked:
    """What is known of the request."""

    __slots__ = ("body_too_large", "is_json", "provider_tools", "stateful")

    def __init__(self, *, is_json: bool, body_too_large: bool, stateful: bool, provider_tools: bool) -> None:
        self.is_json = is_json
        self.body_too_large = body_too_large
        self.stateful = stateful
        self.provider_tools = provider_tools


class Room:
    """What is known of this worker, and of the moment."""

    __slots__ = ("capture", "memory", "overloaded", "shutting_down", "switchback_off")

    def __init__(
        self, *, switchback_off: bool, overloaded: bool, memory: bool, capture: bool, shutting_down: bool
    ) -> None:
        """What each means.

        Args:
            switchback_off: the request began in a period without copies.
            overloaded: the event loop was late.
            memory: there is memory for another copy.
            capture: there is room in the capture log.
            shutting_down: nothing new is begun.
        """
        self.switchback_off = switchback_off
        self.overloaded = overloaded
        self.memory = memory
        self.capture = capture
        self.shutting_down = shutting_down


class Standing:
    """What is known of the candidate."""

    __slots__ = ("allow_provider_tools", "breaker_open", "lease", "yields")

    def __init__(self, *, allow_provider_tools: bool, lease: ArmLease, breaker_open: bool, yields: bool) -> None:
        """What each means.

        Args:
            allow_provider_tools: it may get requests that make its provider act.
            lease: what of the shared limits is left.
            breaker_open: it fails, and is left alone.
            yields: it shares a host or a key with a primary that is short of room.
        """
        self.allow_provider_tools = allow_provider_tools
        self.lease = lease
        self.breaker_open = breaker_open
        self.yields = yields


def aside(*, fits: bool, opted_out: bool, is_loop: bool, paused: bool, bound: int, sampling_hash: int) -> State | None:
    """Why a request stays out of the experiment; None: it is sampled.

    Args:
        fits: it is meant for the candidate (`match`).
        opted_out: the client wants no copies of it.
        is_loop: it is a copy itself.
        paused: somebody paused the candidate.
        bound: the candidate's share, as `sampling.threshold` gives it.
        sampling_hash: of the request.
    """
    if not fits:
        return State.NO_MATCH
    if opted_out:
        return State.OPT_OUT
    if is_loop:
        return State.LOOP
    if paused:
        return State.PAUSED
    return State.UNSAMPLED if sampling_hash >= bound else None


def refusal(asked: Asked, room: Room, candidate: Standing, now_ns: int) -> State | None:
    """Why a sampled request is not sent; None: it is. `now_ns`: CLOCK_MONOTONIC."""
    if asked.stateful:
        return State.STATEFUL
    if asked.provider_tools and not candidate.allow_provider_tools:
        return State.SIDE_EFFECTS
    # A body that was too large to keep was not looked at either; its size is the reason.
    if asked.body_too_large:
        return State.BODY_TOO_LARGE
    if not asked.is_json:
        return State.UNPARSABLE
    if room.switchback_off:
        return State.SWITCHBACK_OFF
    used_up = candidate.lease.refusal(now_ns)
    if used_up is not None:
        return used_up
    if candidate.breaker_open:
        return State.BREAKER_OPEN
    if candidate.yields:
        return State.PRIMARY_PRESSURE
    if room.overloaded:
        return State.OVERLOAD
    if not room.memory:
        return State.MEMORY
    if not room.capture:
        return State.CAPTURE_FULL
    return State.SHUTDOWN if room.shutting_down else None
