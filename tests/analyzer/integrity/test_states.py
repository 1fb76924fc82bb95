"""Every received request is in one state."""

from analyzer.integrity.states import states_with_rows

COUNTED = {
    "received": 1000,
    "no_match": 200,
    "unsampled": 700,
    "budget": 4,
    "breaker_open": 3,
    "memory": 2,
    "admitted": 91,
}


def test_open_is_what_was_admitted_and_is_neither_pair_nor_lost() -> None:
    states = states_with_rows({**COUNTED, "worker_lost": 5, "ended": 90}, pairs=80)
    assert (states["open"], states["pair"], states["received"]) == (91 - 80 - 5, 80, 1000)
    assert "admitted" not in states
    assert "ended" not in states


def test_erased_pairs_are_not_under_way() -> None:
    assert states_with_rows({**COUNTED, "erased": 11}, pairs=80)["open"] == 0


def test_every_received_request_is_in_one_state() -> None:
    states = states_with_rows(COUNTED, pairs=80)
    assert sum(count for name, count in states.items() if name != "received") == states["received"]


def test_without_counters_nothing_is_claimed_but_the_pairs() -> None:
    assert states_with_rows({}, pairs=7) == {"pair": 7}
    assert states_with_rows({}, pairs=0) == {}
