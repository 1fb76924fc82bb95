"""All of one pair as values: texts side by side, what is missing, tool calls whatever they are."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from analyzer.dashboard.pairs.marking import Marked
from analyzer.dashboard.pairs.view import LONG_CHARS, MAX_BODY_CHARS, PairView, pair_view
from store.browsing.details import Details, Texts
from store.browsing.pairs import BrowsedPair
from tests.analyzer.dashboard.pairs.arms import arm, browsed, failed
from tests.store.judging.conftest import listed_of, score
from tests.store.judging.conftest import pair as row_of

REQUEST = json.dumps({"messages": [{"role": "user", "content": "What is 2 + 2?"}]})


def texts(response: str = "", request: str = "", reasoning: str = "", tool_calls: str = "") -> Texts:
    return Texts(request, response, reasoning, tool_calls)


def shown(primary: Texts | None, answer: Texts | None, pair: BrowsedPair | None = None, **values: Any) -> PairView:
    nothing: dict[str, Any] = dict.fromkeys(("judgements", "calls", "labels", "scores", "others"), ())
    return pair_view(Details(pair or browsed(), primary, answer, **{**nothing, **values}), "No texts.")


def said(text: Marked | None) -> str:
    assert text is not None
    return "\n".join("".join(f"[{r.text}]" if r.is_only_here else r.text for r in b.runs) for b in text.blocks)


def test_two_answers_are_compared() -> None:
    view = shown(texts("It is 4.", REQUEST), texts("It is 5."))
    assert [said(side.answer) for side in view.sides] == ["It is [4].", "It is [5]."]
    assert [(side.name, side.role) for side in view.sides] == [("primary", "primary"), ("swift", "candidate")]
    assert view.both is not None
    assert view.compared == "Marked is what the other answer does not have in that place."
    assert view.asked is not None
    assert view.asked.last is not None
    assert view.asked.last.blocks[0].text == "What is 2 + 2?"
    assert (view.missing, view.is_long, view.is_control) == ("", False, False)


@pytest.mark.parametrize(
    ("one", "other", "exact", "said_of_them"),
    [
        ("Four.", "Four.", True, "Both answers are the same, word for word."),
        ("Four is it.", "Four  is\nit.", False, "The answers differ in blanks only."),
        (
            "All of this",
            "none those words",
            False,
            "The answers share few words, so what differs is not marked unless you ask for it.",
        ),
    ],
)
def test_how_answers_compare(one: str, other: str, *, exact: bool, said_of_them: str) -> None:
    view = shown(texts(one), texts(other), browsed(exact_match=exact))
    assert view.compared == said_of_them


def test_what_is_not_stored_is_missing_and_nothing_is_made_up() -> None:
    view = shown(None, None)
    assert (view.asked, view.both, view.missing) == (None, None, "No texts.")
    assert [(side.is_missing, side.says_nothing, side.answer.blocks) for side in view.sides] == [(True, False, ())] * 2
    half = shown(texts("Four.", REQUEST), None)
    assert half.missing == "No texts."
    assert [side.is_missing for side in half.sides] == [False, True]
    assert said(half.sides[0].answer) == "Four."
    assert half.both is None


def test_an_empty_answer_is_not_a_missing_one() -> None:
    view = shown(texts("Four."), texts(""), browsed(arm(), failed("truncated")))
    assert [(side.is_missing, side.says_nothing, side.is_ok) for side in view.sides] == [
        (False, False, True),
        (False, True, False),
    ]
    assert view.sides[1].why == "The connection ended before the answer did."
    assert view.sides[1].outcome == "broke off"


def test_tool_calls_are_read_and_their_differences_marked() -> None:
    calls = [json.dumps([{"name": "weather", "arguments": f'{{"city":"{city}"}}'}]) for city in ("Bonn", "Köln")]
    view = shown(texts(tool_calls=calls[0]), texts(tool_calls=calls[1]))
    assert said(view.sides[0].tools) == 'weather\n{\n  "city": "[Bonn]"\n}'
    assert said(view.sides[1].tools) == 'weather\n{\n  "city": "[Köln]"\n}'
    assert not any(side.says_nothing for side in view.sides)
    alone = shown(texts("Four."), texts(tool_calls=calls[1]))
    assert alone.sides[0].tools is None
    assert said(alone.sides[1].tools) == 'weather\n{\n  "city": "Köln"\n}'


@pytest.mark.parametrize(
    ("tool_calls", "shown_as"),
    [
        ('[{"name":"f","arguments":{"a":[1,2]}}]', 'f\n{\n  "a": [\n    1,\n    2\n  ]\n}'),
        ('[{"arguments":"no json"}]', "a tool without a name\nno json"),
        ('[{"name":7}]', "a tool without a name\nnull"),
        ("not json \x1b[31m", "not json ␛[31m"),
        ('{"name":"f"}', '{\n  "name": "f"\n}'),
        ("[" * 5_000, "[" * 5_000),
        ('[{"name":"<b>","arguments":"{\\"x\\": \\"\\\\ud800\\"}"}]', '<b>\n{\n  "x": "?"\n}'),
    ],
)
def test_whatever_tool_calls_are_they_are_shown(tool_calls: str, shown_as: str) -> None:
    assert said(shown(texts("Four."), texts(tool_calls=tool_calls)).sides[1].tools) == shown_as


@pytest.mark.parametrize("tool_calls", ["", " ", "[]", "null"])
def test_no_tool_call_is_none(tool_calls: str) -> None:
    assert shown(texts("Four."), texts(tool_calls=tool_calls)).sides[1].tools is None


def test_reasoning_and_the_request_as_it_was_sent() -> None:
    view = shown(texts("Four.", REQUEST), texts("Five.", '{"model":"other"}', reasoning="Hm."))
    assert view.sides[1].reasoning[0].text == "Hm."
    assert view.sent[0].text == '{\n  "model": "other"\n}'
    assert shown(texts("Four.", REQUEST), texts("Five.")).sent == ()


def test_long_texts_are_bounded() -> None:
    view = shown(texts("word " * LONG_CHARS, REQUEST), texts("x", "y" * (MAX_BODY_CHARS + 1_234)))
    assert view.is_long
    assert view.sent[0].text.endswith("\n… 1,234 characters more")


def test_everything_that_is_recorded_is_told() -> None:
    pair = browsed(
        arm(raw_usage='{"prompt_tokens":30}', price_date=date(2026, 2, 1)), candidate="control",
        tool_call_agreement=0.5, gateway_cache=True, held_ms=12.5, stream=None, changed=("model", "n"),
        capture_truncated=True,
    )  # fmt: skip
    view = shown(None, None, pair)
    told = dict(view.recorded)
    assert view.is_control
    assert told["Request"] == str(pair.request_id)
    assert told["Conversation"] == "7 (bucket 7)"
    assert told["Label tenant"] == "acme"
    assert told["Streamed"] == "not known"
    assert told["Changed for the candidate"] == "model, n"
    assert told["Held up by a slow client"] == "12.5 ms (left out of latency)"
    assert told["Primary from a response cache"] == "yes (left out of latency)"
    assert told["Same tool calls"] == "50 %"
    assert told["Primary's price of"] == "2026-02-01"
    assert told["Primary's usage as reported"] == '{"prompt_tokens":30}'
    assert told["Candidate's tokens by our estimate"] == "31 in, 58 out"
    assert "Candidate's price of" not in told
    plain = dict(shown(None, None).recorded)
    assert (plain["Changed for the candidate"], plain["Same tool calls"]) == ("nothing", "–")


def test_scores_of_texts() -> None:
    one = listed_of(row_of())
    rows = [score(one, "regex_match", 1.0, score_primary=0.0), score(one, "rouge_l", 0.33333), score(one, "f", None)]
    view = shown(None, None, scores=rows)
    assert [(s.metric, s.primary, s.candidate) for s in view.scores] == [
        ("regex_match", "0", "1"), ("rouge_l", "", "0.333"), ("f", "", "–")
    ]  # fmt: skip


def test_names_do_nothing() -> None:
    view = shown(texts("a"), texts("b"), replace(browsed(), candidate="a\x00b"))
    assert view.name == "a␀b"
