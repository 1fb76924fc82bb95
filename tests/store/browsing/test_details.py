"""All that is stored of one pair, and nothing of another."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from store.browsing.details import SHORT_BYTES, asked, details, pairs_of_request
from store.browsing.pairs import PairKey
from store.judging.rows import write
from store.writer import Writer
from tests.store.browsing.conftest import UNTIL, Browsed
from tests.store.judging.conftest import call_row, ended, listed_of, score, uuid7_at


def key_of(row: dict[str, object]) -> PairKey:
    return PairKey(row["ts"], row["request_id"], row["candidate"])  # type: ignore[arg-type]


def test_a_pair_with_texts_of_both_sides(browsed: Browsed) -> None:
    row = next(row for row in browsed.made.rows if row["candidate"] == "swift")
    found = details(browsed.reader, row["request_id"], "swift")
    assert found is not None
    for name in ("ts", "labels", "worker", "conversation", "sample_share", "gateway_cache", "changed"):
        assert getattr(found.pair, name) == row.get(name, "" if name == "worker" else None), name
    for arm, own in (("primary", found.pair.primary), ("candidate", found.pair.answer)):
        for name in ("outcome", "total_ms", "ttft_ms", "input_tokens", "finish_reason", "refusal", "chars"):
            assert getattr(own, name) == row.get(f"{arm}_{name}"), name
        cost = row.get(f"{arm}_cost_usd")
        assert own.cost_usd == (None if cost is None else Decimal(str(cost)))
    assert found.primary is not None
    assert (found.primary.request, found.primary.response, found.primary.reasoning) == (
        '{"n": 0}',
        "primary 0",
        "because",
    )
    assert found.primary.tool_calls == '[{"arguments":"{}","name":"f"}]'
    assert found.answer is not None
    assert (found.answer.request, found.answer.response) == ("", "swift 0")
    assert {one.candidate for one in found.others} == {"quick", "sage"}
    said = [j for j in browsed.made.judgements if (j.request_id, j.candidate) == (row["request_id"], "swift")]
    assert len(found.judgements) == len(said) > 0
    assert [one.labeler for one in found.labels] == ["ada", "bob"] or {one.labeler for one in found.labels} == {
        "ada",
        "bob",
    }


def test_without_texts_there_are_none(browsed: Browsed) -> None:
    row = next(row for row in browsed.made.rows if row["candidate"] == "sage")
    found = details(browsed.reader, row["request_id"], "sage")
    assert found is not None
    assert found.answer is None
    assert found.primary is not None, "the primary's are those of the request"
    late = browsed.made.rows[60]
    found = details(browsed.reader, late["request_id"], late["candidate"])
    assert found is not None
    assert (found.primary, found.answer) == (None, None)


def test_what_is_taken_back_is_not_shown(browsed: Browsed) -> None:
    row = browsed.made.rows[7]
    found = details(browsed.reader, row["request_id"], row["candidate"])
    assert found is not None
    assert found.labels == []


def test_calls_and_scores_are_those_of_the_pair(browsed: Browsed) -> None:
    writer: Writer = browsed.writer
    row, other = browsed.made.rows[20], browsed.made.rows[21]
    first = call_row(listed_of(row), asked_at=UNTIL)
    second = call_row(listed_of(row), asked_at=UNTIL + timedelta(seconds=1), question="pairwise_cp")
    foreign = call_row(listed_of(other))
    calls = [
        first,
        second,
        ended(second, outcome="timeout", verdict=None),
        ended(first, rationale="Clear."),
        ended(foreign),
    ]
    write(writer, calls, "details-calls")
    scores = [
        score(listed_of(row), "token_f1", 0.25, scored_at=UNTIL),
        score(listed_of(row), "token_f1", 0.5, scored_at=UNTIL + timedelta(seconds=1)),
        score(listed_of(row), "rouge_l", 0.75),
        score(listed_of(other), "rouge_l", 0.1),
    ]
    write(writer, scores, "details-scores")
    found = details(browsed.reader, row["request_id"], row["candidate"])
    assert found is not None
    assert [(c.question, c.outcome, c.rationale) for c in found.calls] == [
        ("pairwise_pc", "ok", "Clear."),
        ("pairwise_cp", "timeout", ""),
    ]
    assert [(s.metric, s.score_candidate) for s in found.scores] == [("rouge_l", 0.75), ("token_f1", 0.5)]


def test_an_unknown_pair_is_none(browsed: Browsed) -> None:
    row = browsed.made.rows[0]
    assert details(browsed.reader, row["request_id"], "nobody") is None
    assert details(browsed.reader, uuid4(), "swift") is None
    assert details(browsed.reader, uuid7_at(UNTIL), "swift") is None
    assert pairs_of_request(browsed.reader, UUID(int=0)) == []


def test_pairs_of_a_request_are_found_by_an_id_without_a_time(browsed: Browsed) -> None:
    row = browsed.made.rows[0]
    found = pairs_of_request(browsed.reader, row["request_id"])
    assert [one.candidate for one in found] == ["quick", "sage", "swift"]
    assert found[2] == key_of(row)


def test_requests_for_lines_are_read_unless_they_are_long(browsed: Browsed) -> None:
    rows = [row for row in browsed.made.rows if row["candidate"] == "swift"][:50]
    found = asked(browsed.reader, [key_of(row) for row in rows])
    assert len(found) == 40, "of ten no text is stored"
    assert (found[key_of(rows[2])].request, found[key_of(rows[2])].length) == ('{"n": 2}', 8)
    long = found[key_of(rows[3])]
    assert (long.request, long.length) == (None, 100_000)
    assert long.length > SHORT_BYTES
    assert asked(browsed.reader, []) == {}
