"""What recorded judges said of LLMBar's and PandaLM's pairs, against what people said, as published and as computed."""

import asyncio
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from analyzer.quality.agreement import agreement, stored_judgements
from analyzer.quality.results import Agreement
from config.model import Config
from store.judging.labels import labels, pairs_of, to_label, write_labels
from store.judging.rows import LabelRow
from store.locate import StoreConnection
from store.writer import Writer
from tests.fakes.judge import JudgeUpstream
from tests.fakes.judge_role import configuration
from tests.fakes.judged_pairs import fill
from tests.judged.answering import Recorded
from tests.judged.asked import SEED
from tests.judged.judging import Judged, opened
from tests.judged.people import (
    CANDIDATE,
    LLMBAR_JUDGES,
    LLMBAR_PROMPT,
    LLMBAR_SUBSETS,
    Item,
    add_recorded,
    llmbar,
    pandalm,
)
from tests.judged.recordings import data, rows
from tests.judged.reported import metric, of, reported

_LABELLED = 150
_JUDGED = """
SELECT request_id, judge, rubric, preference, preference_pc, preference_cp, rung FROM judgements WHERE rung = 'judge'
"""


async def _judge(judged: Judged, items: Mapping[str, Item], judges: Sequence[str], *, both: bool) -> None:
    """All items by all judges, over HTTP, each in the recorded order or orders."""
    recorded = Recorded()
    add_recorded(recorded, items, both=both)
    async with JudgeUpstream(recorded) as upstream:
        await asyncio.to_thread(fill, judged.store, [item.asked for item in items.values()])
        same = sum(item.asked.primary.split() == item.asked.answers[CANDIDATE].split() for item in items.values())
        expected = same + (len(items) - same) * len(judges)
        await judged.judge(_configured(judged.directory, upstream, judges, both=both), expected)
    assert recorded.strange == []
    assert upstream.refused == []


def _configured(directory: Path, upstream: JudgeUpstream, judges: Sequence[str], *, both: bool) -> Config:
    models = [
        {
            "name": judge.lower(),
            "url": upstream.url,
            "model": judge,
            "price": upstream.price.configured(),
            "max_in_flight": 32,
            "attempts": 1,
        }
        for judge in judges
    ]
    return configuration(directory, models, orders="both" if both else "random", seed=SEED)


def _label(judged: Judged, items: Mapping[str, Item], rubric: str) -> None:
    """Everything that people said, as an import would store it."""
    places = pairs_of(judged.reader(), [item.asked.request_id for item in items.values()])
    said = [
        LabelRow(
            place.request_id, place.ts, place.candidate, place.experiment, place.block, place.bucket, place.labels,
            who, rubric, preference, None, None, None, "", datetime.now(UTC).replace(microsecond=0),
        )
        for item in items.values()
        for place in [places[item.asked.request_id, CANDIDATE]]
        for who, preference in item.people.items()
    ]  # fmt: skip
    writer = Writer(StoreConnection(judged.store, access="writer"))
    try:
        write_labels(writer, said)
    finally:
        writer.close()


async def test_in_both_orders_a_judge_is_as_accurate_and_as_consistent_as_was_published(tmp_path: Path) -> None:
    """LLMBar, two judges as a panel: per subset, the share that agrees with people in each order, and with itself."""
    items = llmbar(datetime.now(UTC) - timedelta(hours=2))
    with opened(tmp_path) as judged:
        await _judge(judged, items, LLMBAR_JUDGES, both=True)
        said = {(row["request_id"], row["judge"]): row for row in await asyncio.to_thread(judged.rows, _JUDGED)}
        for line in rows(data() / "human" / "llmbar_published_accuracy.csv"):
            if line["judge"] in LLMBAR_JUDGES and line["prompt"] == LLMBAR_PROMPT and line["subset"] in LLMBAR_SUBSETS:
                _compare_published(line, items, said)
        (rubric,) = {row["rubric"] for row in said.values()}
        await asyncio.to_thread(_compare_corrected, judged, items, rubric)


def _compare_corrected(judged: Judged, items: Mapping[str, Item], rubric: str) -> None:
    """With some pairs labelled, in the order of the labelling page: what people would say of all, by its formula."""
    since, until = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC)
    chosen = to_label(judged.reader(), since, until, CANDIDATE, labeler="human", rubric=rubric, limit=_LABELLED)
    labelled = {listed.request_id for listed in chosen}
    _label(judged, {name: item for name, item in items.items() if item.asked.request_id in labelled}, rubric)
    found = of(reported(judged.reader(), since, (CANDIDATE,)), CANDIDATE)
    quality, row = found.quality, metric(found, "judge_preference", "corrected")
    assert quality is not None
    (corrected,) = (one for one in quality.corrected if one.metric == "judge_preference")
    assert corrected.weight is not None
    settled, judge, people = _values(judged, items, labelled)
    others = np.array([judge[request] for request in judge.keys() - labelled])
    of_judge, of_people = np.array([[judge[r], people[r]] for r in labelled]).T
    best = np.cov(of_people, of_judge, bias=True)[0, 1] / (1 + len(labelled) / len(others)) / np.var([*judge.values()])
    assert corrected.weight == pytest.approx(best, abs=0.01)
    mean = corrected.weight * others.mean() + (of_people - corrected.weight * of_judge).mean()
    assert row.candidate == pytest.approx(mean * len(judge) / (len(judge) + settled), abs=1e-9)
    assert row.n == len(labelled) == _LABELLED
    assert row.interval is not None
    assert row.primary is not None
    truth = float(np.mean([item.people["human"] for item in items.values()]))
    assert row.interval.low < truth < row.interval.high
    assert quality.basis == "corrected"


def _values(
    judged: Judged, items: Mapping[str, Item], labelled: Collection[UUID]
) -> tuple[int, dict[UUID, float], dict[UUID, float]]:
    """Pairs settled without a judge; request -> mean of the judges, and what people said of labelled ones."""
    (settled,) = judged.rows("SELECT count() AS n FROM judgements WHERE rung != 'judge'")
    by_request: dict[UUID, list[float]] = {}
    for row in judged.rows(_JUDGED):
        by_request.setdefault(row["request_id"], []).append(row["preference"])
    people = {i.asked.request_id: i.people["human"] for i in items.values() if i.asked.request_id in labelled}
    return int(settled["n"]), {request: float(np.mean(of)) for request, of in by_request.items()}, people


def _compare_published(
    line: Mapping[str, str], items: Mapping[str, Item], said: Mapping[Any, Mapping[str, Any]]
) -> None:
    mine = [item for item in items.values() if item.subset == line["subset"]]
    assert len(mine) == int(line["n"])
    found = [(item.people["human"], said[item.asked.request_id, line["judge"].lower()]) for item in mine]
    for column, published in (("preference_pc", "published_acc_ab_pct"), ("preference_cp", "published_acc_ba_pct")):
        share = np.mean([row[column] == human for human, row in found])
        assert 100 * share == pytest.approx(float(line[published]), abs=1e-9), line
    consistent = np.mean([row["preference_pc"] == row["preference_cp"] for _, row in found])
    assert 100 * consistent == pytest.approx(float(line["published_order_consistency_pct"]), abs=1e-9), line


async def test_people_and_a_judge_agree_as_a_direct_computation_has_it(tmp_path: Path) -> None:
    """PandaLM: three people, and a judge that was asked in one order and sometimes gave no verdict."""
    items = pandalm(datetime.now(UTC) - timedelta(hours=2))
    with opened(tmp_path) as judged:
        await _judge(judged, items, ["gpt35"], both=False)
        said = {row["request_id"]: row for row in await asyncio.to_thread(judged.rows, _JUDGED)}
        assert len(said) == sum(item.judges["gpt35"][0] is not None for item in items.values())
        for item in items.values():
            if (recorded := item.judges["gpt35"][0]) is not None:
                assert said[item.asked.request_id]["preference"] == recorded
        (rubric,) = {row["rubric"] for row in said.values()}
        await asyncio.to_thread(_label, judged, items, rubric)
        await asyncio.to_thread(_compare_agreement, judged, items)


def _compare_agreement(judged: Judged, items: Mapping[str, Item]) -> None:
    """The command's figures, and the report's, against counts by hand and the kappas that the recordings came with."""
    reference = json.loads((data() / "human" / "reference_values.json").read_text())["pandalm_dev"]
    since, until = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC)
    found = agreement(labels(judged.reader(), since, until), stored_judgements(judged.reader().columns, since, until))
    assert (found.labels, found.pairs, found.people) == (3 * len(items), len(items), 3)
    between = {(one.first[-1], one.second[-1]): one.agreement for one in found.between}
    for (first, second), of_two in between.items():
        assert of_two.kappa == pytest.approx(reference[f"kappa_{first}{second}"], abs=1e-12)
        assert of_two.n == len(items)
    assert found.among is not None
    assert found.among.kappa == pytest.approx(reference["fleiss_kappa_3_humans"], abs=1e-12)
    (judge,) = found.judges
    told = [
        (item.judges["gpt35"][0], _majority(item)) for item in items.values() if item.judges["gpt35"][0] is not None
    ]
    _compare_kappa(judge.agreement, told)
    # The recordings' own figure takes an answer without a verdict for a wrong one; here it is missing.
    right = sum(said == people for said, people in told)
    assert right / len(items) == pytest.approx(reference["judge_gpt35"]["agreement"], abs=1e-12)
    quality = of(reported(judged.reader(), since, (CANDIDATE,)), CANDIDATE).quality
    assert quality is not None
    (one,) = quality.judges
    assert one.agreement is not None
    _compare_kappa(one.agreement, told)
    assert one.failed is not None
    assert (one.failed.count, one.failed.n) == (len(items) - len(told), len(items))


def _majority(item: Item) -> float:
    (most, _), *_ = Counter(item.people.values()).most_common(1)
    return most


def _compare_kappa(said: Agreement, told: Sequence[tuple[float | None, float]]) -> None:
    """Cohen's kappa, from its definition."""
    n = len(told)
    right = sum(judge == people for judge, people in told) / n
    ours, theirs = (Counter(row[side] for row in told) for side in (0, 1))
    chance = sum(ours[value] * theirs[value] for value in (-1.0, 0.0, 1.0)) / n**2
    assert said.n == n
    assert said.share == pytest.approx(right, abs=1e-12)
    assert said.kappa == pytest.approx((right - chance) / (1 - chance), abs=1e-12)
