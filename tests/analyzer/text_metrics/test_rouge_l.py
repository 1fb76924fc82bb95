"""Words in common in the same order."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.text_metrics.declared import Texts
from analyzer.text_metrics.rouge_l import MAX_TOKENS, ROUGE_L, common_in_order, rouge_l
from analyzer.text_metrics.token_f1 import token_f1
from tests.analyzer.text_metrics.making import alike

words = st.lists(st.sampled_from("abcd"), max_size=150)


def table(first: Sequence[str], second: Sequence[str]) -> int:
    """The longest common subsequence by the usual table (Cormen et al., Introduction to Algorithms, LCS-LENGTH)."""
    above = [0] * (len(second) + 1)
    for a in first:
        row = [0]
        for k, b in enumerate(second):
            row.append(above[k] + 1 if a == b else max(above[k + 1], row[k]))
        above = row
    return above[-1]


@settings(deadline=None)
@given(words, words)
def test_bits_find_what_the_table_finds(first: list[str], second: list[str]) -> None:
    assert common_in_order(first, second) == table(first, second)


@pytest.mark.parametrize(
    ("first", "second", "f"),
    [
        # Lin 2004, section 3.1: of the same words, the one in order is better.
        ("police killed the gunman", "police kill the gunman", 3 / 4),
        ("police killed the gunman", "the gunman kill police", 2 / 4),
        # Of the tests of rouge-score, which agree with ROUGE-1.5.5.
        ("testing one two", "testing one", 4 / 5),
        ("testing one two", "testing two", 4 / 5),
        ("testing one two", "", 0.0),
        ("1 2 3 4 5", "2 5 3 4", 2 * 3 / 9),
        # Halves swapped: six words in common, three of them in order.
        ("alpha beta gamma. delta epsilon zeta.", "Delta epsilon zeta. Alpha beta gamma.", 0.5),
    ],
)
def test_published_examples(first: str, second: str, f: float) -> None:
    assert ROUGE_L.score is not None
    assert ROUGE_L.score(Texts("{}", first, second)) == alike(f)
    assert ROUGE_L.score(Texts("{}", second, first)) == alike(f)


@settings(deadline=None)
@given(words, words)
def test_order_can_only_take_away(first: list[str], second: list[str]) -> None:
    in_order, whatever_order = rouge_l(first, second), token_f1(first, second)
    if in_order is None or whatever_order is None:
        assert in_order is whatever_order is None
    else:
        assert 0 <= in_order <= whatever_order
        assert in_order == 1.0 or first != second


def test_texts_of_more_words_than_the_bound_are_not_compared() -> None:
    assert rouge_l(["a"] * MAX_TOKENS, ["a"] * MAX_TOKENS) == 1.0
    assert rouge_l(["a"] * (MAX_TOKENS + 1), ["a"]) is None
    assert rouge_l(["a"], ["a"] * (MAX_TOKENS + 1)) is None
    assert rouge_l(None, ["a"]) is rouge_l(["a"], None) is rouge_l([], []) is None
