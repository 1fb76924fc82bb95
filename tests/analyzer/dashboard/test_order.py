"""Who stands first: half and half, each person for themselves, and always the same."""

from uuid import UUID

import pytest

from analyzer.dashboard.labelling.order import Choice, choice_of, is_candidate_first, preference_of
from tests.analyzer.dashboard.made import request_id

IDS = [request_id("order", n) for n in range(4_000)]


def firsts(labeler: str, candidate: str = "swift") -> list[bool]:
    return [is_candidate_first(labeler, one, candidate) for one in IDS]


def test_each_answer_stands_first_in_half_of_the_pairs() -> None:
    """4,000 draws: four standard deviations are 127."""
    for labeler in ("Ada", "Grace", "李", ""):
        assert abs(sum(firsts(labeler)) - 2_000) < 127


def test_people_and_candidates_are_drawn_for_themselves() -> None:
    """Two independent draws agree in half of the pairs."""
    ada = firsts("Ada")
    for other in (firsts("Grace"), firsts("Ada", "sage"), firsts("Adas", "wift")):
        assert abs(sum(a == b for a, b in zip(ada, other, strict=True)) - 2_000) < 127


def test_the_same_pair_is_always_shown_alike() -> None:
    assert is_candidate_first("Ada", UUID(int=1), "swift") is is_candidate_first("Ada", UUID(int=1), "swift")
    # Labels do not say who stood first: another order would turn those that are sent again.
    fixed = "".join("01"[is_candidate_first("Ada", UUID(int=n), "swift")] for n in range(24))
    assert fixed == "001111111011011101101011"


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("choice", ["first", "second", "tie"])
def test_a_choice_becomes_a_preference_and_back(choice: Choice, first: bool) -> None:
    assert choice_of(preference_of(choice, is_candidate_first=first), is_candidate_first=first) == choice


def test_positive_is_for_the_candidate() -> None:
    assert preference_of("first", is_candidate_first=True) == 1.0
    assert preference_of("first", is_candidate_first=False) == -1.0
    assert preference_of("second", is_candidate_first=False) == 1.0
    assert preference_of("tie", is_candidate_first=True) == 0.0
    assert choice_of(None, is_candidate_first=True) is None
