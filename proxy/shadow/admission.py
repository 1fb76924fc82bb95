"""Is a request copied to a candidate, and if not, why not? Pure: values in, one state out."""

from typing import NamedTuple

from record.states import State


class Asked(NamedTuple):
    """What is known of the request."""

    is_json: bool
    body_too_large: bool
    stateful: bool
    provider_tools: bool
    sampling_hash: int


class Room(NamedTuple):
    """What is known of this worker."""

    shutting_down: bool
    memory: bool
    """Is there memory for another copy?"""
    capture: bool
    """Is there room in the capture log?"""


def refusal(
    asked: Asked, room: Room, *, bound: int, allow_provider_tools: bool, in_flight: int, max_in_flight: int
) -> State | None:
    """The first reason that applies, in the order in which reasons are counted; None: copy it.

    Args:
        asked: the request.
        room: the worker.
        bound: the candidate's share, as `sampling.threshold` gives it.
        allow_provider_tools: the candidate may get requests that make its provider act.
        in_flight: copies under way to the candidate.
        max_in_flight: as many as may be.
    """
    if asked.sampling_hash >= bound:
        return State.UNSAMPLED
    if asked.stateful:
        return State.STATEFUL
    if asked.provider_tools and not allow_provider_tools:
        return State.SIDE_EFFECTS
    # A body that was too large to keep was not looked at either; its size is the reason.
    if asked.body_too_large:
        return State.BODY_TOO_LARGE
    if not asked.is_json:
        return State.UNPARSABLE
    if in_flight >= max_in_flight:
        return State.MAX_IN_FLIGHT
    if not room.memory:
        return State.MEMORY
    if not room.capture:
        return State.CAPTURE_FULL
    return State.SHUTDOWN if room.shutting_down else None
