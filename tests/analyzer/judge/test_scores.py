"""Metrics of texts: for every pair, once, whatever judges do; and those that take embeddings."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from analyzer.judge.books import Known
from analyzer.judge.embedding import Embedding
from analyzer.judge.scores import ScoreWorker
from analyzer.judge.walk import Walk
from analyzer.text_metrics.token_f1 import token_f1
from analyzer.text_metrics.tokens import tokens
from runtime.offload import Offload
from store.judging.pair import Pair
from tests.analyzer.judge.desk import Desk, configuration, desk, quick, until
from tests.analyzer.judge.fake_books import FakeBooks
from tests.analyzer.judge.made import START, pair
from tests.fakes.judge import JudgeUpstream

NOTHING = Known(frozenset(), {})


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)


def traffic(n: int, name: str = "cand") -> list[Pair]:
    return [
        replace(pair("one two three", f"one two {k}", request_id=uuid4(), name=name), ts=START + timedelta(seconds=k))
        for k in range(n)
    ]


@contextlib.asynccontextmanager
async def scoring(process: Desk, end: datetime | None = None) -> AsyncIterator[ScoreWorker]:
    offload = Offload("scores of a test")

    async def until_end(_: datetime) -> datetime:
        return end or START + timedelta(days=1)

    worker = ScoreWorker(
        process.shared,
        [metric for metric in process.plan.metrics if not metric.needs_vectors],
        Walk(process.books, START, until_end),
        max_age=timedelta(days=10_000),
        offload=offload,
    )
    running = asyncio.get_running_loop().create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        await asyncio.wait_for(running, 10)
        offload.close()


async def test_every_pair_is_scored_by_every_metric_the_controls_too() -> None:
    books = FakeBooks([*traffic(40), *traffic(10, "control")])
    config = configuration(metrics=["token_f1", "rouge_l"])
    async with desk(config, books) as process, scoring(process) as worker:
        await until(lambda: not worker.is_behind)
        assert worker.taken_until == START + timedelta(days=1)
    assert len(books.scores) == 100
    assert {row.metric for row in books.scores} == {"token_f1", "rouge_l"}
    for row in books.scores:
        made = next(p for p in books.pairs if p.request_id == row.request_id)
        if row.metric == "token_f1":
            assert row.score_candidate == token_f1(tokens(made.primary.text), tokens(made.answer.text))
        assert (row.inclusion_probability, row.score_primary, row.candidate) == (1.0, None, made.candidate)
    assert process.shared.figures.scores == 100


async def test_what_was_scored_is_not_scored_again() -> None:
    books = FakeBooks(traffic(20))
    config = configuration(metrics=["token_f1"])
    async with desk(config, books) as process:
        async with scoring(process) as worker:
            await until(lambda: not worker.is_behind)
        async with scoring(process) as worker:
            await until(lambda: not worker.is_behind)
        assert len(books.scores) == 20
        async with desk(configuration(metrics=["token_f1", "rouge_l"]), books) as more, scoring(more) as worker:
            await until(lambda: not worker.is_behind)
    assert len({(row.request_id, row.metric) for row in books.scores}) == 40


async def test_a_metric_that_fails_is_named_once_and_takes_no_other_with_it() -> None:
    def broken(_: Any) -> Any:
        raise ZeroDivisionError("no words")

    books = FakeBooks(traffic(5))
    async with desk(configuration(metrics=["token_f1", "rouge_l"]), books) as process:
        metrics = (process.plan.metrics[0], replace(process.plan.metrics[1], score=broken))
        process.plan = replace(process.plan, metrics=metrics)
        async with scoring(process) as worker:
            await until(lambda: not worker.is_behind)
        said = process.said.text()
    assert {row.metric for row in books.scores} == {"token_f1"}
    assert said.count("a metric of texts fails") == 1
    assert "ZeroDivisionError: no words" in said


def embedding(process: Desk) -> Embedding:
    settings, asker = process.plan.judge.embeddings, process.panel.embeddings
    assert settings is not None
    assert asker is not None
    return Embedding(
        process.plan.judge,
        settings,
        [metric for metric in process.plan.metrics if metric.needs_vectors],
        asker,
        journal=process.shared.journal,
        now=process.shared.around.now,
        on_error=process.shared.fault,
    )


def with_embeddings(upstream: JudgeUpstream, **more: Any) -> Any:
    endpoint = {"url": upstream.url, "model": "embedder", "price": upstream.price.configured()}
    return configuration(metrics=["embedding_similarity"], embeddings=endpoint, **more)


async def score(process: Desk, made: Pair, known: Known = NOTHING) -> str | None:
    work = embedding(process)
    wanted = work.look(made, known, set())
    return None if wanted is None else await asyncio.wait_for(work.score(wanted), 10)


async def test_similarity_is_the_cosine_of_two_embeddings_that_were_paid_for() -> None:
    """The played endpoint counts words: two of three are common, so the cosine is 2/3."""
    async with JudgeUpstream() as upstream, desk(with_embeddings(upstream)) as process:
        assert await score(process, pair("one two three", "one two four")) == "embedded"
        (row,) = process.books.scores
        asked, ended = process.books.calls
    assert row.score_candidate == pytest.approx(2 / 3)
    assert (row.metric, row.score_primary, row.inclusion_probability) == ("embedding_similarity", None, 1.0)
    assert (ended.judge, ended.rubric, ended.kind, ended.outcome) == ("", "", "embedding", "ok")
    assert ended.verdict == row.score_candidate
    assert ended.cost_usd == upstream.usd > Decimal(0)
    assert asked.committed_usd > upstream.usd


async def test_the_same_text_needs_no_embedding() -> None:
    async with JudgeUpstream() as upstream, desk(with_embeddings(upstream, sample=0)) as process:
        assert await score(process, pair("same", "same", name="control")) == "embedded"
        assert await score(process, pair("same", "other")) is None
        (row,) = process.books.scores
    assert (row.score_candidate, row.inclusion_probability, upstream.calls) == (1.0, 1.0, [])


async def test_embeddings_are_drawn_like_pairs_for_judges() -> None:
    async with JudgeUpstream() as upstream, desk(with_embeddings(upstream, sample=0.25)) as process:
        work = embedding(process)
        made = [pair("one", "two", request_id=uuid4(), name=name) for _ in range(400) for name in ("a", "control")]
        drawn = [one for one in made if work.look(one, NOTHING, set()) is not None]
        await score(process, drawn[0])
    assert 120 < len(drawn) < 290
    assert {one.candidate for one in drawn} == {"a", "control"}
    assert process.books.scores[0].inclusion_probability == 0.25


async def test_an_embedding_that_was_paid_for_is_not_paid_for_again() -> None:
    """A process died between the answer and its row: the call's row knows the similarity."""
    async with JudgeUpstream() as upstream, desk(with_embeddings(upstream)) as process:
        made = pair("one two three", "one two four")
        await score(process, made)
        before = process.books.scores[0]
        known = Known(frozenset(), {(made.request_id, made.candidate): process.books.ended()})
        await score(process, made, known)
        after = process.books.scores[1]
    assert len(upstream.calls) == 1
    assert replace(after, scored_at=before.scored_at) == before


async def test_what_was_scored_is_not_embedded_again() -> None:
    async with JudgeUpstream() as upstream, desk(with_embeddings(upstream)) as process:
        made = pair("one", "two")
        scored = {(made.request_id, made.candidate, "embedding_similarity")}
        assert embedding(process).look(made, NOTHING, scored) is None
        assert embedding(process).look(pair("", "two"), NOTHING, set()) is None
