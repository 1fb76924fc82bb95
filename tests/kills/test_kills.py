"""A few kills, one of each kind; `make kills` for a hundred."""

from pathlib import Path

from tests.kills.run import kill_often

KILLS = 8
SEED = 4


async def test_whatever_is_killed_every_answer_is_recorded_once_and_every_loss_is_counted(tmp_path: Path) -> None:
    """Worker, recorder, store, two at once, everything: by the client's list nothing is missing and nothing doubled."""
    report = await kill_often(tmp_path, kills=KILLS, seed=SEED)
    assert report.findings.shown() == []
    assert report.audit_exit == 0, report.audit_text
    assert "spend" in report.compared
    assert report.kills.total() == len(report.kills) == KILLS
    assert report.findings.due > 500
    assert report.cut > 0
