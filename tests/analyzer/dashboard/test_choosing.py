"""What can be labelled, and what of it a person asked for."""

from datetime import timedelta
from pathlib import Path

import pytest

from analyzer.dashboard.pages.choosing import choices, known_rubrics, why_nothing
from analyzer.judge.rubric import load
from config.judge import SHIPPED_RUBRICS
from config.model import Store
from store.judging.standing import JudgedBy
from tests.analyzer.dashboard.made import NOW, RUBRIC, configuration

JUDGED = [
    JudgedBy("swift", "own@11111111", 40, NOW),
    JudgedBy("swift", RUBRIC, 10, NOW - timedelta(hours=1)),
    JudgedBy("gone", RUBRIC, 7, NOW - timedelta(hours=2)),
    JudgedBy("control", RUBRIC, 7, NOW - timedelta(hours=2)),
]
CONFIG = configuration(Store())


@pytest.mark.parametrize(
    ("candidate", "rubric", "chosen"),
    [
        (None, None, ("swift", "own@11111111", 40)),
        ("swift", RUBRIC, ("swift", RUBRIC, 10)),
        ("gone", "own@11111111", ("gone", RUBRIC, 7)),
        ("quick", RUBRIC, ("quick", None, 0)),
        ("nobody", "nothing", ("swift", "own@11111111", 40)),
        ("control", RUBRIC, ("swift", RUBRIC, 10)),
    ],
)
def test_what_was_asked_for_is_chosen_else_the_newest(
    candidate: str | None, rubric: str | None, chosen: tuple[str, str | None, int]
) -> None:
    found = choices(CONFIG, JUDGED, {RUBRIC: "Helpfulness"}, candidate, rubric)
    assert (found.candidate, found.rubric, found.all_pairs) == chosen


def test_candidates_stand_as_configured_and_those_that_went_come_last() -> None:
    found = choices(CONFIG, JUDGED, {RUBRIC: "Helpfulness"}, None, None)
    assert found.candidates == (("swift", 40), ("sage", 0), ("quick", 0), ("gone", 7))
    assert found.rubrics == (("own@11111111", "own@11111111"), (RUBRIC, "Helpfulness"))


def test_rubrics_at_hand_are_known_by_their_id_and_a_file_that_went_is_not(tmp_path: Path) -> None:
    known = known_rubrics(CONFIG)
    assert {rubric.name for rubric in known.values()} == set(SHIPPED_RUBRICS)
    assert known[RUBRIC] == load("helpfulness")
    lost = CONFIG.judge.model_copy(update={"rubric": str(tmp_path / "lost.yaml")}) if CONFIG.judge else None
    assert known_rubrics(CONFIG.model_copy(update={"judge": lost})) == known


def test_nothing_to_label_has_a_reason_and_a_remedy() -> None:
    def why(**values: object) -> str:
        config = CONFIG.model_copy(update=values)
        return why_nothing(config, choices(config, [], {}, None, None))

    assert "Name one in `candidates`" in why(candidates=())
    assert "Set it to redacted or full" in why(privacy=CONFIG.privacy.model_copy(update={"bodies": "none"}))
    assert "name one in judge.models" in why(judge=None)
    assert "None of the pairs of swift" in why()
