"""Pairs by their keys: the figures of both arms, and what judges and people said of them."""

# ruff: noqa: S608 - statements hold names of our own tables and columns; what comes from outside is a parameter

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from record.outcome import Outcome
from store import tables
from store.comparison import unix_us
from store.judging.rows import JudgementRow, LabelRow
from store.reader import Reader


class PairKey(NamedTuple):
    """What a pair is found by."""

    ts: datetime
    request_id: UUID
    candidate: str


@dataclass(frozen=True, slots=True)
class Arm:
    """How one arm answered; the columns of `pairs` of the same names, where their meaning stands. None: unknown."""

    model: str | None
    outcome: str
    status: int | None
    ttfb_ms: float | None
    ttfe_ms: float | None
    ttfr_ms: float | None
    ttft_ms: float | None
    total_ms: float | None
    itl_ms: float | None
    connect_ms: float | None
    connection_reused: bool
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    tokens_estimated: bool
    cost_usd: Decimal | None
    price_date: date | None
    finish_reason: str | None
    chars: int | None
    refusal: bool | None
    tool_calls: int | None
    valid_json: bool | None
    raw_usage: str
    """Token counts as reported, JSON; empty: none were."""
    estimated_input_tokens: int | None
    estimated_output_tokens: int | None


@dataclass(frozen=True, slots=True)
class BrowsedPair:
    """One row of `pairs`."""

    request_id: UUID
    ts: datetime
    candidate: str
    experiment: str
    conversation: int
    block: datetime
    bucket: int
    endpoint: str
    labels: Mapping[str, str]
    sample_share: float
    stream: bool | None
    worker: str
    config_version: int
    start_skew_ms: float | None
    loop_lag_ms: float | None
    held_ms: float
    overhead_ms: float | None
    gateway_cache: bool
    capture_truncated: bool
    changed: Sequence[str]
    exact_match: bool | None
    tool_call_agreement: float | None
    primary: Arm
    answer: Arm
    """The candidate's."""

    @property
    def both_answered(self) -> bool:
        """Did neither leg fail?"""
        return self.primary.outcome == self.answer.outcome == Outcome.OK

    @property
    def key(self) -> PairKey:
        """What it is found by."""
        return PairKey(self.ts, self.request_id, self.candidate)


_OF_ARM = tuple(f.name for f in fields(Arm))
_OF_BOTH = tuple(f.name for f in fields(BrowsedPair) if f.name not in {"primary", "answer"})
if (
    tuple(column.name.removeprefix("candidate_") for column in (*tables.CANDIDATE_COLUMNS, *tables.CANDIDATE_USAGE))
    != _OF_ARM
):
    raise AssertionError("fields of Arm are the columns of an arm in `pairs`, in their order")
_COLUMNS = ", ".join((*_OF_BOTH, *(f"{arm}_{name}" for arm in ("primary", "candidate") for name in _OF_ARM)))
_KEYED = (
    "candidate IN {candidates:Array(String)} "
    "AND ts IN (SELECT fromUnixTimestamp64Micro(arrayJoin({moments_us:Array(Int64)}), 'UTC')) "
    "AND request_id IN {requests:Array(UUID)}"
)
"""Reads the places of the primary key and no others."""


def pairs_at(reader: Reader, keys: Sequence[PairKey]) -> dict[PairKey, BrowsedPair]:
    """The pairs of some keys; one that is gone is absent.

    Raises:
        StoreError: no answer.
    """
    found = {}
    for row in _at(reader, tables.PAIRS, _COLUMNS, keys):
        one = BrowsedPair(
            **{name: row[name] for name in _OF_BOTH},
            primary=Arm(**{name: row[f"primary_{name}"] for name in _OF_ARM}),
            answer=Arm(**{name: row[f"candidate_{name}"] for name in _OF_ARM}),
        )
        found[one.key] = one
    return {key: found[key] for key in keys if key in found}


def judgements_at(reader: Reader, keys: Sequence[PairKey]) -> dict[PairKey, list[JudgementRow]]:
    """What judges and free rungs said of these pairs, the newest first; of one judge and rubric the newest row.

    Raises:
        StoreError: no answer.
    """
    rows = _at(reader, tables.JUDGEMENTS, ", ".join(tables.JUDGEMENTS.names()), keys, newest_by="judged_at")
    found: dict[PairKey, list[JudgementRow]] = {key: [] for key in keys}
    for row in _newest(rows, "judge", "rubric"):
        found[_key(row)].append(JudgementRow(**row))
    return found


def labels_at(reader: Reader, keys: Sequence[PairKey]) -> dict[PairKey, list[LabelRow]]:
    """What people say now of these pairs, the newest first; without what was taken back.

    Raises:
        StoreError: no answer.
    """
    rows = _at(reader, tables.LABELS_HUMAN, ", ".join(tables.LABELS_HUMAN.names()), keys, newest_by="labeled_at")
    found: dict[PairKey, list[LabelRow]] = {key: [] for key in keys}
    for row in _newest(rows, "labeler", "rubric"):
        if any(row[said] is not None for said in ("preference", "score_primary", "score_candidate")):
            found[_key(row)].append(LabelRow(**row))
    return found


def _at(
    reader: Reader, table: tables.Table, columns: str, keys: Sequence[PairKey], newest_by: str | None = None
) -> list[dict[str, Any]]:
    if not keys:
        return []
    order = "" if newest_by is None else f" ORDER BY {newest_by} DESC"
    wanted = set(keys)
    rows = reader.query(f"SELECT {columns} FROM {table.name} WHERE {_KEYED}{order}", _parameters(keys))
    return [row for row in rows if _key(row) in wanted]


def _parameters(keys: Sequence[PairKey]) -> dict[str, Any]:
    moments = sorted({key.ts for key in keys})
    return {
        "candidates": sorted({key.candidate for key in keys}),
        "moments_us": [unix_us(moment) for moment in moments],
        "requests": sorted({str(key.request_id) for key in keys}),
    }


def _newest(rows: Sequence[dict[str, Any]], *by: str) -> list[dict[str, Any]]:
    """The first row of each pair and value."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        found.setdefault((row["request_id"], row["candidate"], *(row[name] for name in by)), row)
    return list(found.values())


def _key(row: Mapping[str, Any]) -> PairKey:
    return PairKey(row["ts"], row["request_id"], row["candidate"])
