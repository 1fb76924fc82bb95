"""Strata of pairs by how alike their answers are."""

import pytest

from analyzer.judge.similarity import STRATA, similarity, stratum, stratum_of
from tests.analyzer.judge.made import pair


@pytest.mark.parametrize(
    ("primary", "candidate", "alike", "place"),
    [
        ("one two", "three four", 0.0, 0),
        ("one two three four", "one five six seven", 0.25, 1),  # 2 * 1 / 8
        ("one two", "one three", 0.5, 2),
        ("one two three four", "one two three five", 0.75, 3),
        ("One, two!", "two one", 1.0, 3),
        ("one", "", 0.0, 0),
        ("", "...", None, None),
    ],
)
def test_an_edge_belongs_to_the_next_stratum(
    primary: str, candidate: str, alike: float | None, place: int | None
) -> None:
    assert similarity(pair(primary, candidate)) == alike
    assert stratum(pair(primary, candidate)) == place


def test_there_are_as_many_as_are_counted() -> None:
    assert {stratum_of(step / 100) for step in range(101)} == set(range(STRATA))
