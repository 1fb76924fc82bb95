"""Words in common, whatever their order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.text_metrics.declared import Texts
from analyzer.text_metrics.token_f1 import TOKEN_F1, token_f1
from tests.analyzer.text_metrics.making import alike

words = st.lists(st.sampled_from("abcde"), max_size=12)


def by_hand(first: list[str], second: list[str]) -> float:
    """The harmonic mean of precision and recall; common words are crossed out one by one."""
    left, common = list(second), 0
    for word in first:
        if word in left:
            left.remove(word)
            common += 1
    if not common:
        return 0.0
    precision, recall = common / len(first), common / len(second)
    return 2 * precision * recall / (precision + recall)


@settings(deadline=None)
@given(words, words)
def test_it_is_the_harmonic_mean_of_precision_and_recall(first: list[str], second: list[str]) -> None:
    found = token_f1(first, second)
    if not first and not second:
        assert found is None
    else:
        assert found == pytest.approx(by_hand(first, second))
        assert found == token_f1(second, first)


@pytest.mark.parametrize(
    ("first", "second", "f1"),
    [
        ("Paris, France", "paris", 2 / 3),  # precision 1/2, recall 1
        ("a a b", "a b b", 2 / 3),  # each word as often as both have it
        ("b a", "a b", 1.0),
        ("one", "two", 0.0),
        ("", "two", 0.0),
    ],
)
def test_closed_forms(first: str, second: str, f1: float) -> None:
    assert TOKEN_F1.score is not None
    assert TOKEN_F1.score(Texts("{}", first, second)) == alike(f1)


@pytest.mark.parametrize("texts", [("", ""), ("!?", "..."), ("a" * 500_000, "a"), ("a", "a" * 500_000)])
def test_without_words_or_with_too_many_nothing_is_known(texts: tuple[str, str]) -> None:
    assert TOKEN_F1.score is not None
    assert TOKEN_F1.score(Texts("{}", *texts)) is None
