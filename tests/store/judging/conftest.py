"""Pairs, texts and what judges made of them, in the store that all tests share; asked with the reader's account."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from clickhouse_connect.driver.client import Client

from config.model import Store
from store import tables
from store.judging.due import Listed
from store.judging.rows import CallRow, JudgementRow, LabelRow, Row, ScoreRow, write
from store.locate import StoreConnection
from store.migrate import migrate
from store.reader import Reader
from store.rollups.tables import BLOCKS
from store.writer import Writer
from tests.analyzer.rows import as_values

NOW = datetime.now(UTC)
BEGIN = NOW.replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
UNTIL = NOW + timedelta(hours=1)
RUBRIC = "helpfulness@00c0ffee"
_numbers = itertools.count()
_EMPTIED = (
    tables.PAIRS,
    tables.PAYLOADS,
    tables.JUDGEMENTS,
    tables.LABELS_HUMAN,
    tables.JUDGE_CALLS,
    tables.JUDGE_SPEND,
    tables.JUDGE_PROGRESS,
    tables.JUDGES,
    tables.TEXT_SCORES,
    BLOCKS,
)


def uuid7_at(ts: datetime, low: int | None = None) -> UUID:
    """An id with the time of its request; the random bits, or `low` in their place."""
    random = uuid4().int & ((1 << 62) - 1) if low is None else low
    return UUID(int=int(ts.timestamp() * 1000) << 80 | 0x7 << 76 | 0b10 << 62 | random)


def pair(ts: datetime = BEGIN, candidate: str = "llama", **values: Any) -> dict[str, Any]:
    """A row of `pairs` of which both arms answered."""
    return {
        "request_id": values.pop("request_id", None) or uuid7_at(ts),
        "ts": ts,
        "candidate": candidate,
        "experiment": f"e-{candidate}",
        "conversation": 7,
        "block": ts.replace(second=0, microsecond=0),
        "bucket": 7,
        "endpoint": "chat/completions",
        "labels": {"tenant": "acme"},
        "primary_outcome": "ok",
        "candidate_outcome": "ok",
        "primary_model": "gpt-x",
        "candidate_model": "llama-3",
        **values,
    }


def listed_of(row: dict[str, Any]) -> Listed:
    """The same as it is listed."""
    return Listed(
        row["request_id"],
        row["ts"],
        row["candidate"],
        row["experiment"],
        row["block"],
        row["bucket"],
        row["labels"],
        row["endpoint"],
        not row.get("capture_truncated", False),
        row.get("exact_match"),
        row["primary_model"],
        row["candidate_model"],
        row.get("primary_valid_json"),
        row.get("candidate_valid_json"),
    )


def call_row(of: Listed, **values: Any) -> CallRow:
    """A row of a call that was asked at `NOW` for at most 0.05 dollars."""
    made = CallRow(
        request_id=of.request_id, ts=of.ts, candidate=of.candidate, experiment=of.experiment, labels=of.labels,
        call=uuid4(), stage="asked", judge="judge-a", rubric=RUBRIC, kind="verdict", question="pairwise_pc",
        attempt=1, outcome="", is_final=False, verdict=None, inclusion_probability=0.2, model="", input_tokens=None,
        output_tokens=None, cost_usd=None, committed_usd=Decimal("0.05"), asked_at=NOW.replace(microsecond=0),
        latency_ms=None, rationale="",
    )  # fmt: skip
    return replace(made, **values)


def ended(asked: CallRow, cost: str | None = "0.02", **values: Any) -> CallRow:
    """How that call ended: by a verdict, unless it is said otherwise."""
    known = None if cost is None else Decimal(cost)
    return replace(
        asked,
        **{
            "stage": "ended", "outcome": "ok", "is_final": True, "verdict": 1.0, "model": "judge-1", "cost_usd": known,
            "committed_usd": Decimal(0) if known is None else known - asked.committed_usd, "latency_ms": 300.5, **values
        },
    )  # fmt: skip


def judgement(of: Listed, **values: Any) -> JudgementRow:
    """A judge has preferred the candidate."""
    made = JudgementRow(
        request_id=of.request_id, ts=of.ts, candidate=of.candidate, experiment=of.experiment, block=of.block,
        bucket=of.bucket, labels=of.labels, judge="judge-a", rubric=RUBRIC, rung="judge", mode="pairwise",
        preference=1.0, preference_pc=1.0, preference_cp=1.0, score_primary=None, score_candidate=None,
        inclusion_probability=0.2, temperature=0.0, seed=None, rationale="Clearer.", cost_usd=Decimal("0.04"),
        judged_at=NOW, order_probability=None, judge_model="judge-1",
    )  # fmt: skip
    return replace(made, **values)


def settled(of: Listed) -> JudgementRow:
    """A free rung has settled it."""
    return judgement(of, judge="", rubric="", rung="equal", mode="", preference=0.0, preference_pc=None,
                     preference_cp=None, inclusion_probability=1.0, rationale="", cost_usd=Decimal(0),
                     temperature=None, judge_model="")  # fmt: skip


def score(of: Listed, metric: str, value: float | None, **values: Any) -> ScoreRow:
    """A comparison of both answers."""
    made = ScoreRow(of.request_id, of.ts, of.candidate, of.experiment, of.block, of.bucket, of.labels, metric, None,
                    value, 1.0, NOW)  # fmt: skip
    return replace(made, **values)


def label(of: Listed, labeler: str = "ada", **values: Any) -> LabelRow:
    """A person has preferred the primary."""
    made = LabelRow(of.request_id, of.ts, of.candidate, of.experiment, of.block, of.bucket, of.labels, labeler, RUBRIC,
                    -1.0, None, None, None, "Shorter.", NOW)  # fmt: skip
    return replace(made, **values)


class Filled:
    """The store: filled with the writer's account, asked with the reader's."""

    def __init__(self, connection: StoreConnection, reader: Client) -> None:
        self.connection = connection
        self.writer = Writer(connection)
        self.reader = Reader(reader)

    def pairs(self, *rows: dict[str, Any], texts: bool = True) -> list[Listed]:
        """Pairs, and the texts of both sides; as they are listed."""
        self.writer.insert("pairs", as_values(tables.PAIRS, rows), f"judging-{next(_numbers)}")
        found = [listed_of(row) for row in rows]
        if texts:
            self.texts(found)
        return found

    def texts(self, of: Sequence[Listed], sides: Sequence[str] = ("primary", "candidate")) -> None:
        """What was asked and answered, once for each request and side."""
        rows: dict[tuple[UUID, str], dict[str, Any]] = {}
        for one in of:
            for kind in sides:
                side = one.candidate if kind == "candidate" else kind
                rows[one.request_id, side] = {
                    "request_id": one.request_id,
                    "ts": one.ts,
                    "side": side,
                    "request": f'{{"of":"{one.request_id}"}}' if kind == "primary" else "",
                    "response": f"{side} says {one.request_id}",
                    "tool_calls": "[]" if kind == "primary" else "",
                }
        self.writer.insert("payloads", as_values(tables.PAYLOADS, list(rows.values())), f"judging-{next(_numbers)}")

    def write(self, *rows: Row) -> None:
        """Under a token of their own."""
        write(self.writer, rows, f"judging-{next(_numbers)}")


@pytest.fixture
def filled(shared_store: Store, reader: Client) -> Iterator[Filled]:
    connection = StoreConnection(shared_store, access="writer")
    client = connection.client()
    migrate(client, client.database or "")
    for table in _EMPTIED:
        client.command(f"TRUNCATE TABLE {table.name}")
    yield Filled(connection, reader)
    connection.drop()
