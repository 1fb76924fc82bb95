"""Which pairs are due, in which order, with which texts, and what is known of them."""

import itertools
from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from store.judging import due
from store.judging.due import Listed, Position, answered, attempts, judged, listed, scored, with_texts
from store.judging.pair import Answer, Pair
from store.reader import Reader
from tests.store.judging.conftest import (
    BEGIN,
    RUBRIC,
    UNTIL,
    Filled,
    call_row,
    ended,
    judgement,
    listed_of,
    pair,
    score,
    settled,
    uuid7_at,
)


def walk(reader: Reader, limit: int, **how: Any) -> list[Listed]:
    """The whole list, `limit` at a time."""
    found: list[Listed] = []
    after: Position | None = None
    for _ in range(1000):
        some = listed(reader, BEGIN, UNTIL, after, limit, **how)
        found += some
        if len(some) < limit:
            return found
        after = Position.of(some[-1])
    raise AssertionError("the list does not end")


def test_pairs_of_which_both_arms_answered_in_text_are_listed_as_they_are(filled: Filled) -> None:
    at = BEGIN + timedelta(microseconds=1)
    whole = pair(at, exact_match=True, primary_valid_json=True, candidate_valid_json=False)
    cut = pair(at + timedelta(seconds=1), candidate="control", capture_truncated=True, primary_model=None)
    failed = [
        pair(at, candidate_outcome="timeout"),
        pair(at, primary_outcome="client_abort"),
        pair(at, endpoint="embeddings"),
        pair(BEGIN - timedelta(microseconds=1)),
        pair(UNTIL),
    ]
    expected = filled.pairs(whole, cut, *failed, texts=False)[:2]
    assert listed(filled.reader, BEGIN, UNTIL, None, 10) == expected
    assert expected[1].is_whole is False
    assert expected[1].primary_model is None
    assert listed(filled.reader, BEGIN, UNTIL, None, 0) == []
    assert listed(filled.reader, BEGIN, BEGIN, None, 10) == []


@pytest.mark.parametrize("branches", [due.MAX_BRANCHES, 1])
def test_pages_of_any_size_make_the_same_list_oldest_first(
    filled: Filled, branches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several candidates and experiments, many pairs at the same microsecond, requests with ids in any order."""
    monkeypatch.setattr(due, "MAX_BRANCHES", branches)
    chance = Random(3)
    rows = []
    for number in range(30):
        ts = BEGIN + timedelta(microseconds=chance.choice([0, 0, 1, 5_000_000, 5_000_001]))
        request = uuid4() if number % 2 else uuid7_at(ts)
        for candidate in ("control", "llama", "qwen"):
            experiment = f"e-{candidate}-{number % 2}"
            rows.append(pair(ts, candidate, request_id=request, experiment=experiment))
    filled.pairs(*rows, texts=False)
    whole = walk(filled.reader, 1000)
    assert sorted(one.key for one in whole) == sorted((row["request_id"], row["candidate"]) for row in rows)
    assert [one.ts for one in whole] == sorted(one.ts for one in whole)
    assert all(len(list(group)) == 3 for _, group in itertools.groupby(whole, key=lambda one: one.request_id))
    for limit in (7, 64) if branches > 1 else (64,):
        assert walk(filled.reader, limit) == whole
    assert listed(filled.reader, BEGIN, UNTIL, Position.of(whole[0]), 1) == whole[1:2]
    some = ("llama", "control")
    assert walk(filled.reader, 20, candidates=some) == [one for one in whole if one.candidate in some]
    assert walk(filled.reader, 7, candidates=("nobody",)) == []


def test_the_list_reads_its_own_rows_and_not_the_table(filled: Filled) -> None:
    """Of 200,000 pairs the next 100: what the engine reads is counted, not timed."""
    client = filled.connection.client()
    client.command(
        "INSERT INTO pairs (request_id, ts, candidate, experiment, block, endpoint, primary_outcome, "
        "candidate_outcome) SELECT generateUUIDv4(), toDateTime64({begin:String}, 6, 'UTC') + number / 100 AS at, "
        "['a', 'b'][number % 2 + 1], 'e', at, 'messages', 'ok', 'ok' FROM numbers(200000)",
        {"begin": BEGIN.strftime("%Y-%m-%d %H:%M:%S")},
    )
    client.command("OPTIMIZE TABLE pairs FINAL")
    read: list[int] = []

    class Counting(Reader):
        def query(self, sql: str, parameters: Any = None) -> list[dict[str, Any]]:
            result = filled.connection.client().query(sql, dict(parameters or {}))
            read.append(int(result.summary["read_rows"]))
            return list(result.named_results())

    reader = Counting(client)
    first = listed(reader, BEGIN, UNTIL, None, 100)
    after = listed(reader, BEGIN, UNTIL, Position.of(first[-1]), 100)
    assert [len(first), len(after), len({one.request_id for one in first + after})] == [100, 100, 200]
    assert max(read) < 100_000, read


def test_texts_come_with_the_pairs_that_have_both_sides(filled: Filled) -> None:
    both, half, none, bare = filled.pairs(*(pair(BEGIN + timedelta(days=9 * -n)) for n in range(4)), texts=False)
    filled.texts([both])
    filled.texts([half], sides=("primary",))
    filled.texts([none], sides=("candidate",))
    request = str(both.request_id)
    assert with_texts(filled.reader, [both, half, none, bare]) == {
        both.key: Pair(
            both.request_id,
            both.ts,
            "llama",
            "e-llama",
            both.block,
            7,
            {"tenant": "acme"},
            "chat/completions",
            is_whole=True,
            request=f'{{"of":"{request}"}}',
            primary=Answer(f"primary says {request}", "[]", "gpt-x", None),
            answer=Answer(f"llama says {request}", "", "llama-3", None),
        )
    }
    assert with_texts(filled.reader, []) == {}


def test_candidates_of_one_request_share_its_primary_and_keep_their_own_answers(filled: Filled) -> None:
    request = uuid7_at(BEGIN)
    made = filled.pairs(*(pair(candidate=name, request_id=request) for name in ("control", "llama", "qwen")))
    found = with_texts(filled.reader, made[:2])
    assert {key[1]: one.answer.text for key, one in found.items()} == {
        "control": f"control says {request}",
        "llama": f"llama says {request}",
    }
    assert {one.primary.text for one in found.values()} == {f"primary says {request}"}


def test_many_pairs_are_named_in_portions(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    """A portion at its limit fits into a statement; more are several statements."""
    made = filled.pairs(*(pair(BEGIN + timedelta(seconds=n)) for n in range(due.PAIRS_PER_QUESTION)))
    assert set(with_texts(filled.reader, made)) == {one.key for one in made}
    monkeypatch.setattr(due, "PAIRS_PER_QUESTION", 300)
    filled.write(*(judgement(one) for one in made))
    assert set(with_texts(filled.reader, made)) == {one.key for one in made}
    assert judged(filled.reader, made, RUBRIC) == {(*one.key, "judge-a") for one in made}


def test_what_is_judged_is_known_by_judge_and_rubric(filled: Filled) -> None:
    by_two, by_other, equal, fresh = filled.pairs(*(pair() for _ in range(4)), texts=False)
    filled.write(
        judgement(by_two),
        judgement(by_two, judge="judge-b"),
        judgement(by_other, rubric="helpfulness@ffffffff"),
        settled(equal),
        judgement(listed_of(pair(request_id=fresh.request_id, candidate="qwen"))),
    )
    assert judged(filled.reader, [by_two, by_other, equal, fresh], RUBRIC) == {
        (*by_two.key, "judge-a"),
        (*by_two.key, "judge-b"),
        (*equal.key, ""),
    }
    assert judged(filled.reader, [by_other], "helpfulness@ffffffff") == {(*by_other.key, "judge-a")}
    assert judged(filled.reader, [fresh], RUBRIC) == set()
    assert judged(filled.reader, [], RUBRIC) == set()


def test_a_pair_is_not_taken_for_another_candidates_of_the_same_request(filled: Filled) -> None:
    """Both are listed, each beside another request; only one of them is known."""
    first, second = uuid7_at(BEGIN), uuid7_at(BEGIN)
    a, b = pair(candidate="llama", request_id=first), pair(candidate="qwen", request_id=second)
    mine = filled.pairs(a, b, texts=False)
    filled.write(judgement(listed_of({**a, "candidate": "qwen", "experiment": "e-qwen"})))
    filled.write(score(listed_of({**b, "candidate": "llama", "experiment": "e-llama"}), "token_f1", 0.5))
    assert judged(filled.reader, mine, RUBRIC) == set()
    assert scored(filled.reader, mine) == set()


def test_what_is_scored_is_known_by_metric(filled: Filled) -> None:
    one, other = filled.pairs(pair(), pair(), texts=False)
    filled.write(score(one, "token_f1", 0.5), score(one, "rouge_l", None), score(other, "rouge_l", 0.1))
    assert scored(filled.reader, [one, other]) == {
        (*one.key, "token_f1"),
        (*one.key, "rouge_l"),
        (*other.key, "rouge_l"),
    }


def test_questions_that_have_ended_are_told_from_those_to_be_asked_again(filled: Filled) -> None:
    """A judgement has cost what all its attempts have cost, those that came to nothing too."""
    (one,) = filled.pairs(pair(), texts=False)
    at = BEGIN
    late = ended(call_row(one, asked_at=at), "0.01", outcome="timeout", is_final=False, verdict=None)
    said = ended(call_row(one, asked_at=at + timedelta(seconds=1), attempt=2))
    refused = ended(
        call_row(one, asked_at=at + timedelta(seconds=2), question="pairwise_cp"), outcome="refusal", verdict=None
    )
    died = ended(call_row(one, asked_at=at + timedelta(seconds=3)), None, outcome="interrupted", is_final=False)
    vector = ended(call_row(one, asked_at=at + timedelta(seconds=4), judge="", rubric="", kind="embedding"))
    other = ended(call_row(one, asked_at=at + timedelta(seconds=5), rubric="other@1"))
    still_open = call_row(one, asked_at=at + timedelta(seconds=6))
    filled.write(still_open, other, vector, died, refused, said, late)
    found = answered(filled.reader, [one], RUBRIC)
    assert [row.call for row in found] == [said.call, refused.call, vector.call]
    assert found[0].verdict == 1.0
    assert [row.call for row in attempts(filled.reader, [one], RUBRIC)] == [
        row.call for row in (late, said, refused, died, vector)
    ]
