"""Calls without an end, and what the day has cost."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from store.judging.calls import Spend, dearest_today, mean_costs, mean_output_tokens, open_calls, spent_today
from store.judging.due import Listed
from tests.store.judging.conftest import NOW, Filled, call_row, ended, listed_of, pair

OF: Listed = listed_of(pair())
LATER = NOW + timedelta(seconds=1)


def midnight(filled: Filled) -> datetime:
    """The begin of the store's day."""
    (row,) = filled.reader.query("SELECT toUnixTimestamp(toStartOfDay(now('UTC'))) AS s")
    return datetime.fromtimestamp(row["s"], UTC)


def test_calls_that_were_asked_and_have_not_ended_are_open(filled: Filled) -> None:
    """Beside others of the same minute, of other judges, and for embeddings."""
    done, lost = call_row(OF), call_row(OF, attempt=3)
    vector = call_row(OF, judge="", rubric="", kind="embedding", question="")
    before = [call_row(OF, asked_at=NOW - timedelta(days=n, seconds=1)) for n in (0, 40)]
    filled.write(done, lost, vector, *before)
    filled.write(ended(done), *(ended(row) for row in before))
    found = open_calls(filled.reader, LATER)
    assert {row.call for row in found} == {lost.call, vector.call}
    assert next(row for row in found if row.call == lost.call).attempt == 3
    assert {row.stage for row in found} == {"asked"}


def test_only_calls_from_before_a_moment_are_taken_for_lost(filled: Filled) -> None:
    at = NOW.replace(microsecond=500_000)
    old, new = call_row(OF, asked_at=at - timedelta(milliseconds=1)), call_row(OF, asked_at=at)
    filled.write(old, new)
    assert [row.call for row in open_calls(filled.reader, at)] == [old.call]
    filled.write(ended(old, None, outcome="interrupted", is_final=False))
    assert open_calls(filled.reader, at) == []
    assert [row.call for row in open_calls(filled.reader, at + timedelta(seconds=1))] == [new.call]


def test_the_day_has_cost_what_ended_and_at_most_what_did_not(filled: Filled) -> None:
    """Written out: 0.02 known; 0.05 of an unknown cost; 0.05 still open. Yesterday's is yesterday's."""
    day = midnight(filled)
    known, unknown, still_open = (call_row(OF, asked_at=day + timedelta(milliseconds=n)) for n in range(3))
    vector = call_row(OF, asked_at=day, judge="", kind="embedding", committed_usd=Decimal("0.001"))
    yesterday = call_row(OF, asked_at=day - timedelta(milliseconds=1), committed_usd=Decimal(7))
    filled.write(known, unknown, still_open, vector, yesterday)
    filled.write(ended(known), ended(unknown, None), ended(vector, "0.000000001"))
    spent = spent_today(filled.reader)
    assert spent == Spend(
        day=day.date(),
        committed_usd=Decimal("0.02") + 2 * Decimal("0.05") + Decimal("0.000000001"),
        cost_usd=Decimal("0.020000001"),
        asked=4,
        ended=3,
        unpriced=1,
        last_minute=spent.last_minute,
    )


def test_calls_of_the_last_minute_are_never_counted_too_few(filled: Filled) -> None:
    now = datetime.now(UTC)
    fresh = [call_row(OF, asked_at=now - timedelta(seconds=n)) for n in (0, 1, 30, 55)]
    filled.write(*fresh, call_row(OF, asked_at=now - timedelta(seconds=125)))
    assert spent_today(filled.reader).last_minute == len(fresh)


def test_a_day_without_calls_has_cost_nothing(filled: Filled) -> None:
    spent = spent_today(filled.reader)
    assert spent == Spend(spent.day, Decimal(0), Decimal(0), 0, 0, 0, 0)
    assert open_calls(filled.reader, LATER) == []


def test_erased_calls_leave_their_cost(filled: Filled) -> None:
    """The rows are gone, and a call that was open then is not looked for for ever."""
    filled.write(call_row(OF, asked_at=midnight(filled)))
    change = "ALTER TABLE judge_calls DELETE WHERE true"
    filled.connection.client().command(change, settings={"mutations_sync": 2})
    assert spent_today(filled.reader).committed_usd == Decimal("0.05")
    assert open_calls(filled.reader, LATER) == []


def test_the_dearest_call_of_the_day_is_known_by_its_bound(filled: Filled) -> None:
    """What it cost in the end does not matter, nor what was asked yesterday."""
    assert dearest_today(filled.reader) is None
    day = midnight(filled)
    cheap = call_row(OF, asked_at=day, committed_usd=Decimal("0.01"))
    dear = call_row(OF, asked_at=day + timedelta(seconds=1), committed_usd=Decimal("0.04"))
    filled.write(cheap, dear, call_row(OF, asked_at=day - timedelta(seconds=1), committed_usd=Decimal(7)))
    filled.write(ended(dear, "0.0001"))
    assert dearest_today(filled.reader) == Decimal("0.04")


def test_the_length_of_a_verdict_is_the_mean_of_those_that_were_given(filled: Filled) -> None:
    """Neither failures, nor repeats, nor answers about older requests, nor such without a count."""
    assert mean_output_tokens(filled.reader, OF.ts) == {}
    calls = [call_row(OF) for _ in range(5)]
    filled.write(
        *calls,
        ended(calls[0], output_tokens=10),
        ended(calls[1], output_tokens=30),
        ended(calls[2], output_tokens=None),
        ended(calls[3], output_tokens=500, outcome="truncated"),
        ended(calls[4], output_tokens=500, kind="repeat"),
    )
    assert mean_output_tokens(filled.reader, OF.ts) == {calls[0].judge: 20.0}
    assert mean_output_tokens(filled.reader, OF.ts + timedelta(seconds=1)) == {}


def test_what_a_call_cost_is_the_mean_of_those_whose_cost_is_known(filled: Filled) -> None:
    """Failures that were charged among them; neither open ones, nor older ones, nor embeddings."""
    assert mean_costs(filled.reader, NOW - timedelta(days=1)) == {}
    calls = [call_row(OF) for _ in range(4)]
    old, other = call_row(OF, asked_at=NOW - timedelta(days=2)), call_row(OF, judge="dear")
    vector = call_row(OF, judge="", rubric="", kind="embedding", question="")
    filled.write(*calls, old, other, vector)
    filled.write(
        ended(calls[0], cost_usd=Decimal("0.01")),
        ended(calls[1], cost_usd=Decimal("0.03"), outcome="truncated"),
        ended(calls[2], cost_usd=None, committed_usd=Decimal(0)),
        ended(old, cost_usd=Decimal(5)),
        ended(other, cost_usd=None, committed_usd=Decimal(0)),
        ended(vector, cost_usd=Decimal("0.5")),
    )
    assert mean_costs(filled.reader, NOW - timedelta(days=1)) == {calls[0].judge: Decimal("0.02")}
