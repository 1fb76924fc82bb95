"""What a call may not do: tell logs what it was sent, or be paid for by another day's budget."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from analyzer.judge.budget import Moment
from tests.analyzer.judge.desk import configuration, desk, judge, quick, until
from tests.analyzer.judge.test_asking import ask, inquiry
from tests.fakes.judge import JudgeUpstream, Reply

D = Decimal


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply("no such key: Bearer sk-secret-1, header s3cret-value", status=401),
         "http_error: status 401: no such key: Bearer [credential], header [credential]"),
        (Reply("cannot read 'It is so.'", status=500), "http_error: status 500"),
    ],
)  # fmt: skip
async def test_why_a_judge_is_away_says_neither_credentials_nor_texts(reply: Reply, said: str) -> None:
    """It goes into logs, and what a server answers may repeat what it was sent."""
    async with JudgeUpstream(lambda call: reply) as upstream:
        model = judge(upstream, api_key="sk-secret-1", headers={"x-gateway": "s3cret-value"})
        async with desk(configuration(model)) as process:
            asker = process.panel.judges["judge-a"]
            async with asyncio.TaskGroup() as group:
                waiting = group.create_task(asker.ask(inquiry(process)))
                await until(lambda: asker.away.is_away)
                waiting.cancel()
            assert asker.away.reason.startswith(said)
            assert "It is so" not in asker.away.reason


async def test_a_call_whose_turn_comes_on_the_next_day_is_taken_back() -> None:
    """Its bound is in the spend of the day before: that day's budget would pay for what another day asks."""
    async with (
        JudgeUpstream(lambda call: Reply.winner("A")) as upstream,
        desk(configuration(judge(upstream))) as process,
    ):
        asker = process.panel.judges["judge-a"]
        around = asker._around

        def now() -> Moment:
            moment = around.now()
            return moment if process.books.ended() else replace(moment, utc=moment.utc + timedelta(days=1))

        asker._around = replace(around, now=now)
        asked = await ask(process)
    assert asked.row.outcome == "ok"
    assert len(upstream.calls) == 1
    taken_back = process.books.ended()[0]
    assert (taken_back.outcome, taken_back.is_final, taken_back.cost_usd) == ("interrupted", False, D(0))
    assert sum((row.committed_usd for row in process.books.calls), D(0)) == upstream.usd
