"""All recorded comparisons whose texts are here, as rows of judgements: length, places and win rates as published."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from analyzer.results import CandidateStudy, Study
from config.model import Store
from store.judging.rows import JudgementRow, write
from store.locate import StoreConnection
from store.writer import Writer
from tests.fakes.judged_pairs import Asked, fill, pair_rows
from tests.judged import alpaca
from tests.judged.asked import alpaca_requests, named
from tests.judged.judging import opened
from tests.judged.recordings import JUDGES, annotations, first_shown, is_same, outputs, published
from tests.judged.reported import metric, of, reported

OUTPUTS = (
    "FuseChat-Llama-3.1-8B-Instruct",
    "Mixtral-8x7B-Instruct-v0.1",
    "alpaca-7b",
    "claude-2",
    "gpt-3.5-turbo-0301",
    "gpt4",
    "gpt4_1106_preview",
    "llama-2-70b-chat-hf",
    "text_davinci_003",
    "vicuna-13b",
)
"""Models whose outputs are here."""
_RUBRIC = "helpfulness@00000000"
_IDENTITY = ("request_id", "ts", "candidate", "experiment", "block", "bucket", "labels")
_MOVES = 2.0
"""Points by which published raw and length-controlled win rates differ at least, to be compared with ours."""
Requests = Mapping[str, Mapping[str, Asked]]


def _models(judge: str) -> list[str]:
    return [model for model in OUTPUTS if model in annotations(judge)]


@pytest.fixture(scope="module")
def requests() -> Requests:
    """Judge -> item -> the reference's and all models' outputs; each judge has a time of its own."""
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=20)
    return {
        judge: alpaca_requests(judge, _models(judge), begin + number * timedelta(hours=1))
        for number, judge in enumerate(JUDGES)
    }


@pytest.fixture(scope="module")
def result(requests: Requests, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Study]:
    """Judge -> what the report says of the models that it judged."""
    directory = tmp_path_factory.mktemp("length")
    with opened(directory) as judged:
        for judge, items in requests.items():
            fill(judged.store, list(items.values()), has_texts=False)
            _write(judged.store, [row for item, one in items.items() for row in _rows(judge, item, one)])
        since = datetime.now(UTC) - timedelta(days=1)
        return {
            judge: reported(judged.reader(), since, tuple(named(judge, model) for model in _models(judge)))
            for judge in requests
        }


def _write(store: Store, rows: Sequence[JudgementRow]) -> None:
    writer = Writer(StoreConnection(store, access="writer"))
    try:
        for begin in range(0, len(rows), 2000):
            write(writer, rows[begin : begin + 2000], f"{rows[0].request_id} {begin}")
    finally:
        writer.close()


def _rows(judge: str, item: str, one: Asked) -> Iterator[JudgementRow]:
    """As the worker would write them: a free rung for what is equal, the judge for the rest, nothing for failures."""
    is_first = first_shown()[item]
    for pair in pair_rows(one):
        model = pair["candidate"].removesuffix(f" by {judge}")
        said = annotations(judge)[model].get(item)
        is_equal = is_same(one.primary, one.answers[pair["candidate"]])
        if said is None or (said.preference is None and not is_equal):
            continue
        preference = 0.0 if is_equal else said.preference
        yield JudgementRow(
            **{name: pair[name] for name in _IDENTITY},
            judge="" if is_equal else judge,
            rubric="" if is_equal else _RUBRIC,
            rung="equal" if is_equal else "judge",
            mode="" if is_equal else "pairwise",
            preference=preference,
            preference_pc=preference if is_first and not is_equal else None,
            preference_cp=None if is_first or is_equal else preference,
            score_primary=None,
            score_candidate=None,
            inclusion_probability=1.0,
            temperature=None if is_equal else 0.0,
            seed=None,
            rationale="",
            cost_usd=Decimal(0),
            judged_at=pair["ts"],
            order_probability=None if is_equal else 0.5,
            judge_model="" if is_equal else alpaca.model_of(judge),
        )  # fmt: skip


def _combinations(requests: Requests) -> Iterator[tuple[str, str]]:
    for judge in requests:
        for model in _models(judge):
            yield judge, model


def _length_controlled(found: CandidateStudy) -> float | None:
    assert found.quality is not None
    (judge,) = found.quality.judges
    assert judge.length is not None
    return judge.length.controlled


def test_where_published_length_control_moves_a_win_rate_ours_moves_it_the_same_way(
    requests: Requests, result: Mapping[str, Study]
) -> None:
    """All models whose texts are here and whose two published rates are more than two points apart.

    Theirs has terms for single instructions, fitted over models that are not here, so the figures themselves differ.
    """
    compared = 0
    for judge, model in _combinations(requests):
        line = published()[judge, model]
        if line.win_rate is None or line.length_controlled is None:
            continue
        theirs = line.length_controlled - line.win_rate
        ours = _length_controlled(of(result[judge], named(judge, model)))
        if abs(theirs) > _MOVES and ours is not None:
            compared += 1
            assert (100 * ours - line.recomputed) * theirs > 0, (judge, model, line, ours)
    assert compared >= 11


def test_every_recorded_win_rate_is_what_a_direct_computation_gives(
    requests: Requests, result: Mapping[str, Study]
) -> None:
    """Of 20 models and judges; equal answers are ties here, which one old judge was asked about all the same."""
    combinations = list(_combinations(requests))
    assert len(combinations) == 20
    as_published = 0
    for judge, model in combinations:
        row = metric(of(result[judge], named(judge, model)), "judge_preference", "mean")
        assert row.candidate is not None
        rate = 100 * (1 + row.candidate) / 2
        assert rate == pytest.approx(alpaca.win_rate(judge, model, requests[judge]), abs=1e-6)
        as_published += rate == pytest.approx(published()[judge, model].recomputed, abs=1e-5)
    assert as_published >= 14


def test_how_often_the_answer_shown_first_won_is_as_recorded(requests: Requests, result: Mapping[str, Study]) -> None:
    """A judge's liking for a place: from 40 % to 63 % here. Where a recorded order is known."""
    for judge, model in _combinations(requests):
        quality = of(result[judge], named(judge, model)).quality
        assert quality is not None
        (position,) = quality.judges[0].position
        assert position.orders == "random"
        decided = [
            (said.preference < 0) == first_shown()[item]
            for item, said in annotations(judge)[model].items()
            if said.preference and item in requests[judge] and _is_shown(requests[judge][item], judge, model)
        ]
        assert position.first_share is not None
        assert (position.first, position.second) == (sum(decided), len(decided) - sum(decided))
        if (share := published()[judge, model].first_shown) is not None and len(outputs(model)) == len(outputs("gpt4")):
            assert position.first_share.value == pytest.approx(share, abs=1e-4)


def _is_shown(one: Asked, judge: str, model: str) -> bool:
    answer = one.answers.get(named(judge, model))
    return answer is not None and not is_same(one.primary, answer)


def test_rungs_verdicts_and_the_raw_win_rate_add_up(requests: Requests, result: Mapping[str, Study]) -> None:
    for judge, model in _combinations(requests):
        quality = of(result[judge], named(judge, model)).quality
        assert quality is not None
        (one,) = quality.judges
        rungs = dict(quality.rungs)
        equal = sum(is_same(a.primary, a.answers[named(judge, model)]) for a in requests[judge].values()
                    if named(judge, model) in a.answers)  # fmt: skip
        assert rungs.get("equal", 0) == equal
        assert rungs["judge"] == one.judgements == one.wins + one.ties + one.losses
        assert one.win_rate is not None
        assert one.win_rate.value == pytest.approx((one.wins + one.ties / 2) / one.judgements)
