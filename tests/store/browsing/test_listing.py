"""Lists against the same lists made of plain values in Python."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from record.finish import CUT_SHORT
from store.browsing import listing
from store.browsing import stretch as stretching
from store.browsing.listing import MAX_PAGE, Listed, Page, Position, neighbours, page, place_of
from store.browsing.pairs import PairKey
from store.browsing.stretch import Stretch
from store.browsing.wanted import ANSWERS, OUTCOMES, SORTS, VERDICTS, Wanted
from store.comparison import Span
from store.judging.rows import JudgementRow
from store.narrowing import Narrowing
from tests.store.browsing.conftest import BEGIN, HOSTILE, MINUTE, SINCE, UNTIL, Browsed, Key, Made, said

ALL = Wanted(Span(SINCE, UNTIL))
FINE = {"ok", "client_abort"}
PAGED = {"latency", "cheaper", "worst"}
"""Orders in which pages are turned, too."""


def is_failed(row: dict[str, Any], arm: str) -> bool:
    return row[f"{arm}_outcome"] not in FINE


def is_cut(row: dict[str, Any], arm: str) -> bool:
    return (row.get(f"{arm}_finish_reason") or "").lower() in CUT_SHORT


def _by_outcome(word: str) -> Callable[[dict[str, Any]], bool]:
    known: dict[str, Callable[[dict[str, Any]], bool]] = {
        "ok": lambda r: r["primary_outcome"] == r["candidate_outcome"] == "ok",
        "failed": lambda r: is_failed(r, "primary") or is_failed(r, "candidate"),
        "candidate_failed": lambda r: is_failed(r, "candidate") and not is_failed(r, "primary"),
        "primary_failed": lambda r: is_failed(r, "primary") and not is_failed(r, "candidate"),
        "both_failed": lambda r: is_failed(r, "primary") and is_failed(r, "candidate"),
    }
    return known.get(word, lambda r: word in {r["primary_outcome"], r["candidate_outcome"]})


_BY_ANSWER: dict[str, Callable[[dict[str, Any]], bool]] = {
    "refused": lambda r: bool(r.get("primary_refusal") or r.get("candidate_refusal")),
    "candidate_refused": lambda r: bool(r.get("candidate_refusal") and not r.get("primary_refusal")),
    "primary_refused": lambda r: bool(r.get("primary_refusal") and not r.get("candidate_refusal")),
    "same": lambda r: r["exact_match"] is True,
    "different": lambda r: r["exact_match"] is False,
    "other_tools": lambda r: r["tool_call_agreement"] is not None and r["tool_call_agreement"] < 1,
    "invalid_json": lambda r: False in {r.get("primary_valid_json"), r.get("candidate_valid_json")},
    "cut_short": lambda r: is_cut(r, "primary") or is_cut(r, "candidate"),
    "not_whole": lambda r: bool(r["capture_truncated"]),
}


def _key(row: dict[str, Any]) -> Key:
    return row["request_id"], row["candidate"]


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _by_verdict(made: Made, word: str, row: dict[str, Any]) -> bool:
    rows = made.said(_key(row))
    values = [value for one in rows if (value := said(one)) is not None]
    mean = _mean(values)
    people = _mean(made.labelled(_key(row)))
    orders = any((one.preference_pc or 0) * (one.preference_cp or 0) < 0 for one in rows)
    judges = bool(values) and min(values) < 0 < max(values)
    return {
        "judged": any(one.rung == "judge" for one in rows),
        "not_judged": not rows,
        "candidate_better": mean is not None and mean > 0,
        "primary_better": mean is not None and mean < 0,
        "tie": mean == 0,
        "orders_disagree": orders,
        "judges_disagree": judges,
        "disagree": orders or judges,
        "labelled": people is not None,
        "people_disagree": mean is not None and people is not None and mean * people < 0,
    }[word]


def _difference(row: dict[str, Any], name: str) -> float | None:
    primary, candidate = row.get(f"primary_{name}"), row.get(f"candidate_{name}")
    return None if primary is None or candidate is None else float(candidate) - float(primary)


def _value(made: Made, sort: str, row: dict[str, Any]) -> float | None:
    if sort in {"worst", "best"}:
        mean = _mean([value for one in made.said(_key(row)) if (value := said(one)) is not None])
        return None if mean is None else mean * (-1 if sort == "worst" else 1)
    if not _by_outcome("ok")(row):
        return None
    column, direction = {
        "latency": ("total_ms", 0), "slower": ("total_ms", 1), "faster": ("total_ms", -1),
        "cost": ("cost_usd", 0), "dearer": ("cost_usd", 1), "cheaper": ("cost_usd", -1),
        "length": ("chars", 0), "longer": ("chars", 1), "shorter": ("chars", -1),
    }[sort]  # fmt: skip
    difference = _difference(row, column)
    return None if difference is None else difference * direction if direction else abs(difference)


def pages(browsed: Browsed, wanted: Wanted, limit: int) -> Iterator[Page]:
    """All pages, from the first to the last."""
    after: Position | None = None
    while True:
        one = page(browsed.reader, wanted, after=after, limit=limit)
        yield one
        if not one.has_after:
            return
        after = one.pairs[-1].at


def keys(lines: tuple[Listed, ...]) -> list[Key]:
    return [(line.pair.request_id, line.pair.candidate) for line in lines]


def listed(browsed: Browsed, wanted: Wanted, limit: int = MAX_PAGE) -> list[Key]:
    return [key for one in pages(browsed, wanted, limit) for key in keys(one.pairs)]


def by_judge(row: JudgementRow) -> tuple[str, str]:
    return row.judge, row.rubric


def expected(made: Made, keep: Callable[[dict[str, Any]], bool]) -> set[Key]:
    found = {_key(row) for row in made.rows if keep(row)}
    assert found, "nothing to find proves nothing"
    return found


def test_newest_come_first_and_every_pair_once(browsed: Browsed) -> None:
    found = listed(browsed, ALL, limit=90)
    assert sorted(found) == sorted(_key(row) for row in browsed.made.rows)
    times = [browsed.made.of(key)["ts"] for key in found]
    assert times == sorted(times, reverse=True)
    by_request = [key[1] for key in found if key[0] == found[0][0]]
    assert by_request == ["quick", "sage", "swift"], "the pairs of one request stand together, by name"


def test_turning_back_gives_the_same_pages(browsed: Browsed) -> None:
    for wanted in (ALL, replace(ALL, sort="slower"), replace(ALL, outcome="failed"), replace(ALL, sort="worst")):
        forth = list(pages(browsed, wanted, 110))
        assert [one.has_before for one in forth] == [False] + [True] * (len(forth) - 1)
        for before, one in pairwise(forth):
            back = page(browsed.reader, wanted, before=one.pairs[0].at, limit=110)
            assert keys(back.pairs) == keys(before.pairs)
            assert back.has_after
            assert back.has_before == before.has_before


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_by_outcome(browsed: Browsed, outcome: str) -> None:
    keep = _by_outcome(outcome)
    found = listed(browsed, replace(ALL, outcome=outcome))
    assert set(found) == {_key(row) for row in browsed.made.rows if keep(row)}
    assert len(found) == len(set(found))
    if outcome in {"ok", "failed", "candidate_failed", "primary_failed", "timeout", "client_abort"}:
        assert found


@pytest.mark.parametrize("answer", ANSWERS)
def test_by_what_is_remarkable_about_the_answers(browsed: Browsed, answer: str) -> None:
    found = listed(browsed, replace(ALL, answer=answer))
    assert set(found) == expected(browsed.made, _BY_ANSWER[answer])


@pytest.mark.parametrize("verdict", VERDICTS)
def test_by_what_judges_and_people_said(browsed: Browsed, verdict: str) -> None:
    wanted = expected(browsed.made, lambda row: _by_verdict(browsed.made, verdict, row))
    found = listed(browsed, replace(ALL, verdict=verdict))
    assert set(found) == wanted
    assert len(found) == len(wanted)


@pytest.mark.parametrize("sort", SORTS[1:])
def test_sorted_by_value(browsed: Browsed, sort: str) -> None:
    made = browsed.made
    values = {_key(row): value for row in made.rows if (value := _value(made, sort, row)) is not None}
    found = listed(browsed, replace(ALL, sort=sort), limit=150 if sort in PAGED else MAX_PAGE)
    assert set(found) == set(values), "what has no value is not listed"
    assert len(found) == len(values)
    order = [values[key] for key in found]
    assert order == pytest.approx(sorted(order, reverse=True), abs=1e-12)


def test_all_conditions_together(browsed: Browsed) -> None:
    made = browsed.made
    narrowing = Narrowing({"tenant": HOSTILE}, "chat/completions", "gpt", stream=True)
    for sort in ("newest", "longer", "worst"):
        wanted = Wanted(
            Span(SINCE, UNTIL), ("sage", "quick"), narrowing, outcome="ok", answer="different",
            verdict="judged", sort=sort,
        )  # fmt: skip
        found = listed(browsed, wanted, limit=3)
        assert set(found) == expected(
            made,
            lambda r: (
                r["candidate"] != "swift"
                and r["labels"]["tenant"] == HOSTILE
                and (r["endpoint"], r["primary_model"], r["stream"]) == ("chat/completions", "gpt", True)
                and _by_outcome("ok")(r)
                and r["exact_match"] is False
                and _by_verdict(made, "judged", r)
            ),
        ) - {k for k in map(_key, made.rows) if sort == "longer" and _difference(made.of(k), "chars") is None}


@pytest.mark.parametrize("verdict", ["not_judged", "labelled", "people_disagree"])
def test_sorted_by_judges_among_what_others_said(browsed: Browsed, verdict: str) -> None:
    found = listed(browsed, replace(ALL, verdict=verdict, sort="best"))
    made = browsed.made
    both = {_key(r) for r in made.rows if _by_verdict(made, verdict, r) and made.said(_key(r))}
    assert set(found) == both


def test_by_conversation(browsed: Browsed) -> None:
    conversation = browsed.made.rows[5]["conversation"]
    found = listed(browsed, replace(ALL, conversation=conversation))
    assert set(found) == expected(browsed.made, lambda row: row["conversation"] == conversation)


def test_a_window_ends_before_its_end(browsed: Browsed) -> None:
    span = Span(BEGIN + timedelta(seconds=10), BEGIN + timedelta(seconds=20))
    found = listed(browsed, Wanted(span))
    assert set(found) == expected(browsed.made, lambda row: span.since <= row["ts"] < span.until)
    assert listed(browsed, Wanted(Span(UNTIL, UNTIL + timedelta(hours=1)))) == []


def test_lines_hold_what_is_stored(browsed: Browsed) -> None:
    made = browsed.made
    for line in page(browsed.reader, ALL, limit=200).pairs:
        row = made.of((line.pair.request_id, line.pair.candidate))
        assert line.at == Position(0.0, row["ts"], row["request_id"], row["candidate"])
        assert (line.pair.labels, line.pair.endpoint) == (row["labels"], row["endpoint"])
        assert line.pair.primary.total_ms == row.get("primary_total_ms")
        assert line.pair.answer.outcome == row["candidate_outcome"]
        own = [j for j in made.judgements if (j.request_id, j.candidate) == _key(row)]
        assert sorted(line.judgements, key=by_judge) == sorted(own, key=by_judge)
        assert [j.judged_at for j in line.judgements] == sorted((j.judged_at for j in own), reverse=True)
        assert sorted(one.preference or 0 for one in line.labels) == sorted(made.labelled(_key(row)))


def test_of_a_large_window_its_end_is_looked_through_and_said(browsed: Browsed) -> None:
    """Blocks of a second; the rollup is asked by minutes, of which the pairs fill two."""
    wanted = replace(ALL, outcome="failed")
    one = page(browsed.reader, wanted, limit=MAX_PAGE, most=100)
    assert (one.looked.span, one.looked.is_all) == (Span(MINUTE, UNTIL), False)
    keep = _by_outcome("failed")
    late = expected(browsed.made, lambda row: keep(row) and row["ts"] >= MINUTE)
    assert set(keys(one.pairs)) == late
    assert one.matching == len(late)
    assert (one.in_window, one.is_exact) == (len(browsed.made.rows), True)
    whole = page(browsed.reader, wanted, limit=2)
    assert whole.looked.is_all
    assert whole.matching == len(expected(browsed.made, keep))
    further = page(browsed.reader, replace(wanted, span=Span(SINCE, one.looked.span.since)), limit=MAX_PAGE, most=100)
    assert set(keys(further.pairs)) == expected(browsed.made, lambda row: keep(row) and row["ts"] < MINUTE)
    assert further.looked.is_all


def test_of_many_pairs_about_so_many_are_known(browsed: Browsed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretching, "COUNTED_EXACTLY", 10)
    one = page(browsed.reader, ALL, limit=1)
    assert (one.in_window, one.is_exact) == (len(browsed.made.rows), False)
    blocks = Span(BEGIN + timedelta(seconds=10), BEGIN + timedelta(seconds=20))
    assert page(browsed.reader, Wanted(blocks), limit=1).in_window == len(
        expected(browsed.made, lambda row: blocks.since <= row["ts"] < blocks.until)
    ), "blocks of a second"


def test_of_very_many_experiments_a_part_is_sorted(browsed: Browsed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_MAX_BRANCHES", 2)
    one = page(browsed.reader, ALL, limit=MAX_PAGE, most=100)
    assert one.looked == Stretch(Span(MINUTE, UNTIL), is_all=False)
    late = expected(browsed.made, lambda row: row["ts"] >= MINUTE)
    assert set(keys(one.pairs)) == late
    assert set(listed(browsed, ALL)) == {_key(row) for row in browsed.made.rows}


def test_windows_at_the_ends_of_time(browsed: Browsed) -> None:
    for first, last in ((1970, 1971), (2150, 2199), (1970, 2199)):
        span = Span(BEGIN.replace(year=first), BEGIN.replace(year=last))
        for wanted in (Wanted(span), Wanted(span, outcome="failed")):
            assert bool(page(browsed.reader, wanted, limit=1).pairs) == (last - first > 100)


def test_turning_back_looks_from_there_on(browsed: Browsed) -> None:
    wanted = replace(ALL, outcome="failed")
    oldest = listed(browsed, wanted)[-1]
    row = browsed.made.of(oldest)
    at = Position(0.0, row["ts"], *oldest)
    back = page(browsed.reader, wanted, before=at, limit=MAX_PAGE, most=100)
    assert back.looked.span == Span(row["ts"], MINUTE)
    assert set(keys(back.pairs)) == {key for key in listed(browsed, wanted) if browsed.made.of(key)["ts"] < MINUTE} - {
        oldest
    }


@pytest.mark.parametrize("sort", ["newest", "slower", "worst"])
def test_neighbours_are_those_of_the_list(browsed: Browsed, sort: str) -> None:
    wanted = replace(ALL, sort=sort, outcome="ok")
    line = [one.at for found in pages(browsed, wanted, MAX_PAGE) for one in found.pairs]
    for i in (0, 1, len(line) // 2, len(line) - 2, len(line) - 1):
        before, after = neighbours(browsed.reader, wanted, line[i])
        assert before == (line[i - 1] if i else None)
        assert after == (line[i + 1] if i + 1 < len(line) else None)
        assert place_of(browsed.reader, wanted, line[i].key) == line[i]


def test_a_pair_that_is_not_in_a_list_has_no_place_in_it(browsed: Browsed) -> None:
    row = next(r for r in browsed.made.rows if r.get("candidate_total_ms") is None)
    key = PairKey(row["ts"], row["request_id"], row["candidate"])
    assert place_of(browsed.reader, replace(ALL, sort="slower"), key) is None
    assert place_of(browsed.reader, ALL, key) == Position(0.0, *key)


def test_limits_hold(browsed: Browsed) -> None:
    assert len(page(browsed.reader, ALL, limit=0).pairs) == 1
    assert len(page(browsed.reader, ALL, limit=10**9).pairs) == len(browsed.made.rows) <= MAX_PAGE
