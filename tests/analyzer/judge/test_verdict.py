"""What a judge said, and how sure it was."""

import itertools
import json
import math
from collections.abc import Mapping
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.judge.question import Failure, Form, Verdict, recorded
from analyzer.judge.verdict import verdict_of, with_logprobs
from tests.analyzer.judge.made import json_values, nested, texts

POINTWISE: tuple[Form, ...] = ("pointwise_primary", "pointwise_candidate")
PAIRWISE: tuple[Form, ...] = tuple(form for form in get_args(Form) if form not in POINTWISE)


@pytest.mark.parametrize("form", PAIRWISE)
@pytest.mark.parametrize(("winner", "value"), [("A", 1), ("B", -1), ("tie", 0), (" a ", 1), ("TIE", 0)])
def test_a_winner_is_a_verdict_about_the_first(form: Form, winner: str, value: float) -> None:
    assert verdict_of(form, json.dumps({"rationale": "why", "winner": winner})) == Verdict(value, "why")


def test_what_is_stored_is_positive_for_the_candidate_and_for_the_honest_answer() -> None:
    """The first is better: with the primary first that speaks against the candidate."""
    assert [recorded(form, 1.0) for form in PAIRWISE] == [-1.0, 1.0, -1.0, 1.0]
    assert [recorded(form, 7.0) for form in POINTWISE] == [7.0, 7.0]


@pytest.mark.parametrize("form", POINTWISE)
@pytest.mark.parametrize(("score", "value"), [("1", 1), ("10", 10), ("7.0", 7), ("1e1", 10)])
def test_a_whole_score_is_a_verdict(form: Form, score: str, value: float) -> None:
    assert verdict_of(form, f'{{"rationale": "why", "score": {score}}}') == Verdict(value, "why")


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"rationale": "why", "winner": "B"}\n```',
        '```\n{"rationale": "why", "winner": "B"}```',
        '\n ```JSON \r\n{"rationale": "why", "winner": "B"}\r\n``` \n',
        '<think>A is nice. {"winner": "A"}</think>\n{"rationale": "why", "winner": "B"}',
        '<think></think>```json\n{"winner": "B", "rationale": "why", "confidence": 3}\n```',
    ],
)
def test_a_fence_and_thoughts_are_passed_over(text: str) -> None:
    assert verdict_of("pairwise_pc", text) == Verdict(-1, "why")


def test_a_rationale_may_be_missing_and_is_never_unstorable() -> None:
    assert verdict_of("pairwise_pc", '{"winner": "A"}') == Verdict(1, "")
    assert verdict_of("pairwise_pc", '{"rationale": "\\ud800\\ud83d\\ude00", "winner": "A"}') == Verdict(1, "\ufffd😀")


@pytest.mark.parametrize(
    "text",
    [
        "", "A", '"A"', "[]", "null", "The winner is A.", '{"winner": "A"', '{"winner": "A"} and more',
        'Sure: {"winner": "A"}', '{"winner": "C"}', '{"winner": "A and B"}', '{"winner": null}', '{"winner": ["A"]}',
        '{"verdict": "A"}', '{"winner": "A", "winner": "B"}', '{"winner": "A", "rationale": 3}', "{'winner': 'A'}",
        '```json\n{"winner": "A"}\n```\n```json\n{"winner": "B"}\n```', '```python\n{"winner": "A"}\n```',
        '```{"winner": "A"}```', "```", '<think>{"winner": "A"}', '{"winner": "A", "p": NaN}', nested(100_000),
        nested(100_000, "{"), '{"winner": "A", "n": ' + "9" * 5_000 + "}",
    ],
)  # fmt: skip
def test_anything_else_is_no_verdict(text: str) -> None:
    failure = verdict_of("pairwise_cp", text)
    assert isinstance(failure, Failure)
    assert failure.reason == "unparsable"
    assert "\n" not in failure.detail


@pytest.mark.parametrize(
    "score", ["0", "11", "7.5", "-1", '"7"', "true", "null", "[7]", "1e400", "NaN", "9" * 400, "Infinity"]
)
def test_no_score_is_guessed(score: str) -> None:
    assert isinstance(verdict_of("pointwise_primary", f'{{"rationale": "", "score": {score}}}'), Failure)


def test_the_word_for_another_question_is_no_answer() -> None:
    assert isinstance(verdict_of("pointwise_primary", '{"winner": "A"}'), Failure)
    assert isinstance(verdict_of("pairwise_pc", '{"score": 7}'), Failure)


def test_why_there_is_no_verdict_repeats_nothing_of_the_answer() -> None:
    for text in ('{"winner": "the secret"}', '{"rationale": ["the secret"]}', "the secret"):
        failure = verdict_of("pairwise_pc", text)
        assert isinstance(failure, Failure)
        assert "secret" not in failure.detail


@settings(deadline=None)
@given(st.sampled_from(get_args(Form)), texts | json_values.map(json.dumps))
def test_no_text_makes_it_fail(form: Form, text: str) -> None:
    said = verdict_of(form, text)
    assert isinstance(said, Failure) or (said.value.is_integer() and said.rationale.encode() is not None)


@pytest.mark.parametrize(
    "trap", ["```json\n", "```", " ", "\n", "{", '{"winner":', '"winner" : "', "<think>", "</think>"]
)
def test_long_answers_are_read_in_one_pass(trap: str) -> None:
    text = trap * (1_000_000 // len(trap))
    for hostile in (text, "```json\n" + text, text + "```", "<think>" + text):
        assert isinstance(verdict_of("pairwise_pc", hostile), Failure)
    assert with_logprobs([token(text, 0.5)], '{"winner": "A"}') is None


def token(text: str, chance: float, others: Mapping[str, float] | None = None, **more: Any) -> dict[str, Any]:
    """As OpenAI lists it: the likeliest tokens of a place are listed with it, the chosen one usually among them."""
    top = [{"token": word, "logprob": math.log(p), "bytes": list(word.encode())} for word, p in (others or {}).items()]
    return {"token": text, "logprob": math.log(chance), "bytes": list(text.encode()), "top_logprobs": top, **more}


TEXT = '{"rationale": "A says \\"winner\\": \\"B\\".", "winner": "A"}'
BEGIN, END = TEXT[: -len('A"}')], '"}'


def test_a_preference_is_what_the_odds_say() -> None:
    tokens = [token(BEGIN, 1), token("A", 0.6, {"A": 0.6, "B": 0.3, "tie": 0.1}), token(END, 1)]
    assert with_logprobs(tokens, TEXT) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("cut", "others"),
    [
        (("", "A", '"}'), {"A": 0.6, "B": 0.3, "tie": 0.1}),
        (("", 'A"}', ""), {'A"}': 0.6, 'B"}': 0.3, 'tie"': 0.1}),
        ((' "', "A", '"}'), {"A": 0.6, "B": 0.2, "b": 0.1, "t": 0.1}),
        (("", ' "A', '"}'), {' "A': 0.5, '"A': 0.1, ' "B': 0.3, ' "ti': 0.1}),
        (("", '": "A"', "}"), {'": "A"': 0.6, '":"B"': 0.3, '": "tie"': 0.1}),
        (("", ' "A', '"}'), {' "A': 0.6, ' "B': 0.3, ' "tie': 0.1, ' "': 0.2, " [": 0.1, ' "Answer': 0.1}),
    ],
)
def test_the_word_may_be_cut_in_any_way(cut: tuple[str, str, str], others: dict[str, float]) -> None:
    """Tokens that begin before the word, hold its quotes, or only its first letters; what names nobody is left out."""
    before, word, behind = cut
    begin = TEXT[: len(TEXT) - len(word + behind) - len(before)]
    assert begin + before + word + behind == TEXT
    around = [[token(piece, 1)] if piece else [] for piece in (begin, before, behind)]
    tokens = [*around[0], *around[1], token(word, others[word], others), *around[2]]
    assert with_logprobs(tokens, TEXT) == pytest.approx(0.6 - 0.3)


def test_a_word_that_begins_with_one_letter_may_still_be_a_tie() -> None:
    text = '{"winner": "tie"}'
    tokens = [token('{"winner": "', 1), token("t", 0.5, {"t": 0.5, "A": 0.25, "B": 0.25}), token('ie"}', 1)]
    assert with_logprobs(tokens, text) == 0
    tokens[1] = token("t", 0.5, {"t": 0.5, "A": 0.5})
    assert with_logprobs(tokens, text) == 0.5
    # What is closed behind one letter is a word of its own, and names nobody.
    tokens[1] = token("t", 0.5, {"t": 0.5, 't"': 0.25, "A": 0.5})
    assert with_logprobs(tokens, text) == 0.5


def test_no_probability_is_above_one() -> None:
    tokens = [
        token(BEGIN, 1),
        {"token": "A", "logprob": 1e9, "top_logprobs": [{"token": "B", "logprob": 0}]},
        token(END, 1),
    ]
    assert with_logprobs(tokens, TEXT) == 0


def test_a_chosen_word_that_is_not_among_the_likeliest_counts_too() -> None:
    tokens = [token(BEGIN, 1), token("A", 0.1, {"B": 0.5}), token(END, 1)]
    assert with_logprobs(tokens, TEXT) == pytest.approx((0.1 - 0.5) / 0.6)


@settings(deadline=None)
@given(st.lists(st.integers(1, len(TEXT) - 1), unique=True).map(sorted))
def test_the_rest_of_the_text_may_be_cut_anywhere(cuts: list[int]) -> None:
    """Whatever holds the word lists `A` as certain; no other token's odds are looked at."""
    edges = [0, *cuts, len(TEXT)]
    pieces = [TEXT[a:b] for a, b in itertools.pairwise(edges)]
    assert with_logprobs([token(piece, 1, {piece: 1.0}) for piece in pieces], TEXT) == 1


def test_a_character_that_is_cut_in_two_is_put_together() -> None:
    text = '{"rationale": "é", "winner": "B"}'
    left, right = text.split("é")
    halves = [{"token": "\\xc3", "bytes": [0xC3], "logprob": 0.0}, {"token": "\\xa9", "bytes": [0xA9], "logprob": 0.0}]
    before, behind = right[: -len('B"}')], '"}'
    tokens = [token(left, 1), *halves, token(before, 1), token("B", 0.9, {"A": 0.1, "B": 0.9}), token(behind, 1)]
    assert with_logprobs(tokens, text) == pytest.approx(-0.8)


@pytest.mark.parametrize(
    "tokens",
    [
        [],
        [token('{"winner": "B"}', 1)],  # says something else than the text
        [token('{"winner": "', 1)],
        [token('{"x": {"winner": "A"}, "winner": "A"}', 1)],  # which of them?
        [token(BEGIN, 1), {"token": "A", "logprob": "high"}, token(END, 1)],
        [token(BEGIN, 1), {"token": "A", "logprob": math.nan, "top_logprobs": 3}, token(END, 1)],
        [token(BEGIN, 1), {"token": "A", "logprob": -math.inf}, token(END, 1)],
        [token(BEGIN, 1), {"token": "A", "logprob": -(10**400)}, token(END, 1)],
        ["text", None, 3],
    ],
)
def test_where_the_odds_are_not_clear_there_are_none(tokens: Any) -> None:
    assert with_logprobs(tokens, TEXT) is None


def test_a_verdict_that_is_none_has_no_odds() -> None:
    tokens = [token(BEGIN, 1), token("A", 1, {"A": 1.0}), token(END, 1)]
    assert with_logprobs(tokens, TEXT + " and more") is None
    assert with_logprobs(tokens, '{"score": 7}') is None


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["token", "logprob", "bytes", "top_logprobs"]), json_values | st.lists(
    st.dictionaries(st.sampled_from(["token", "logprob", "bytes"]), json_values, max_size=3), max_size=3), max_size=4),
    max_size=3))  # fmt: skip
def test_no_list_makes_it_fail(noise: list[dict[str, Any]]) -> None:
    """Whatever a server lists: a number from -1 to 1, or none."""
    for place in range(len(noise) + 1):
        told = [token(BEGIN, 1), *noise[:place], token("A", 0.5, {"B": 0.5}), *noise[place:], token(END, 1)]
        found = with_logprobs(told, TEXT)
        assert found is None or -1 <= found <= 1
