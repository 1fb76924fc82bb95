"""The judge is killed while it asks; `make kills ARGS="--judge --kills 30"` for the long form."""

from pathlib import Path

from tests.kills.judge_run import JUDGE, kill_often

KILLS = 3
PAIRS = 90
SEED = 3


async def test_whenever_the_judge_is_killed_every_pair_is_judged_once_and_no_budget_is_broken(tmp_path: Path) -> None:
    """By the judge model's own bill: what was paid twice was in flight at a kill, and the store never knows of less."""
    report = await kill_often(tmp_path, kills=KILLS, pairs=PAIRS, seed=SEED)
    found = report.findings
    assert found.shown() == []
    assert report.kills[JUDGE] >= 1
    assert report.in_flight > 0
    assert found.judged + found.settled + found.refused == 2 * PAIRS
    assert found.judged > PAIRS
    assert report.bill_at_first_budget_usd <= report.first_budget_usd < report.bill_usd <= report.committed_usd
