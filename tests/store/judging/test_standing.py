"""How judging and labelling stand: counts and sums, against the rows that were put there."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from store.judging.progress import SCORES, advance, beat, resign
from store.judging.standing import (
    JudgeToday,
    Labelled,
    Waiting,
    at_work,
    judged_by,
    judges_today,
    labelled,
    lately,
    newest_progress,
    settled_today,
    waiting,
)
from tests.store.judging.conftest import (
    BEGIN,
    NOW,
    RUBRIC,
    UNTIL,
    Filled,
    call_row,
    ended,
    judgement,
    label,
    pair,
    settled,
)

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def test_an_empty_store_has_nothing_and_raises_nothing(filled: Filled) -> None:
    assert judged_by(filled.reader, BEGIN, UNTIL) == []
    assert labelled(filled.reader, BEGIN, UNTIL, "llama", rubric=RUBRIC, labeler="ada") == Labelled(0, 0, 0)
    assert judges_today(filled.reader) == {}
    assert lately(filled.reader, BEGIN, NOW) == {}
    found = settled_today(filled.reader, BEGIN, NOW)
    assert (found.by_rung, found.newest) == ({}, None)
    assert newest_progress(filled.reader) is None
    assert waiting(filled.reader, BEGIN, UNTIL) == Waiting(0, None)
    assert waiting(filled.reader, UNTIL, BEGIN) == Waiting(0, None)


def test_what_can_be_labelled_is_counted_by_pair_the_latest_first(filled: Filled) -> None:
    """A panel of two judges, and a judgement that was made anew, are one pair each; free rungs are none."""
    some = filled.pairs(*(pair(BEGIN + n * SECOND) for n in range(4)), pair(BEGIN, "qwen"))
    at = NOW.replace(microsecond=0)
    filled.write(
        *(judgement(of, judged_at=at - timedelta(hours=1)) for of in some[:3]),
        judgement(some[0], judge="judge-b", judged_at=at - timedelta(minutes=50)),
        replace(judgement(some[0]), judged_at=at - timedelta(minutes=40)),
        settled(some[3]),
        judgement(some[1], rubric="own@11111111", judged_at=at),
        judgement(some[4], judged_at=at - timedelta(hours=2)),
    )
    found = [(j.candidate, j.rubric, j.pairs, j.newest) for j in judged_by(filled.reader, BEGIN, UNTIL)]
    assert found == [
        ("llama", "own@11111111", 1, at),
        ("llama", RUBRIC, 3, at - timedelta(minutes=40)),
        ("qwen", RUBRIC, 1, at - timedelta(hours=2)),
    ]
    assert judged_by(filled.reader, BEGIN + 4 * SECOND, UNTIL) == []


def test_labels_count_once_per_pair_and_not_when_taken_back(filled: Filled) -> None:
    some = filled.pairs(*(pair(BEGIN + n * SECOND) for n in range(5)))
    filled.write(
        label(some[0]),
        label(some[0], preference=1.0, labeled_at=NOW + SECOND),
        label(some[0], "grace"),
        label(some[1]),
        label(some[2], "grace"),
        label(some[3]),
        label(some[3], preference=None, labeled_at=NOW + SECOND),
        label(some[4], rubric="own@11111111"),
    )
    assert labelled(filled.reader, BEGIN, UNTIL, "llama", rubric=RUBRIC, labeler="ada") == Labelled(3, 2, 2)
    assert labelled(filled.reader, BEGIN, UNTIL, "llama", rubric=RUBRIC, labeler="nobody") == Labelled(3, 2, 0)
    assert labelled(filled.reader, BEGIN, UNTIL, "qwen", rubric=RUBRIC, labeler="ada") == Labelled(0, 0, 0)
    assert labelled(filled.reader, BEGIN + SECOND, UNTIL, "llama", rubric=RUBRIC, labeler="ada") == Labelled(2, 2, 1)


def test_each_judge_has_its_own_day(filled: Filled) -> None:
    """Calls of yesterday are none of today's; one that is open costs nothing that is known."""
    (of,) = filled.pairs(pair())
    at = NOW.replace(microsecond=0)
    one = call_row(of, asked_at=at)
    open_ = call_row(of, asked_at=at)
    dark = call_row(of, asked_at=at)
    old = call_row(of, asked_at=at - DAY)
    other = call_row(of, judge="judge-b", asked_at=at)
    filled.write(one, open_, dark, old, other)
    filled.write(ended(one, "0.02"), ended(dark, None, outcome="timeout"), ended(old, "9"), ended(other, "0.5"))
    assert judges_today(filled.reader) == {
        "judge-a": JudgeToday(3, 2, Decimal("0.02"), 1),
        "judge-b": JudgeToday(1, 1, Decimal("0.5"), 0),
    }


def test_a_judge_is_away_when_its_last_word_was_none(filled: Filled) -> None:
    """What is about the pair (a refusal, a time-out) shows that somebody was there."""
    (of,) = filled.pairs(pair())
    at = NOW.replace(microsecond=0)

    def calls(judge: str, *outcomes: str) -> None:
        for n, outcome in enumerate(outcomes):
            asked = call_row(of, judge=judge, asked_at=at + (n - 100) * SECOND)
            filled.write(ended(asked, outcome=outcome))

    calls("works", "connect_error", "rate_limited", "ok", "ok")
    calls("refuses", "http_error", "refusal")
    calls("gone", "ok", "connect_error", "rate_limited")
    calls("never", "connect_error")
    calls("killed", "ok", "interrupted")
    filled.write(ended(call_row(of, judge="old", asked_at=at - timedelta(hours=2)), outcome="ok"))
    found = lately(filled.reader, BEGIN - DAY, NOW)
    assert {name: one.is_away for name, one in found.items()} == {
        "works": False,
        "refuses": False,
        "gone": True,
        "never": True,
        "killed": False,
    }
    assert found["gone"].outcomes == {"ok": 1, "connect_error": 1, "rate_limited": 1}
    assert (found["gone"].failure, found["gone"].failed) == ("rate_limited", at - 98 * SECOND)
    assert (found["works"].failure, found["works"].answered) == ("rate_limited", at - 97 * SECOND)
    assert (found["killed"].failure, found["killed"].failed) == ("", None)


def test_verdicts_of_today_are_counted_by_rung(filled: Filled) -> None:
    some = filled.pairs(*(pair(BEGIN + n * SECOND) for n in range(4)))
    at = NOW.replace(microsecond=0)
    midnight = at - timedelta(minutes=1)
    filled.write(
        judgement(some[0], judged_at=at),
        judgement(some[0], judge="judge-b", judged_at=at - SECOND),
        judgement(some[1], judged_at=midnight),
        judgement(some[2], judged_at=midnight - SECOND),
        replace(settled(some[3]), judged_at=at - SECOND),
    )
    found = settled_today(filled.reader, BEGIN, midnight)
    assert (found.by_rung, found.newest) == ({"judge": 2, "equal": 1}, at)


def test_processes_at_work_are_those_that_said_so_and_have_not_left(filled: Filled) -> None:
    assert at_work(filled.reader) == 0
    for name in ("one", "other", "left"):
        beat(filled.connection, name)
    resign(filled.connection, "left")
    old = NOW - timedelta(minutes=2)
    filled.writer.insert("judges", [["silent", old - DAY, old]], "silent")
    assert at_work(filled.reader) == 2


def test_what_waits_is_what_could_be_judged_behind_the_newest_note(filled: Filled) -> None:
    filled.pairs(
        *(pair(BEGIN + n * SECOND) for n in range(5)),
        pair(BEGIN + 2 * SECOND, primary_outcome="timeout"),
        pair(BEGIN + 2 * SECOND, endpoint="embeddings"),
        pair(BEGIN + 3 * SECOND, "control"),
    )
    advance(filled.writer, "older plan", BEGIN + 4 * SECOND, NOW - SECOND)
    advance(filled.writer, "plan", BEGIN + 2 * SECOND, NOW)
    advance(filled.writer, f"{SCORES}plan", BEGIN + 5 * SECOND, NOW + SECOND)  # no judge has to do with it
    taken = newest_progress(filled.reader)
    assert taken == BEGIN + 2 * SECOND
    assert waiting(filled.reader, taken, UNTIL) == Waiting(4, BEGIN + 2 * SECOND)
    assert waiting(filled.reader, taken, BEGIN + 3 * SECOND) == Waiting(1, BEGIN + 2 * SECOND)
