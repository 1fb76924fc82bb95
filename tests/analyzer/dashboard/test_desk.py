"""What one person has in front of them."""

from uuid import UUID

from analyzer.dashboard.labelling import desk as desks
from analyzer.dashboard.labelling.desk import Desk, Desks, Place
from store.judging.due import Listed
from tests.analyzer.dashboard.made import BEGIN, request_id
from tests.store.judging.conftest import listed_of, pair

LISTED = [listed_of(pair(BEGIN, "swift", request_id=request_id("desk", n))) for n in range(6)]


def ids(listed: Listed | None) -> UUID | None:
    return None if listed is None else listed.request_id


def test_a_pair_stays_in_front_until_something_is_said_of_it() -> None:
    desk = Desk()
    assert desk.first() is None
    desk.refill(LISTED)
    assert desk.first() is desk.first() is LISTED[0]
    desk.note_said(LISTED[0].request_id)
    assert desk.first() is LISTED[1]
    desk.put_aside(LISTED[1].request_id)
    assert desk.first() is LISTED[2]
    assert desk.hidden() == 2


def test_what_the_store_lists_again_is_not_shown_again() -> None:
    """Skipped pairs, and those that a store of several machines does not know to be labelled yet."""
    desk = Desk()
    desk.put_aside(LISTED[0].request_id)
    desk.note_said(LISTED[2].request_id)
    desk.refill(LISTED[:4])
    assert [p.request_id for p in desk.waiting] == [LISTED[1].request_id, LISTED[3].request_id]


def test_a_pair_that_is_taken_back_comes_first() -> None:
    desk = Desk()
    desk.refill(LISTED)
    desk.note_said(LISTED[0].request_id)
    assert ids(desk.first()) == LISTED[1].request_id
    desk.reopen(LISTED[0])
    assert desk.first() is LISTED[0]
    desk.put_aside(LISTED[0].request_id)
    desk.reopen(LISTED[0])
    assert desk.first() is LISTED[0]


def test_skipped_pairs_come_back_when_asked_for() -> None:
    desk = Desk()
    for listed in LISTED:
        desk.put_aside(listed.request_id)
    desk.refill(LISTED)
    assert desk.first() is None
    desk.reopen_aside()
    desk.refill(LISTED)
    assert desk.first() is LISTED[0]


def test_memory_has_bounds() -> None:
    desk = Desk()
    for n in range(desks.MAX_ASIDE + 10):
        desk.put_aside(UUID(int=n))
    for n in range(desks.MAX_SAID + 10):
        desk.note_said(UUID(int=n + 10**6))
    assert (len(desk.aside), len(desk.said)) == (desks.MAX_ASIDE, desks.MAX_SAID)
    assert UUID(int=0) not in desk.aside
    forgotten: list[None] = []
    many = Desks(lambda: forgotten.append(None))
    first = many.at(Place("p0", "c", "r"))
    for n in range(1, desks.MAX_DESKS + 5):
        assert many.at(Place("p0", "c", "r")) is first, "the one in use is not forgotten"
        many.at(Place(f"p{n}", "c", "r"))
    assert len(forgotten) == 5
