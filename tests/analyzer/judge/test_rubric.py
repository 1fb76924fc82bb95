"""Rubrics: shipped ones, one's own, and what is wrong with files."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from analyzer.judge.rubric import HIGHEST, LOWEST, MAX_BYTES, Rubric, RubricError, load
from config.judge import SHIPPED_RUBRICS, Judge

OWN = """\
name: tone
title: Friendly tone
criteria:
  - name: Warmth
    text: It sounds like a person
      who likes people.
scale:
  10: As warm as it gets.
  1: Cold.
"""


def written(folder: Path, text: str, name: str = "tone.yaml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", SHIPPED_RUBRICS)
def test_shipped_rubrics_are_whole(name: str) -> None:
    rubric = load(name)
    assert rubric.name == name
    assert rubric.id == f"{name}@{rubric.digest[:8]}"
    assert len(rubric.digest) == 64
    assert len(rubric.criteria) >= 4
    assert rubric.pairwise
    assert rubric.pointwise
    scores = [score for score, _ in rubric.scale]
    assert scores == sorted(set(scores))
    assert (scores[0], scores[-1]) == (LOWEST, HIGHEST)
    assert Judge(rubric=name).rubric == name


def test_only_the_one_about_the_context_bars_other_knowledge() -> None:
    assert {name for name in SHIPPED_RUBRICS if load(name).context_only} == {"factual_consistency"}


def test_an_own_rubric_is_read_as_it_is_meant(tmp_path: Path) -> None:
    rubric = load(written(tmp_path, OWN))
    assert rubric.title == "Friendly tone"
    assert rubric.criteria[0].text == "It sounds like a person who likes people."
    assert rubric.scale == ((1, "Cold."), (10, "As warm as it gets."))
    assert (rubric.pairwise, rubric.pointwise, rubric.context_only) == ("", "", False)


def test_the_version_follows_the_words_and_not_the_file(tmp_path: Path) -> None:
    plain = load(written(tmp_path, OWN))
    values = yaml.safe_load(OWN)
    other_form = "# a comment\n" + yaml.safe_dump(values, default_flow_style=True, width=1_000)
    assert load(written(tmp_path, other_form)).id == plain.id
    for changed in (OWN.replace("Cold", "Icy"), OWN.replace("Friendly", "Kind"), OWN + "context_only: true\n"):
        assert load(written(tmp_path, changed)).id != plain.id


def test_every_part_of_a_rubric_is_in_its_version() -> None:
    rubric = load("helpfulness")
    changes: list[Rubric] = [
        replace(rubric, name="other"),
        replace(rubric, title="other"),
        replace(rubric, criteria=rubric.criteria[1:]),
        replace(rubric, pairwise=""),
        replace(rubric, pointwise=""),
        replace(rubric, scale=rubric.scale[1:]),
        replace(rubric, context_only=True),
    ]
    assert len({rubric.digest, *(changed.digest for changed in changes)}) == 1 + len(changes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "tone.yaml: is empty; it needs at least `name"),
        ("- a", "tone.yaml:1: holds no settings"),
        ("name: [", "tone.yaml:1: not readable as YAML"),
        (OWN.replace("title", "titel"), "tone.yaml: title: is required (and 1 more)"),
        (OWN + "pairwice: x\n", "tone.yaml:10: pairwice: unknown key; did you mean 'pairwise'?"),
        (OWN.replace("name: tone", "name: Tone"), "tone.yaml:1: name: use lower-case letters"),
        (OWN.replace("title: Friendly tone", "title: ''"), "tone.yaml:2: title: write a text that is not empty"),
        (OWN.replace("title: Friendly tone", "title: 3"), "tone.yaml:2: title: write a text"),
        (OWN.replace("    text: It", "    words: It"), "tone.yaml:4: criteria[0].text: is required"),
        (OWN.replace("  10:", "  11:"), "tone.yaml:7: scale: 11 is no score; they go from 1 to 10"),
        (OWN.replace("  10:", "  ten:"), "tone.yaml:8: scale.ten: 'ten' does not fit; write a whole number"),
        (OWN.replace("Cold", "${HOME}"), "tone.yaml:9: scale.1: the environment variable HOME is not set"),
        (OWN.replace("Cold.", '"\\ud800"'), "tone.yaml:9: scale.1: holds a control character"),
        (OWN + "title: again\n", "tone.yaml:10: title: stands twice"),
        ("name: tone\ntitle: x\ncriteria: []\n", "tone.yaml:3: criteria: write 1 to 32 criteria"),
        (OWN + "pairwise: " + "[" * 5_000, "tone.yaml"),
        (OWN + "# " + "x" * MAX_BYTES, "tone.yaml: is larger than 64 KiB"),
    ],
)
def test_each_fault_is_one_line_with_file_line_and_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RubricError) as caught:
        load(written(tmp_path, text))
    message = str(caught.value)
    assert "\n" not in message
    assert message.removeprefix(f"{tmp_path}/").startswith(said)
    assert caught.value.faults


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RubricError, match=r"none\.yaml: cannot be read: No such file"):
        load(str(tmp_path / "none.yaml"))
    with pytest.raises(RubricError, match="cannot be read"):
        load(f"{tmp_path}/")


def test_an_unknown_name_is_told_what_there_is() -> None:
    with pytest.raises(
        RubricError, match="nice: is no rubric; write helpfulness, factual_consistency, instruction_follo"
    ):
        load("nice")
