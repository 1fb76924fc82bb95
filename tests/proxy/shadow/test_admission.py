"""The order of reasons: the first that applies is the one that is counted."""

from itertools import combinations

from proxy.shadow.admission import Asked, Room, Standing, aside, refusal
from proxy.shadow.lease import ArmLease
from record.states import SKIPS, UNCAPTURED, State
from runtime.link import Terms

NOW_NS = 1_000
ASKED = ("is_json", "body_too_large", "stateful", "provider_tools")
ROOM = ("switchback_off", "overloaded", "memory", "capture", "shutting_down")
STANDING = ("allow_provider_tools", "lease", "breaker_open", "yields")
ASIDE: dict[State, dict[str, object]] = {
    State.NO_MATCH: {"fits": False},
    State.OPT_OUT: {"opted_out": True},
    State.LOOP: {"is_loop": True},
    State.PAUSED: {"paused": True},
    State.UNSAMPLED: {"sampling_hash": 10},
}
REFUSED: dict[State, dict[str, object]] = {
    State.STATEFUL: {"stateful": True},
    State.SIDE_EFFECTS: {"provider_tools": True},
    State.BODY_TOO_LARGE: {"body_too_large": True},
    State.UNPARSABLE: {"is_json": False},
    State.SWITCHBACK_OFF: {"switchback_off": True},
    State.BUDGET: {"budget": 0},
    State.RATE_LIMIT: {"rate": 0},
    State.MAX_IN_FLIGHT: {"max_in_flight": 0},
    State.BREAKER_OPEN: {"breaker_open": True},
    State.PRIMARY_PRESSURE: {"yields": True},
    State.OVERLOAD: {"overloaded": True},
    State.MEMORY: {"memory": False},
    State.CAPTURE_FULL: {"capture": False},
    State.SHUTDOWN: {"shutting_down": True},
}


def put_aside(*faults: State) -> State | None:
    values: dict[str, object] = {
        "fits": True, "opted_out": False, "is_loop": False, "paused": False, "bound": 10, "sampling_hash": 9,
    }  # fmt: skip
    for fault in faults:
        values |= ASIDE[fault]
    return aside(**values)  # type: ignore[arg-type]


def refused(*faults: State, allow_provider_tools: bool = False) -> State | None:
    values: dict[str, object] = {
        "is_json": True, "body_too_large": False, "stateful": False, "provider_tools": False, "switchback_off": False,
        "overloaded": False, "memory": True, "capture": True, "shutting_down": False, "breaker_open": False,
        "yields": False, "budget": 5, "rate": 5, "max_in_flight": 5, "allow_provider_tools": allow_provider_tools,
    }  # fmt: skip
    for fault in faults:
        values |= REFUSED[fault]
    lease = ArmLease(5, has_budget=True, has_rate=True)
    terms = Terms(values["max_in_flight"], values["budget"], values["rate"])  # type: ignore[arg-type]
    lease.accept(terms, NOW_NS + 1)
    values["lease"] = lease
    return refusal(
        Asked(**{name: values[name] for name in ASKED}),  # type: ignore[arg-type]
        Room(**{name: values[name] for name in ROOM}),  # type: ignore[arg-type]
        Standing(**{name: values[name] for name in STANDING}),  # type: ignore[arg-type]
        NOW_NS,
    )


def test_without_a_reason_a_request_is_copied() -> None:
    assert put_aside() is None
    assert refused() is None


def test_of_two_reasons_the_earlier_is_counted() -> None:
    for first, second in combinations(ASIDE, 2):
        assert put_aside(first, second) is put_aside(second, first) is first
    for first, second in combinations(REFUSED, 2):
        assert refused(first, second) is refused(second, first) is first


def test_every_state_that_admission_can_give_is_among_them() -> None:
    """The others are for requests about which it is not asked, or cannot answer."""
    assert {*ASIDE, State.INCOMPLETE} == UNCAPTURED
    assert {*REFUSED, State.INTERNAL_ERROR} == set(SKIPS)


def test_the_order_is_that_of_the_list_of_skips_but_for_size() -> None:
    """A body too large to keep is not parsed, so its size is named before its unreadability."""
    swapped = [
        State.UNPARSABLE if s is State.BODY_TOO_LARGE else State.BODY_TOO_LARGE if s is State.UNPARSABLE else s
        for s in REFUSED
    ]
    assert [*swapped, State.INTERNAL_ERROR] == list(SKIPS)


def test_provider_tools_can_be_allowed() -> None:
    assert refused(State.SIDE_EFFECTS, allow_provider_tools=True) is None
