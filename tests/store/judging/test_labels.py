"""What people said is kept once and as they say it now; what they are asked about next is drawn by chance alone."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from store.judging import labels as labelling
from store.judging.due import Listed
from store.judging.labels import Identity, labels, pairs_of, to_label, write_labels
from store.judging.rows import LabelRow
from store.reader import Reader
from tests.store.judging.conftest import (
    BEGIN,
    NOW,
    RUBRIC,
    UNTIL,
    Filled,
    judgement,
    label,
    pair,
    settled,
    uuid7_at,
)


def asked(filled: Filled, labeler: str | None = "ada", limit: int = 1000, **how: Any) -> list[Listed]:
    window = {"since": BEGIN, "until": UNTIL, "candidate": "llama", "rubric": RUBRIC, **how}
    return to_label(filled.reader, labeler=labeler, limit=limit, **window)


def said(filled: Filled, candidate: str | None = None) -> list[LabelRow]:
    return labels(filled.reader, BEGIN, UNTIL, candidate)


def test_labels_come_back_as_they_are_and_the_newest_counts(filled: Filled) -> None:
    one, other = filled.pairs(pair(), pair(BEGIN + timedelta(seconds=1), candidate="qwen"), texts=False)
    first = label(one)
    mine = label(one, preference=1.0, rationale="On second thought.", labeled_at=NOW + timedelta(milliseconds=1))
    theirs = label(one, labeler="bob", preference=None, score_primary=8.0, score_candidate=3.5)
    by_other_rubric = label(one, rubric="other@1")
    write_labels(filled.writer, [first, mine, theirs, by_other_rubric, label(other)])
    found = said(filled)
    key = [(row.candidate, row.labeler, row.rubric) for row in found]
    assert key == [
        ("llama", "ada", RUBRIC),
        ("llama", "ada", "other@1"),
        ("llama", "bob", RUBRIC),
        ("qwen", "ada", RUBRIC),
    ]
    stored = {(row.labeler, row.rubric): row for row in found if row.candidate == "llama"}
    rounded = mine.labeled_at.replace(microsecond=mine.labeled_at.microsecond // 1000 * 1000)
    assert stored["ada", RUBRIC].preference == 1.0
    assert stored["ada", RUBRIC].labeled_at == rounded
    assert stored["bob", RUBRIC].score_candidate == 3.5
    assert [row.candidate for row in said(filled, "qwen")] == ["qwen"]
    assert labels(filled.reader, UNTIL, UNTIL) == []


def test_labels_that_are_sent_again_are_stored_once(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelling, "ROWS_PER_INSERT", 2)
    made = filled.pairs(*(pair() for _ in range(5)), texts=False)
    rows = [label(one, rationale="it's 'so'") for one in made]
    for _ in range(2):
        write_labels(filled.writer, rows)
    assert filled.reader.query("SELECT count() AS n FROM labels_human") == [{"n": 5}]
    write_labels(filled.writer, [])


def test_what_is_taken_back_is_no_label_and_may_be_asked_again(filled: Filled) -> None:
    (one,) = filled.pairs(pair())
    filled.write(judgement(one))
    write_labels(filled.writer, [label(one)])
    assert asked(filled) == []
    nothing = label(one, preference=None, rationale="", labeled_at=NOW + timedelta(seconds=1))
    write_labels(filled.writer, [nothing])
    assert said(filled) == []
    assert asked(filled) == [one]
    write_labels(filled.writer, [label(one, labeled_at=NOW + timedelta(seconds=2))])
    assert [row.preference for row in said(filled)] == [-1.0]


def test_pairs_are_found_by_request_whatever_its_id_says(filled: Filled) -> None:
    """Ids of the proxy hold the time; those of imported pairs any time, or none."""
    by_time, early, without = uuid7_at(BEGIN), uuid7_at(BEGIN - timedelta(days=300)), uuid4()
    made = filled.pairs(
        pair(request_id=by_time),
        pair(request_id=by_time, candidate="qwen"),
        pair(request_id=early),
        pair(request_id=without, candidate_outcome="timeout"),
        pair(),
        texts=False,
    )
    nobody = [uuid4(), uuid7_at(BEGIN), UUID(int=7 << 76 | (1 << 128) - (1 << 80))]
    found = pairs_of(filled.reader, [by_time, early, without, *nobody, by_time])
    assert found == {
        one.key: Identity(
            one.request_id, one.ts, one.candidate, one.experiment, one.block, one.bucket, {"tenant": "acme"}
        )
        for one in made[:4]
    }
    assert pairs_of(filled.reader, []) == {}


def test_ids_with_a_time_are_looked_for_there_and_nowhere_else_where_that_is_enough(filled: Filled) -> None:
    """As a program that takes feedback does: an id that nobody knows costs no look at the whole table."""
    near, late = uuid7_at(BEGIN), uuid7_at(BEGIN - timedelta(minutes=40))
    early, without = uuid7_at(BEGIN - timedelta(days=300)), uuid4()
    filled.pairs(*(pair(request_id=one) for one in (near, late, early, without)), texts=False)
    found = pairs_of(filled.reader, [near, late, early, without, uuid7_at(BEGIN)], is_thorough=False)
    assert {request for request, _ in found} == {near, late, without}


def test_requests_that_lie_far_apart_are_asked_for_one_by_one(filled: Filled) -> None:
    """What lies between them is not read."""
    days = [BEGIN - timedelta(days=n) for n in range(4)]
    made = filled.pairs(*(pair(at, request_id=uuid7_at(at)) for at in days), texts=False)
    spans: list[float] = []

    class Noting(Reader):
        def query(self, sql: str, parameters: Any = None) -> list[dict[str, Any]]:
            spans.append((parameters["until_us"] - parameters["since_us"]) / 1e6)
            return filled.reader.query(sql, parameters)

    found = pairs_of(Noting(filled.connection.client()), [one.request_id for one in made])
    assert set(found) == {one.key for one in made}
    assert spans == [20.0] * 4


def test_labels_of_some_requests(filled: Filled) -> None:
    made = filled.pairs(*(pair() for _ in range(3)), texts=False)
    write_labels(filled.writer, [label(one) for one in made])
    some = [one.request_id for one in made[:2]]
    assert {row.request_id for row in labels(filled.reader, BEGIN, UNTIL, requests=some)} == set(some)
    assert labels(filled.reader, BEGIN, UNTIL, requests=[]) == []
    assert len(labels(filled.reader, BEGIN, UNTIL)) == 3


def test_many_requests_are_found_in_portions(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelling, "PAIRS_PER_QUESTION", 4)
    made = filled.pairs(*(pair(BEGIN - timedelta(days=n)) for n in range(9)), texts=False)
    assert set(pairs_of(filled.reader, [one.request_id for one in made])) == {one.key for one in made}


def test_people_are_asked_about_judged_pairs_with_texts_that_they_have_not_labelled(filled: Filled) -> None:
    made = filled.pairs(*(pair(BEGIN + timedelta(seconds=n)) for n in range(8)), texts=False)
    free, mine, theirs, unjudged, equal, other_rubric, half, bare = made
    filled.texts([free, mine, theirs, unjudged, equal, other_rubric])
    filled.texts([half], sides=("primary",))
    filled.write(*(judgement(one) for one in (free, mine, theirs, half, bare)), judgement(free, judge="judge-b"))
    filled.write(settled(equal), judgement(other_rubric, rubric="other@1"))
    (elsewhere,) = filled.pairs(pair(candidate="qwen"))
    filled.write(judgement(elsewhere))
    write_labels(filled.writer, [label(mine), label(theirs, labeler="bob"), label(free, rubric="other@1")])
    assert {one.key for one in asked(filled)} == {free.key, theirs.key}
    assert {one.key for one in asked(filled, "bob")} == {free.key, mine.key}
    assert asked(filled, labeler=None) == [free]
    assert asked(filled, candidate="qwen") == [elsewhere]
    assert asked(filled, until=free.ts) == []
    assert asked(filled, limit=0) == []


def test_their_order_is_random_fixed_and_the_same_for_everybody(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It depends on the request alone: neither on time, page, person nor verdict; who stops early leaves a sample."""
    made = filled.pairs(*(pair(BEGIN + timedelta(seconds=n)) for n in range(300)))
    filled.write(*(judgement(one, preference=(-1.0) ** n) for n, one in enumerate(made)))
    whole = asked(filled)
    assert {one.key for one in whole} == {one.key for one in made}
    monkeypatch.setattr(labelling, "PAIRS_PER_QUESTION", 17)
    assert asked(filled) == whole
    assert asked(filled, "bob", limit=10) == whole[:10]
    write_labels(filled.writer, [label(one) for one in whole[:10]])
    assert asked(filled, limit=5) == whole[10:15]
    assert abs(_correlation_with_time(whole)) < 5 / len(whole) ** 0.5


def _correlation_with_time(rows: Sequence[Listed]) -> float:
    """Spearman's; its standard error is 1 / sqrt(n - 1) when there is none."""
    by_time = {one.key: n for n, one in enumerate(sorted(rows, key=lambda one: one.ts))}
    squares = sum((place - by_time[one.key]) ** 2 for place, one in enumerate(rows))
    return 1 - 6 * squares / (len(rows) * (len(rows) ** 2 - 1))
