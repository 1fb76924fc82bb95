"""Rows of `judge_calls`, `judgements`, `text_scores` and `labels_human`, made and stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal
from uuid import UUID

from store.tables import JUDGE_CALLS, JUDGEMENTS, LABELS_HUMAN, TEXT_SCORES, Table
from store.writer import Writer


@dataclass(frozen=True, slots=True)
class JudgementRow:
    """One pair by one judge and rubric; or settled below the judge, then `judge` and `rubric` are empty."""

    request_id: UUID
    ts: datetime
    candidate: str
    experiment: str
    block: datetime
    bucket: int
    labels: Mapping[str, str]
    judge: str
    rubric: str
    rung: Literal["equal", "structure", "judge"]
    mode: str
    """pairwise, pointwise or both; empty below the judge."""
    preference: float | None
    preference_pc: float | None
    preference_cp: float | None
    score_primary: float | None
    score_candidate: float | None
    inclusion_probability: float
    temperature: float | None
    seed: int | None
    rationale: str
    cost_usd: Decimal | None
    judged_at: datetime
    order_probability: float | None
    judge_model: str


@dataclass(frozen=True, slots=True)
class CallRow:
    """One of the two rows of a call. Both have the same `asked_at`, so that they add up within the same day."""

    request_id: UUID
    ts: datetime
    candidate: str
    experiment: str
    labels: Mapping[str, str]
    call: UUID
    stage: Literal["asked", "ended"]
    judge: str
    rubric: str
    kind: str
    question: str
    attempt: int
    outcome: str
    is_final: bool
    verdict: float | None
    inclusion_probability: float
    model: str
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Decimal | None
    committed_usd: Decimal
    """Of `asked` the most that it can cost; of `ended` its cost less that, or 0 when the cost is unknown."""
    asked_at: datetime
    latency_ms: float | None
    rationale: str
    batch: str = ""
    """Set by `write`."""


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One pair by one metric of texts."""

    request_id: UUID
    ts: datetime
    candidate: str
    experiment: str
    block: datetime
    bucket: int
    labels: Mapping[str, str]
    metric: str
    score_primary: float | None
    score_candidate: float | None
    inclusion_probability: float
    scored_at: datetime


@dataclass(frozen=True, slots=True)
class LabelRow:
    """What one person said of one pair. Neither a preference nor a score: they have taken it back."""

    request_id: UUID
    ts: datetime
    candidate: str
    experiment: str
    block: datetime
    bucket: int
    labels: Mapping[str, str]
    labeler: str
    rubric: str
    preference: float | None
    score_primary: float | None
    score_candidate: float | None
    inclusion_probability: float | None
    rationale: str
    labeled_at: datetime


Row = JudgementRow | CallRow | ScoreRow | LabelRow
TABLE_OF: Mapping[type[Row], Table] = MappingProxyType(
    {JudgementRow: JUDGEMENTS, CallRow: JUDGE_CALLS, ScoreRow: TEXT_SCORES, LabelRow: LABELS_HUMAN}
)
"""Where rows of a kind stand."""
_NAMES = MappingProxyType({kind: tuple(field.name for field in fields(kind)) for kind in TABLE_OF})

for _kind, _table in TABLE_OF.items():
    if _NAMES[_kind] != _table.names():
        raise AssertionError(f"fields of {_kind.__name__} are the columns of `{_table.name}`, in their order")


def values(row: Row) -> list[Any]:
    """A row as the writer takes it: values in the order of the table's columns."""
    return [dict(v) if isinstance(v := getattr(row, name), Mapping) else v for name in _NAMES[type(row)]]


def write(writer: Writer, rows: Sequence[Row], token: str) -> None:
    """Stores rows of one kind, all or nothing; the same rows sent again under the same token are stored once.

    Args:
        writer: of the caller's thread.
        rows: of one table; some thousands at most.
        token: names these rows, and no others ever.

    Raises:
        StoreUnavailable: they may be stored or not; send the same rows with the same token again.
        StoreRefused: the store does not take them.
    """
    if not rows:
        return
    kinds = {type(row) for row in rows}
    if len(kinds) > 1:
        raise ValueError("rows of one table go together, and no others")
    stamped = [replace(row, batch=token) if isinstance(row, CallRow) else row for row in rows]
    writer.insert(TABLE_OF[kinds.pop()].name, [values(row) for row in stamped], token)
