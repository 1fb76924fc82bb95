"""One line of a list: what was asked, what is remarkable, both arms against each other."""

import json
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from analyzer.dashboard.pairs.line import PREVIEW_CHARS, Line, line, preview
from store.browsing.details import Asked
from store.browsing.listing import Listed, Position
from store.browsing.pairs import BrowsedPair
from tests.analyzer.dashboard.pairs.arms import arm, browsed, failed
from tests.store.judging.conftest import judgement, listed_of
from tests.store.judging.conftest import pair as row_of


def shown(pair: BrowsedPair, request: Asked | None = None, judgements: Any = ()) -> Line:
    at = Position(0.0, pair.ts, pair.request_id, pair.candidate)
    return line(Listed(at, pair, judgements, ()), request, "/there", "No texts.")


def body(*turns: tuple[str, str]) -> Asked:
    text = json.dumps({"messages": [{"role": role, "content": said} for role, said in turns]})
    return Asked(text, len(text))


def test_the_last_thing_that_somebody_said_is_the_line() -> None:
    turns = (("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello"), ("user", "What is\n\n 2 + 2?"))
    found = shown(browsed(), body(*turns))
    assert (found.asked, found.unasked, found.address) == ("What is 2 + 2?", "", "/there")
    tools = (("user", "What is 2 + 2?"), ("tool", "4"))
    assert shown(browsed(), body(*tools)).asked == "What is 2 + 2?"
    assert shown(browsed(), body(("system", "Say something."))).asked == "Say something."


@pytest.mark.parametrize(
    ("request_body", "why"),
    [
        (None, "No texts."),
        (Asked(None, 1_234_567), "a request of 1.23 MB"),
        (Asked("", 0), "a request without text"),
        (Asked('{"messages": []}', 16), ""),
    ],
)
def test_where_it_is_not_known_it_is_said_why(request_body: Asked | None, why: str) -> None:
    found = shown(browsed(), request_body)
    assert found.unasked == why
    assert bool(found.asked) == (not why)


def test_texts_are_short_and_do_nothing() -> None:
    assert preview("a" * 1_000_000) == "a" * (PREVIEW_CHARS - 1) + "…"
    assert preview("  one\r\n\ttwo \x1b[31m \x00 ") == "one two ␛[31m ␀"
    assert preview("👩‍👩‍👧‍👦 مرحبا") == "👩‍👩‍👧‍👦 مرحبا"
    assert preview("\n" * 5000) == ""


def test_both_arms_stand_against_each_other() -> None:
    found = shown(
        browsed(
            arm(total_ms=800.0, cost_usd=Decimal("0.004"), chars=100),
            arm(total_ms=200.0, cost_usd=Decimal("0.005"), chars=100),
        )
    )
    assert (found.time.primary, found.time.candidate, found.time.difference, found.time.relative) == (
        "800 ms", "200 ms", "−600 ms", "−75 %"
    )  # fmt: skip
    assert (found.time.primary_share, found.time.candidate_share) == ("100%", "25%")
    assert (found.cost.difference, found.cost.relative, found.cost.primary_share) == ("+$0.001", "+25 %", "80%")
    assert (found.length.difference, found.length.relative) == ("0", "")


def test_nothing_is_drawn_of_what_is_not_known() -> None:
    found = shown(browsed(arm(cost_usd=None, chars=0), arm(cost_usd=None, chars=0)))
    assert (found.cost.primary, found.cost.difference, found.cost.primary_share) == ("–", "", "")
    assert (found.length.primary, found.length.primary_share) == ("0", "")


def test_a_fast_failure_is_not_faster() -> None:
    found = shown(browsed(arm(), failed("http_error", status=429, total_ms=3.0)))
    assert (found.time.candidate, found.time.difference, found.time.relative) == ("3 ms", "", "")
    assert [(b.text, b.kind) for b in found.badges] == [("swift HTTP error 429", "bad")]


@pytest.mark.parametrize(
    ("pair", "badges"),
    [
        (browsed(), []),
        (browsed(failed("timeout"), failed("connect_error")), ["primary timed out", "swift could not be reached"]),
        (browsed(failed("client_abort")), ["the client went away"]),
        (browsed(arm(refusal=True), arm(refusal=True)), ["both refused"]),
        (browsed(arm(), arm(refusal=True)), ["swift refused"]),
        (browsed(arm(finish_reason="MAX_TOKENS")), ["primary cut short"]),
        (browsed(arm(finish_reason="length"), arm(finish_reason="length")), ["both cut short"]),
        (browsed(tool_call_agreement=0.5), ["other tool calls"]),
        (browsed(tool_call_agreement=1.0), []),
        (browsed(arm(valid_json=False), arm(valid_json=True)), ["primary: no valid JSON"]),
        (browsed(exact_match=True), ["same text"]),
        (browsed(failed("made_up")), ["primary made_up"]),
    ],
)
def test_what_is_remarkable(pair: BrowsedPair, badges: list[str]) -> None:
    assert [badge.text for badge in shown(pair).badges] == badges


def test_the_verdict_stands_in_the_line() -> None:
    row = judgement(listed_of(row_of(request_id=uuid4())), preference=-1.0)
    found = shown(browsed(), None, [row])
    assert found.verdict is not None
    assert (found.verdict.said.text, found.verdict.by) == ("primary better", "judge-a")
    assert shown(browsed()).verdict is None
