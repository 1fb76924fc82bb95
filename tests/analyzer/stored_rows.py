"""What a store is filled with to be asked by `StoredPairs`: old and recent pairs, skips, judgements."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from analyzer.figures import GroupTable
from analyzer.reading import Setting
from analyzer.source import Window
from tests.analyzer.rows import START
from tests.store.rollups.conftest import made, made_skips

Row = Mapping[str, Any]
HOUR = timedelta(hours=1)
NOW = datetime.now(UTC)
RECENT = NOW.replace(minute=0, second=0, microsecond=0) - timedelta(hours=13)
"""Nothing of these twelve hours is old enough to be merged."""
OLD_DAY = START.replace(hour=0)
OLD = OLD_DAY + 6 * HOUR
CAP_MS = 700.0
SETTING = Setting(block_s=60.0, caps_ms={"swift": CAP_MS})
WINDOW = Window(OLD_DAY, OLD_DAY + timedelta(days=1))


def _rows(begin: datetime, experiment: str, seed: int) -> list[Row]:
    """Pairs of which some took longer than the cap, and some timed out after their first token."""
    rows = made(700, seed=seed, experiment=experiment, begin=begin)
    for i, row in enumerate(rows):
        if row["primary_outcome"] == "timeout" and i % 2:
            row["primary_ttft_ms"] = 40.0 + i
        if row["candidate_outcome"] == "timeout" and i % 3:
            row["candidate_ttft_ms"] = 2 * CAP_MS
        row["ts"] += timedelta(microseconds=i)
    return list(rows)


OLD_ROWS, OLD_SKIPS = _rows(OLD, "e-old", 11), made_skips(40, seed=12, experiment="e-old")
for _skip in OLD_SKIPS:
    _shift = OLD - (RECENT if _skip["ts"] >= RECENT else OLD)
    _skip["ts"], _skip["block"] = _skip["ts"] + _shift, _skip["block"] + _shift
NEW_ROWS = _rows(RECENT, "e-new", 13)


def _judgement(row: Row, judge: str, preference: float | None, minute: int, **more: Any) -> dict[str, Any]:
    same = ("request_id", "ts", "candidate", "experiment", "block", "bucket", "labels")
    return {
        **{name: row[name] for name in same},
        "judge": judge,
        "rubric": "helpful@1",
        "rung": "judge",
        "mode": "pairwise",
        "preference": preference,
        "inclusion_probability": 0.25 if row["bucket"] % 2 else 0.5,
        "judged_at": OLD + timedelta(days=1, minutes=minute),
        **more,
    }


def _judged() -> list[dict[str, Any]]:
    made_ = []
    for i, row in enumerate(OLD_ROWS[:120]):
        scores = {"score_primary": 3.0 + i % 3, "score_candidate": 4.0 - i % 2} if i % 4 else {}
        made_.append(_judgement(row, "a", [1.0, 0.0, -1.0, -0.5][i % 4], 1, **scores))
        if i % 5 == 0:  # a second judge
            made_.append(_judgement(row, "b", 1.0, 1))
        if i % 7 == 0:  # judged anew: the older row counts no more
            made_.append(_judgement(row, "a", -1.0, 0, score_primary=9.0, score_candidate=9.0))
    return made_


JUDGED = _judged()


def by_key(table: GroupTable) -> dict[int, dict[str, int]]:
    """Group -> its sums that are not 0."""
    groups = {key: {n: values[i] for n, values in table.sums.items() if values[i]} for i, key in enumerate(table.keys)}
    return {key: sums for key, sums in groups.items() if sums}


def nonzero(totals: Mapping[str, int]) -> dict[str, int]:
    """Without what is 0."""
    return {name: value for name, value in totals.items() if value}
