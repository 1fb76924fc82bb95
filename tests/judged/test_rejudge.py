"""A window judged anew by another rubric: what it was to cost, what it cost, and what the report goes by afterwards."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

from analyzer.judge.rejudge import Asked, Progress, Rejudge
from tests.fakes.judge import JudgeUpstream
from tests.fakes.judge_role import configuration
from tests.judged.hostile import CANDIDATE, FINE, HONEST, Moody, asked, fill
from tests.judged.judging import opened
from tests.judged.reported import of, reported


async def test_a_window_is_judged_anew_within_its_estimate_and_the_report_goes_by_the_new_rubric(
    tmp_path: Path,
) -> None:
    """Every candidate's pair once in both orders; asked for a second time there is nothing left to do."""
    requests = {name: one for name, one in asked().items() if name.startswith("fine")}
    now, seen = datetime.now(UTC), list[Progress]()
    with opened(tmp_path) as judged:
        async with JudgeUpstream(Moody()) as upstream:
            await asyncio.to_thread(fill, judged.store, requests)
            model = {"name": "two", "model": HONEST, "url": upstream.url, "price": upstream.price.configured()}
            config = configuration(tmp_path, [model], sample=0.25)
            await judged.judge(config, 0, until_so=lambda: bool(judged.rows("SELECT 1 FROM judgements LIMIT 1")))
            before, charged = len(upstream.calls), upstream.usd
            window = Asked(now - timedelta(hours=2), now, rubric="instruction_following", takes_all=True)
            async with Rejudge(config, window, mock.Mock()) as run:
                estimate = await run.estimate()
                outcome = await run.run(estimate.pairs, seen.append)
            async with Rejudge(config, window, mock.Mock()) as run:
                again = await run.run((await run.estimate()).pairs, seen.append)
            usd = upstream.usd - charged
        rows = judged.rows("SELECT request_id, inclusion_probability AS p FROM judgements WHERE rubric LIKE 'instr%'")
        quality = of(reported(judged.reader(), now - timedelta(hours=2), (CANDIDATE,)), CANDIDATE).quality
    assert (estimate.pairs, estimate.to_judge, estimate.questions) == (FINE, FINE, 2 * FINE)
    assert estimate.usd_low <= usd <= estimate.usd_high
    assert outcome.why_stopped is None
    assert (outcome.judged, outcome.failed, outcome.left) == (FINE, 0, 0)
    assert outcome.calls == len(upstream.calls) - before == 2 * FINE
    assert outcome.usd == usd
    assert (again.judged, again.calls, again.known) == (0, 0, FINE)
    assert seen[-1].pairs == FINE
    assert len({row["request_id"] for row in rows}) == len(rows) == FINE
    assert {row["p"] for row in rows} == {1.0}
    assert quality is not None
    assert quality.rubric.startswith("instruction_following@")
    assert quality.judges[0].judgements == FINE
