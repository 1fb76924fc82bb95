"""AlpacaEval's recorded annotations, asked anew over HTTP: the report's win rates are the published ones."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.fakes.judge import JudgeUpstream
from tests.fakes.judged_pairs import Asked, fill
from tests.judged import alpaca
from tests.judged.answering import Recorded
from tests.judged.asked import alpaca_requests, named
from tests.judged.judging import Judged, opened
from tests.judged.recordings import annotations, discrete_win_rates, first_shown, published
from tests.judged.reported import metric, of, reported

WAVES: Mapping[str, Sequence[str]] = {
    "weighted": ("claude-2",),
    "cot": ("gpt4",),
    "turbo": ("Mixtral-8x7B-Instruct-v0.1",),
    "gpt4": ("vicuna-13b",),
}
"""Judge -> models; `python -m bench.judge --recorded` asks about all 20 whose texts are here."""


async def test_the_win_rates_of_four_judges_are_the_published_ones(tmp_path: Path) -> None:
    """Each asked in the order in which it was then: the worker, its prompts and its reading of verdicts are in between.

    What a judge failed at is left out, as it was. Of the one with probabilities the published rate is the mean
    preference.
    """
    now = datetime.now(UTC)
    recorded = Recorded()
    waves: dict[str, dict[str, Asked]] = {}
    with opened(tmp_path) as judged:
        async with JudgeUpstream(recorded) as upstream:
            for number, (judge, models) in enumerate(WAVES.items()):
                begin = now - timedelta(days=len(WAVES) - number)
                waves[judge] = await _wave(judged, upstream, recorded, judge, models, begin, now)
        assert recorded.strange == []
        assert upstream.refused == []
        await asyncio.to_thread(_compare, judged, now - timedelta(days=len(WAVES) + 1), waves)


async def _wave(
    judged: Judged,
    upstream: JudgeUpstream,
    recorded: Recorded,
    judge: str,
    models: Sequence[str],
    begin: datetime,
    now: datetime,
) -> dict[str, Asked]:
    requests = alpaca_requests(judge, models, begin)
    alpaca.add_recorded(recorded, judge, models, requests)
    await asyncio.to_thread(fill, judged.store, list(requests.values()))
    pairs = judged.rows("SELECT count() AS n FROM pairs")[0]["n"]
    await judged.judge(alpaca.configured(judged.directory, judge, upstream, begin, now), int(pairs))
    return requests


def _compare(judged: Judged, since: datetime, waves: Mapping[str, Mapping[str, Asked]]) -> None:
    combinations = [(judge, model) for judge, models in WAVES.items() for model in models]
    result = reported(judged.reader(), since, tuple(named(*one) for one in combinations))
    for judge, model in combinations:
        line, found = published()[judge, model], of(result, named(judge, model))
        preference = metric(found, "judge_preference", "mean")
        assert preference.candidate is not None
        rate = 100 * (1 + preference.candidate) / 2
        assert rate == pytest.approx(alpaca.win_rate(judge, model, waves[judge]), abs=1e-4)
        assert rate == pytest.approx(line.win_rate, abs=1e-4), (judge, model)
        assert preference.n == sum(said.preference is not None for said in annotations(judge)[model].values())
        won = metric(found, "win_rate", "win_rate").candidate
        assert won is not None
        assert 100 * won == pytest.approx(discrete_win_rates(judge)[model], abs=1e-9)
        _compare_places(judged, judge, model)


def _compare_places(judged: Judged, judge: str, model: str) -> None:
    """How often the answer shown first won, of the decided."""
    (row,) = judged.rows(
        """
        SELECT countIf(preference_pc < 0 OR preference_cp > 0) AS first, countIf(preference != 0) AS decided
        FROM judgements WHERE candidate = {candidate:String} AND rung = 'judge' AND order_probability = 0.5
            AND isNull(preference_pc) != isNull(preference_cp)
        """,
        candidate=named(judge, model),
    )
    said = [
        (one.preference < 0) == first_shown()[one.item] for one in annotations(judge)[model].values() if one.preference
    ]
    assert row["decided"] == len(said)
    assert row["first"] == sum(said)
    if (share := published()[judge, model].first_shown) is not None:
        assert row["first"] / row["decided"] == pytest.approx(share, abs=1e-4)
