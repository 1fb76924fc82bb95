"""How far judges agree with people, and people with each other; recorded data give what a direct computation gave."""

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import pytest

from analyzer.quality.agreement import agreement, is_about, rubric_name, verdict_of
from analyzer.stats.agreement import cohens_kappa
from tests.analyzer.quality.making import lines, recorded

RUBRIC = "helpfulness@1a2b3c4d"
SIGNS = {"a": -1.0, "tie": 0.0, "b": 1.0}
"""The second output is the candidate's."""


@dataclass(frozen=True)
class Said:
    """A row of a label or of a judgement."""

    number: int
    who: str
    preference: float | None
    rubric: str = RUBRIC
    candidate: str = "swift"

    @property
    def request_id(self) -> UUID:
        return UUID(int=self.number)

    @property
    def labeler(self) -> str:
        return self.who

    @property
    def judge(self) -> str:
        return self.who


def test_a_judge_with_one_person() -> None:
    """Kappa of Cohen's by hand: agreement 5 of 8, chance (3 x 3 + 2 x 1 + 3 x 4) / 64."""
    people = [1, 1, 1, 1, 0, -1, -1, -1]
    judge = [1.0, 0.5, -0.1, 0.0, 0.0, -1.0, -0.2, 0.7]
    found = agreement(
        [Said(i, "ann", float(x)) for i, x in enumerate(people)], [Said(i, "j", x) for i, x in enumerate(judge)]
    )
    (one,) = found.judges
    assert (one.judge, one.rubric, one.agreement.n, one.agreement.share) == ("j", RUBRIC, 8, 5 / 8)
    assert one.agreement.table == ((2, 0, 1), (0, 1, 1), (1, 0, 2))
    chance = (3 * 3 + 2 * 1 + 3 * 4) / 64
    assert one.agreement.kappa == pytest.approx((5 / 8 - chance) / (1 - chance))
    assert (found.labels, found.pairs, found.people, found.among, found.between) == (8, 8, 1, None, ())


def test_several_people_speak_by_their_most_frequent_verdict() -> None:
    assert verdict_of(Counter({1: 2, -1: 1})) == 1
    assert verdict_of(Counter({1: 1, -1: 1})) == 0
    assert verdict_of(Counter({1: 1, 0: 1})) == 0
    assert verdict_of(Counter({-1: 3})) == -1
    assert verdict_of(Counter()) == 0


def test_what_is_not_about_the_same_is_left_out() -> None:
    labels = [
        Said(1, "ann", 1.0),
        Said(2, "ann", 1.0, rubric="factual_consistency@1a2b3c4d"),
        Said(3, "ann", 1.0, rubric="helpfulness@ffffffff"),
        Said(4, "ann", 1.0, rubric=""),
        Said(5, "ann", None),
        Said(6, "ann", 1.0, candidate="sage"),
    ]
    judged = [
        *(Said(i, "j", 1.0) for i in range(1, 8)),
        Said(1, "", 0.0),  # settled by a free rung
        Said(3, "k", None),  # scores alone
        Said(2, "j", -1.0, rubric="factual_consistency@99999999"),
    ]
    found = agreement(labels, judged)
    assert (found.labels, found.pairs) == (5, 5)
    assert [(one.judge, rubric_name(one.rubric), one.agreement.n, one.agreement.share) for one in found.judges] == [
        ("j", "factual_consistency", 1, 0.0),
        ("j", "helpfulness", 3, 1.0),
    ]
    assert is_about("my rules@v2", "my rules@v2")
    assert not is_about("my rules@v2", "my rules")
    assert rubric_name("my@rules@0a1b2c3d") == "my@rules"


def test_nothing_is_nothing() -> None:
    found = agreement([], [])
    assert (found.labels, found.judges, found.among) == (0, (), None)


def _pandalm() -> list[dict[str, str]]:
    return [json.loads(line) for line in lines("human/pandalm.jsonl.gz")]


def test_three_people_who_compared_seven_hundred_pairs() -> None:
    """PandaLM's annotators and judges: kappas as computed by another program."""
    expected = json.loads(recorded("human/reference_values.json").read_text())["pandalm_dev"]
    rows = _pandalm()
    labels = [Said(i, f"annotator{k}", SIGNS[row[f"annotator{k}"]]) for i, row in enumerate(rows) for k in (1, 2, 3)]
    judged = [
        Said(i, judge, SIGNS[row[judge]])
        for i, row in enumerate(rows)
        for judge in ("judge_gpt35", "judge_pandalm7b")
        if row[judge] in SIGNS
    ]
    found = agreement(labels, judged)
    assert (found.labels, found.pairs, found.people) == (3 * expected["n"], expected["n"], 3)
    assert found.among is not None
    assert found.among.kappa == pytest.approx(expected["fleiss_kappa_3_humans"], abs=1e-9)
    kappas = {(two.first[-1] + two.second[-1]): two.agreement.kappa for two in found.between}
    assert kappas == pytest.approx({pair: expected[f"kappa_{pair}"] for pair in ("12", "13", "23")}, abs=1e-9)


@pytest.mark.parametrize("judge", ["judge_gpt35", "judge_pandalm7b"])
def test_judges_with_the_majority_of_three_people(judge: str) -> None:
    """The reference takes a reply that names no winner for a verdict of its own; here it is missing."""
    expected = json.loads(recorded("human/reference_values.json").read_text())["pandalm_dev"][judge]
    rows = _pandalm()
    labels = [Said(i, f"a{k}", SIGNS[row[f"annotator{k}"]]) for i, row in enumerate(rows) for k in (1, 2, 3)]
    judged = [Said(i, judge, SIGNS[row[judge]]) for i, row in enumerate(rows) if row[judge] in SIGNS]
    (one,) = agreement(labels, judged).judges
    assert one.agreement.n == expected["n"] - expected["n_unparsed"]
    assert one.agreement.share * one.agreement.n == pytest.approx(expected["agreement"] * expected["n"])
    assert one.agreement.table is not None
    with_unparsed = np.zeros((4, 4))
    with_unparsed[:3, :3] = one.agreement.table
    for row in rows:
        if row[judge] not in SIGNS:
            votes = Counter(int(SIGNS[row[f"annotator{k}"]]) for k in (1, 2, 3))
            with_unparsed[3, verdict_of(votes) + 1] += 1
    kappa = cohens_kappa(with_unparsed)
    assert kappa is not None
    assert kappa.value == pytest.approx(expected["kappa_vs_majority"], abs=1e-9)
    if not expected["n_unparsed"]:
        assert one.agreement.kappa == pytest.approx(kappa.value)


def _one_person(labels: dict[str, str], votes: Sequence[tuple[str, str]]) -> tuple[float, float | None, int]:
    """(agreement, kappa, pairs)"""
    numbers = {name: i for i, name in enumerate(labels)}
    said = [Said(numbers[name], "human", SIGNS[label]) for name, label in labels.items()]
    judged = [Said(numbers[name], "j", SIGNS[vote]) for name, vote in votes if vote in SIGNS]
    (one,) = agreement(said, judged).judges
    return one.agreement.share, one.agreement.kappa, one.agreement.n


def test_many_judges_of_llmbar() -> None:
    """Accuracy and kappa of every judge and prompt that was recomputed, with the answers in their first order."""
    items = [json.loads(line) for line in lines("human/llmbar_items.jsonl.gz")]
    labels, subsets = ({item["id"]: item[name] for item in items} for name in ("human", "subset"))
    votes: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for row in csv.DictReader(lines("human/llmbar_judge_votes.csv.gz")):
        votes.setdefault((subsets[row["id"]], row["judge"], row["prompt"]), []).append((row["id"], row["winner_ab"]))
    compared = 0
    for row in csv.DictReader(recorded("human/llmbar_recomputed.csv").read_text().splitlines()):
        key = row["subset"], row["judge"], row["prompt"]
        if key not in votes or int(row["n_unparsed"]):
            continue
        share, kappa, n = _one_person(labels, votes[key])
        assert n == int(row["n"])
        assert 100 * share == pytest.approx(float(row["acc_ab_pct"]), abs=0.05)
        assert kappa == pytest.approx(float(row["kappa_ab_vs_human"]), abs=1e-5)
        compared += 1
    assert compared >= 50


def test_two_judges_of_alpaca_eval_with_each_other() -> None:
    """One judge stands for people: agreement and kappa of verdicts above 0.5, as computed by another program."""
    expected = json.loads(recorded("human/reference_values.json").read_text())["judge_agreement_alpaca_eval"]
    files = {
        "weighted_alpaca_eval": "weighted_alpaca_eval_gpt4_turbo",
        "alpaca_eval_cot_gpt4": "alpaca_eval_cot_gpt4_turbo_fn",
        "alpaca_eval_gpt4_tur": "alpaca_eval_gpt4_turbo_fn",
    }
    said: dict[str, dict[str, dict[str, float]]] = {}
    for short, name in files.items():
        for row in csv.DictReader(lines(f"pairs/annotations/{name}.csv.gz")):
            if row["preference"]:
                said.setdefault(short, {}).setdefault(row["model_b"], {})[row["id"]] = float(row["preference"]) - 1.5
    for pair, of in expected.items():
        model, judges = pair.split(": ")
        first, second = (said[judge][model] for judge in judges.split(" vs "))
        names = [name for name in first if name in second and first[name] and second[name]]
        found = agreement(
            [Said(i, "human", first[name]) for i, name in enumerate(names)],
            [Said(i, "j", second[name]) for i, name in enumerate(names)],
        )
        (one,) = found.judges
        assert one.agreement.n == of["n"]
        assert one.agreement.share == pytest.approx(of["agreement"])
        assert one.agreement.kappa == pytest.approx(of["cohen_kappa"])
