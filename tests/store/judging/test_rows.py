"""Rows as they are stored, and read again as they were made."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from store import resending
from store.judging import rows
from store.judging.rows import TABLE_OF, CallRow, Row, values
from tests.store.judging.conftest import BEGIN, NOW, Filled, call_row, ended, judgement, label, listed_of, pair, score

OF = listed_of(pair(BEGIN + timedelta(microseconds=123_457)))


def test_rows_are_values_in_the_order_of_their_table() -> None:
    for row in (call_row(OF), judgement(OF), score(OF, "token_f1", 0.5), label(OF)):
        named = dict(zip(TABLE_OF[type(row)].names(), values(row), strict=True))
        assert named["request_id"] == OF.request_id
        assert named["labels"] == {"tenant": "acme"}
        assert all(named[name] == getattr(row, name) for name in named)


def test_every_kind_of_row_comes_back_as_it_went_in(filled: Filled) -> None:
    """Microseconds, money to the nano-dollar, unknown values and hostile text included."""
    text = "it's \\ {x:String} \x00 \u202e 😀\n"
    at = NOW.replace(microsecond=987_000)
    asked = call_row(OF, asked_at=at, committed_usd=Decimal("0.123456789"))
    stored: list[Row] = [
        ended(asked, "0.000000001", rationale=text, input_tokens=3, output_tokens=0),
        replace(judgement(OF), rationale=text, seed=-5, score_primary=7.5, judged_at=at, cost_usd=None),
        score(OF, "rouge_l", None, scored_at=at),
        replace(label(OF), rationale=text, inclusion_probability=0.25, labeled_at=at),
    ]
    for row in stored:
        filled.write(row)
        names = ", ".join(TABLE_OF[type(row)].names())
        (found,) = filled.reader.query(f"SELECT {names} FROM {TABLE_OF[type(row)].name}")
        expected = replace(row, batch=found["batch"]) if isinstance(row, CallRow) else row
        assert type(row)(**found) == expected


def test_a_batch_that_is_sent_again_is_stored_once_and_known_by_its_token(filled: Filled) -> None:
    asked = [call_row(OF) for _ in range(3)]
    for _ in range(2):
        rows.write(filled.writer, asked, "rows-again")
    found = filled.reader.query("SELECT DISTINCT call, batch FROM judge_calls")
    assert {(row["call"], row["batch"]) for row in found} == {(row.call, "rows-again") for row in asked}
    assert filled.reader.query("SELECT count() AS n FROM judge_calls") == [{"n": 3}]
    assert filled.reader.query("SELECT sum(asked) AS n FROM judge_spend") == [{"n": 3}]


def test_calls_that_the_store_acknowledged_and_lost_are_sent_anew(filled: Filled) -> None:
    """What a kill of its server between token and rows leaves."""
    asked = [call_row(OF) for _ in range(3)]
    rows.write(filled.writer, asked, "rows-lost")
    client = filled.connection.client()
    client.command("ALTER TABLE judge_calls DELETE WHERE batch = 'rows-lost'", settings={"mutations_sync": 2})
    rows.write(filled.writer, asked, "rows-lost")
    assert filled.reader.query("SELECT count() AS n FROM judge_calls") == [{"n": 0}]
    filled.writer.doubt("judge_calls", "rows-lost")
    rows.write(filled.writer, asked, "rows-lost")
    assert filled.reader.query("SELECT count() AS n FROM judge_calls") == [{"n": 3}]


def test_calls_whose_token_may_be_forgotten_are_found_by_their_ids(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resending, "REMEMBERED_PARTS", 0)
    asked = [call_row(OF) for _ in range(3)]
    stamped = [values(replace(row, batch="rows-doubted")) for row in asked]
    filled.writer.insert("judge_calls", stamped, "another token than theirs")
    filled.writer.doubt("judge_calls", "rows-doubted")
    rows.write(filled.writer, asked, "rows-doubted")
    assert filled.reader.query("SELECT count() AS n FROM judge_calls") == [{"n": 3}]


def test_rows_of_two_tables_do_not_go_together(filled: Filled) -> None:
    with pytest.raises(ValueError, match="one table"):
        filled.write(judgement(OF), label(OF))
    rows.write(filled.writer, [], "rows-none")
