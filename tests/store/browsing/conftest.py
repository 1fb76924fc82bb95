"""Pairs of three candidates, what judges and people said of them, and texts, in the store that all tests share."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from config.model import Store
from store import tables
from store.judging.rows import JudgementRow, LabelRow, write
from store.locate import StoreConnection, close, connect
from store.migrate import migrate
from store.reader import Reader
from store.rollups.tables import ROLLUPS
from store.writer import Writer
from tests.analyzer.rows import START, as_values, random_rows
from tests.store.judging.conftest import judgement, label, listed_of, settled

MINUTE = datetime.now(UTC).replace(minute=1, second=0, microsecond=0) - timedelta(hours=3)
"""Half of the pairs began before it. Rollups merge what is older than a day and a half."""
BEGIN = MINUTE - timedelta(seconds=25)
UNTIL = MINUTE + timedelta(hours=1)
SINCE = MINUTE - timedelta(hours=1)
HOSTILE = "a'b\\`c\n); DROP TABLE pairs --{x:String}"
NEW, OLD = "helpfulness@00000002", "helpfulness@00000001"
_EMPTIED = (
    *(t.name for t in (tables.PAIRS, tables.PAYLOADS, tables.JUDGEMENTS, tables.LABELS_HUMAN, tables.JUDGE_CALLS)),
    tables.TEXT_SCORES.name,
    *(rollup.name for rollup in ROLLUPS),
)
Key = tuple[UUID, str]


@dataclass
class Made:
    """What was stored, as plain values."""

    rows: list[dict[str, Any]]
    judgements: list[JudgementRow] = field(default_factory=list)
    labels: list[LabelRow] = field(default_factory=list)

    def of(self, key: Key) -> dict[str, Any]:
        return next(row for row in self.rows if (row["request_id"], row["candidate"]) == key)

    def said(self, key: Key) -> list[JudgementRow]:
        """Judgements that count, of one pair."""
        own = [j for j in self.judgements if (j.request_id, j.candidate) == key and said(j) is not None]
        return [j for j in own if j.rung != "judge" or j.rubric == NEW]

    def labelled(self, key: Key) -> list[float]:
        own = [row for row in self.labels if (row.request_id, row.candidate) == key]
        return [value for row in own if (value := said(row)) is not None]


def said(row: JudgementRow | LabelRow) -> float | None:
    if row.preference is not None:
        return row.preference
    if row.score_candidate is None or row.score_primary is None:
        return None
    return (row.score_candidate - row.score_primary) / 9


def made() -> Made:
    """Pairs of three candidates for the same requests; some were judged, by two rubrics, and labelled."""
    rows = []
    for candidate, speed, cost in (("swift", 0.8, 0.1), ("sage", 1.5, 2.0), ("quick", 0.5, 0.5)):
        rows += random_rows(100, seed=21, candidate=candidate, experiment=f"e-{candidate}", speed=speed, cost=cost)
    for i, row in enumerate(rows):
        row["ts"], row["block"] = (row[name] - START + BEGIN for name in ("ts", "block"))
        row["labels"] = {"tenant": ["acme", "zeta", HOSTILE][i % 3], "tier": ["free", "paid"][i % 2]}
        row["endpoint"] = ["chat/completions", "messages"][i % 5 == 0]
        row["primary_model"] = ["gpt", "gpt-new"][i % 4 == 0]
        row["candidate_model"] = "other"
        row["stream"] = i % 7 != 0
        row["primary_chars"], row["candidate_chars"] = (i * 37) % 900, [None, (i * 91) % 1200][i % 10 != 0]
        row["tool_call_agreement"] = [None, 1.0, 0.5][i % 3]
        row["capture_truncated"] = i % 50 == 0
    # Two requests that began at the same time.
    rows[1]["ts"] = rows[2]["ts"]
    return Made(rows, *_said(rows))


def _said(rows: Sequence[dict[str, Any]]) -> tuple[list[JudgementRow], list[LabelRow]]:
    judgements, labels = [], []
    values = itertools.cycle((1.0, -1.0, 0.0, 0.5, -0.5, -1.0))
    for i, row in enumerate(rows):
        one = listed_of(row)
        if i % 11 == 0:
            judgements.append(replace(settled(one), judged_at=UNTIL))
        elif i % 2 == 0:
            pc, cp = next(values), next(values)
            judgements.append(
                judgement(
                    one, rubric=NEW, preference=(pc + cp) / 2, preference_pc=pc, preference_cp=cp, judged_at=UNTIL
                )
            )
            if i % 3 == 0:
                other = next(values)
                judgements.append(
                    judgement(
                        one, rubric=NEW, judge="judge-b", preference=other, preference_pc=other, preference_cp=None,
                        order_probability=0.5, judged_at=UNTIL,
                    )
                )  # fmt: skip
            # The rubric before, by which everything was the other way round.
            judgements.append(judgement(one, rubric=OLD, preference=-pc, judged_at=UNTIL - timedelta(minutes=5)))
        elif i % 5 == 0:
            scores = {"preference": None, "preference_pc": None, "preference_cp": None, "mode": "pointwise"}
            judgements.append(
                judgement(
                    one, rubric=NEW, **scores, score_primary=3.0, score_candidate=float(i % 9 + 1), judged_at=UNTIL
                )
            )
        if i % 6 == 0:
            labels.append(label(one, preference=next(values), labeled_at=UNTIL))
        if i % 12 == 0:
            labels.append(label(one, "bob", preference=next(values), labeled_at=UNTIL))
    return judgements, labels


@dataclass
class Browsed:
    """The filled store."""

    reader: Reader
    writer: Writer
    made: Made


@pytest.fixture(scope="module")
def browsed(shared_store: Store) -> Iterator[Browsed]:
    connection = StoreConnection(shared_store, access="writer")
    client = connection.client()
    migrate(client, client.database or "")
    for name in _EMPTIED:
        client.command(f"TRUNCATE TABLE {name}")
    all_of_it, writer = made(), Writer(connection)
    writer.insert("pairs", as_values(tables.PAIRS, all_of_it.rows), "browsing-pairs")
    write(writer, all_of_it.judgements, "browsing-judgements")
    write(writer, all_of_it.labels, "browsing-labels")
    taken_back = label(listed_of(all_of_it.rows[7]), "bob", preference=1.0, labeled_at=UNTIL)
    write(writer, [taken_back], "browsing-said")
    nothing = label(listed_of(all_of_it.rows[7]), "bob", preference=None, labeled_at=UNTIL + timedelta(seconds=1))
    write(writer, [nothing], "browsing-taken-back")
    _texts(writer, all_of_it.rows)
    reader = connect(shared_store, access="reader", start_owner=False)
    yield Browsed(Reader(reader), writer, all_of_it)
    close(reader)
    for name in _EMPTIED:
        client.command(f"TRUNCATE TABLE {name}")
    connection.drop()


def _texts(writer: Writer, rows: Sequence[dict[str, Any]]) -> None:
    """Of the first forty requests; one of them is very long."""
    texts: dict[tuple[UUID, str], dict[str, Any]] = {}
    for number, row in enumerate(row for row in rows if row["candidate"] == "swift"):
        if number >= 40:
            break
        same = {"request_id": row["request_id"], "ts": row["ts"]}
        body = f'{{"n": {number}}}' if number != 3 else "x" * 100_000
        texts[row["request_id"], "primary"] = {
            **same, "side": "primary", "request": body, "response": f"primary {number}", "reasoning": "because",
            "tool_calls": '[{"arguments":"{}","name":"f"}]',
        }  # fmt: skip
        texts[row["request_id"], "swift"] = {**same, "side": "swift", "request": "", "response": f"swift {number}"}
    writer.insert("payloads", as_values(tables.PAYLOADS, list(texts.values())), "browsing-texts")
