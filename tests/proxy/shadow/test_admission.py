"""The order of reasons: the first that applies is the one that is counted."""

from itertools import combinations

from proxy.shadow.admission import Asked, Room, refusal
from record.states import SKIPS, State

FAULTS: dict[State, dict[str, object]] = {
    State.UNSAMPLED: {"sampling_hash": 10},
    State.STATEFUL: {"stateful": True},
    State.SIDE_EFFECTS: {"provider_tools": True},
    State.BODY_TOO_LARGE: {"body_too_large": True},
    State.UNPARSABLE: {"is_json": False},
    State.MAX_IN_FLIGHT: {"in_flight": 5},
    State.MEMORY: {"memory": False},
    State.CAPTURE_FULL: {"capture": False},
    State.SHUTDOWN: {"shutting_down": True},
}


def decide(*faults: State, allow_provider_tools: bool = False) -> State | None:
    values: dict[str, object] = {
        "is_json": True, "body_too_large": False, "stateful": False, "provider_tools": False, "sampling_hash": 9,
        "shutting_down": False, "memory": True, "capture": True, "in_flight": 4,
    }  # fmt: skip
    for fault in faults:
        values |= FAULTS[fault]
    return refusal(
        Asked(**{name: values[name] for name in Asked._fields}),  # type: ignore[arg-type]
        Room(**{name: values[name] for name in Room._fields}),  # type: ignore[arg-type]
        bound=10,
        allow_provider_tools=allow_provider_tools,
        in_flight=values["in_flight"],  # type: ignore[arg-type]
        max_in_flight=5,
    )


def test_without_a_reason_a_request_is_copied() -> None:
    assert decide() is None


def test_of_two_reasons_the_earlier_is_counted() -> None:
    for first, second in combinations(FAULTS, 2):
        assert decide(first, second) is decide(second, first) is first


def test_the_order_is_that_of_the_list_of_skips_but_for_size() -> None:
    """A body too large to keep is not parsed, so its size is named before its unreadability."""
    order = [s for s in FAULTS if s is not State.UNSAMPLED]
    swapped = [
        State.UNPARSABLE if s is State.BODY_TOO_LARGE else State.BODY_TOO_LARGE if s is State.UNPARSABLE else s
        for s in order
    ]
    assert swapped == [s for s in SKIPS if s in FAULTS]


def test_provider_tools_can_be_allowed() -> None:
    assert decide(State.SIDE_EFFECTS, allow_provider_tools=True) is None
