"""What was decided about candidates, for good: rows of `decisions`."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from uuid import UUID

from store.reader import Reader
from store.tables import DECISIONS
from store.writer import Writer


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One row; fields are the table's columns, in their order."""

    id: UUID
    decided_at: datetime
    candidate: str
    experiment: str
    """Empty: the window held no pair."""
    source: str
    """`gate` or `promotion`."""
    decision: str
    reasons: tuple[str, ...]
    since: datetime
    until: datetime
    pairs: int
    policy_digest: str
    report_digest: str
    decided_by: str
    """Empty: not known."""


if tuple(field.name for field in fields(DecisionRow)) != tuple(DECISIONS.names()):
    raise AssertionError("fields of DecisionRow are the columns of `decisions`, in their order")


def write_decisions(writer: Writer, rows: Sequence[DecisionRow]) -> None:
    """Stores decisions that were made together; sent again, they are stored once.

    Raises:
        StoreError: they are not stored, or nobody knows.
    """
    if rows:
        values = [[list(v) if isinstance(v, tuple) else v for v in astuple(row)] for row in rows]
        writer.insert(DECISIONS.name, values, f"decisions-{rows[0].id}")


def newest_decisions(reader: Reader, candidate: str | None, limit: int) -> list[DecisionRow]:
    """The newest decisions, the newest first.

    Args:
        reader: of the caller's thread.
        candidate: only about this one; None: about all.
        limit: at most so many.

    Raises:
        StoreError: no answer.
    """
    only = "" if candidate is None else "WHERE candidate = {candidate:String} "
    rows = reader.query(
        f"SELECT {', '.join(DECISIONS.names())} FROM {DECISIONS.name} {only}"  # noqa: S608 - our own names
        "ORDER BY decided_at DESC, id DESC LIMIT {limit:UInt64}",
        {"candidate": candidate or "", "limit": limit},
    )
    return [DecisionRow(**{**row, "reasons": tuple(row["reasons"])}) for row in rows]
