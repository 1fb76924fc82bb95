"""Common words against the textbook's table, and what of them is kept for who reads."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.dashboard.pairs.alignment import MAX_WORDS, Same, aligned

_words = st.lists(st.sampled_from(["a", "b", "c", "the", "cat", ",", "."]), max_size=40)


def length_of_common(left: Sequence[str], right: Sequence[str]) -> int:
    """Wagner and Fischer's table, cell by cell."""
    row = [0] * (len(right) + 1)
    for one in left:
        before = 0
        for j, other in enumerate(right, 1):
            before, row[j] = row[j], before + 1 if one == other else max(row[j], row[j - 1])
    return row[-1]


@given(_words, _words)
def test_as_long_as_can_be(left: list[str], right: list[str]) -> None:
    assert aligned(left, right).common == length_of_common(left, right)


@given(_words, _words)
def test_what_is_same_is_the_same_and_in_order(left: list[str], right: list[str]) -> None:
    found = aligned(left, right)
    at = (0, 0)
    for run in found.same:
        assert run.length > 0
        assert run.left >= at[0]
        assert run.right >= at[1]
        assert (run.left, run.right) != at or (run is found.same[0] and at == (0, 0)), "neighbours are one run"
        assert left[run.left : run.left + run.length] == right[run.right : run.right + run.length]
        at = run.left + run.length, run.right + run.length
    assert at[0] <= len(left)
    assert at[1] <= len(right)


@given(_words)
def test_a_text_and_itself(words: list[str]) -> None:
    found = aligned(words, words)
    assert found.same == ((Same(0, 0, len(words)),) if words else ())
    assert found.common == len(words)


def split(text: str, other: str) -> str:
    """The left text with what is only there in brackets."""
    left, right = text.split(), other.split()
    kept = {i for run in aligned(left, right).same for i in range(run.left, run.left + run.length)}
    return " ".join(word if i in kept else f"[{word}]" for i, word in enumerate(left))


@pytest.mark.parametrize(
    ("left", "right", "shown"),
    [
        ("the red house is big", "the blue house is big", "the [red] house is big"),
        ("the quick brown fox jumps", "a fast brown dog jumps", "[the] [quick] brown [fox] jumps"),
        ("one two", "three four", "[one] [two]"),
        ("", "anything", ""),
        # A common word that is lost between changes larger than itself is no help.
        (
            "Paris lies on the Seine and has museums",
            "Lyon stands between two rivers on hills",
            "[Paris] [lies] [on] [the] [Seine] [and] [has] [museums]",
        ),
        # Three in a row are a phrase.
        (
            "Everybody knows that it is true indeed",
            "Whatever people say it is true always",
            "[Everybody] [knows] [that] it is true [indeed]",
        ),
    ],
)
def test_as_people_read_it(left: str, right: str, shown: str) -> None:
    assert split(left, right) == shown


def test_very_long_texts_are_compared_up_to_a_point() -> None:
    left = ["same"] * 50 + [f"left {i}" for i in range(MAX_WORDS + 5)] + ["end"]
    right = ["same"] * 50 + [f"right {i}" for i in range(20)] + ["end"]
    found = aligned(left, right)
    assert found.left == 50 + MAX_WORDS
    assert found.right == 50 + 21
    assert found.same == (Same(0, 0, 50),)
    assert aligned(right, left).right == 50 + MAX_WORDS


def test_texts_without_end_are_bounded_work() -> None:
    """Ten thousand words of each, however many there are, and a table of some megabytes."""
    left = [f"word {i % 997}" for i in range(1, 500_000)]
    right = [f"word {i * 7 % 1009}" for i in range(500_000)]
    found = aligned(left, right)
    assert (found.left, found.right) == (MAX_WORDS, MAX_WORDS)
    assert found.common > 0
