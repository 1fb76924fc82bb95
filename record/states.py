"""The states in which a received request can end, per candidate: exactly one each, all of them counted."""

from enum import StrEnum


class StateClass(StrEnum):
    """What a state means to a verdict."""

    NOT_ASKED = "not_asked"
    """The request was never meant for this candidate."""
    BY_DESIGN = "by_design"
    """Left out by a rule that does not look at the candidate: narrows the population that is spoken of."""
    CANDIDATE = "candidate"
    """Left out because of the candidate: counts as its failure."""
    OURS = "ours"
    """Lost by shadowbench: missing data, reported with bounds."""
    KEPT = "kept"
    """On its way to a pair, or one already."""


class State(StrEnum):
    """Names of states, as counted, stored and reported."""

    NO_MATCH = "no_match"
    OPT_OUT = "opt_out"
    LOOP = "loop"
    PAUSED = "paused"
    UNSAMPLED = "unsampled"
    INCOMPLETE = "incomplete"
    """The exchange ended before the whole request was there: the client left, or the primary answered early."""

    STATEFUL = "stateful"
    SIDE_EFFECTS = "side_effects"
    UNPARSABLE = "unparsable"
    BODY_TOO_LARGE = "body_too_large"
    SWITCHBACK_OFF = "switchback_off"
    BUDGET = "budget"
    RATE_LIMIT = "rate_limit"
    MAX_IN_FLIGHT = "max_in_flight"
    BREAKER_OPEN = "breaker_open"
    PRIMARY_PRESSURE = "primary_pressure"
    OVERLOAD = "overload"
    MEMORY = "memory"
    CAPTURE_FULL = "capture_full"
    SHUTDOWN = "shutdown"
    INTERNAL_ERROR = "internal_error"
    """A fault of shadowbench itself came between; it is on standard error."""

    OPEN = "open"
    PAIR = "pair"

    WORKER_LOST = "worker_lost"
    DISK_DROPPED = "disk_dropped"
    QUARANTINED = "quarantined"


_CLASS_MEMBERS: dict[StateClass, tuple[State, ...]] = {
    StateClass.NOT_ASKED: (State.NO_MATCH, State.OPT_OUT, State.LOOP, State.UNSAMPLED, State.INCOMPLETE),
    StateClass.BY_DESIGN: (
        State.PAUSED,
        State.STATEFUL,
        State.SIDE_EFFECTS,
        State.UNPARSABLE,
        State.BODY_TOO_LARGE,
        State.SWITCHBACK_OFF,
        State.BUDGET,
        State.RATE_LIMIT,
        State.PRIMARY_PRESSURE,
    ),
    StateClass.CANDIDATE: (State.MAX_IN_FLIGHT, State.BREAKER_OPEN),
    StateClass.OURS: (
        State.OVERLOAD,
        State.MEMORY,
        State.CAPTURE_FULL,
        State.SHUTDOWN,
        State.INTERNAL_ERROR,
        State.WORKER_LOST,
        State.DISK_DROPPED,
        State.QUARANTINED,
    ),
    StateClass.KEPT: (State.OPEN, State.PAIR),
}
CLASS_OF: dict[State, StateClass] = {state: cls for cls, members in _CLASS_MEMBERS.items() for state in members}

UNCAPTURED: frozenset[State] = frozenset(
    {State.NO_MATCH, State.OPT_OUT, State.LOOP, State.PAUSED, State.UNSAMPLED, State.INCOMPLETE}
)
"""Decided before anything is recorded: a count and nothing else."""

SKIPS: tuple[State, ...] = (
    State.STATEFUL,
    State.SIDE_EFFECTS,
    State.UNPARSABLE,
    State.BODY_TOO_LARGE,
    State.SWITCHBACK_OFF,
    State.BUDGET,
    State.RATE_LIMIT,
    State.MAX_IN_FLIGHT,
    State.BREAKER_OPEN,
    State.PRIMARY_PRESSURE,
    State.OVERLOAD,
    State.MEMORY,
    State.CAPTURE_FULL,
    State.SHUTDOWN,
    State.INTERNAL_ERROR,
)
"""Sampled but not sent, in the order in which admission decides; the last one when it could not decide."""

LOST: tuple[State, ...] = (State.WORKER_LOST, State.DISK_DROPPED, State.QUARANTINED)
"""Admitted, then lost on the way to the store."""
