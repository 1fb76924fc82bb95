"""What webhooks were told, are to be told still, and what a breaker left out lately."""

# ruff: noqa: S608 - statements hold names of our own tables and columns; what comes from outside is a parameter

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from record.states import State
from store import tables
from store.comparison import unix_us
from store.reader import Reader
from store.writer import Writer

Outcome = Literal["pending", "failed", "delivered", "given_up", "silent"]
MOST_TOLD = 1000
"""Of each event and candidate the newest; older ones say nothing about what is new."""
MOST_WAITING = 256
"""Of each webhook, oldest first."""
KEPT_FOR = timedelta(days=7)
"""What could not be delivered for so long is no news any more."""

_TOLD = f"""
SELECT notice, any(event) AS event, any(candidate) AS candidate, any(topic) AS topic, any(state) AS state,
    any(since) AS since, any(noticed) AS noticed
FROM {tables.NOTICES.name} GROUP BY notice
ORDER BY noticed DESC, notice LIMIT {MOST_TOLD} BY event, candidate
"""
_WAITING = f"""
SELECT * FROM (
    SELECT * FROM {tables.NOTICES.name}
    WHERE noticed >= fromUnixTimestamp64Milli({{since_ms:Int64}}, 'UTC') AND webhook != ''
    ORDER BY attempts DESC, at DESC LIMIT 1 BY notice, webhook
)
WHERE outcome IN ('pending', 'failed') ORDER BY noticed, since, notice LIMIT {MOST_WAITING} BY webhook
"""
_BREAKER = f"""
SELECT candidate, toStartOfMinute(ts) AS minute, min(ts) AS first, max(ts) AS last, sum(count) AS copies
FROM {tables.COUNTERS.name}
WHERE state = '{State.BREAKER_OPEN.value}' AND ts >= toDateTime({{since_s:Int64}}, 'UTC')
GROUP BY candidate, minute ORDER BY candidate, minute
"""


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One row of `notices`; fields are the table's columns, in their order."""

    notice: UUID
    event: str
    candidate: str
    topic: str
    state: str
    since: datetime
    noticed: datetime
    payload: str
    webhook: str
    host: str
    outcome: Outcome
    attempts: int
    detail: str
    at: datetime

    @property
    def is_waiting(self) -> bool:
        """Has the webhook still to be told?"""
        return self.outcome in {"pending", "failed"}


@dataclass(frozen=True, slots=True)
class Told:
    """Something that was noticed before, whether anybody was told or not."""

    notice: UUID
    event: str
    candidate: str
    topic: str
    state: str
    since: datetime
    noticed: datetime


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Copies that an open breaker left out within one minute."""

    candidate: str
    first: datetime
    last: datetime
    """To the second, as the recorder counted."""
    copies: int


if tuple(field.name for field in fields(NoticeRow)) != tuple(tables.NOTICES.names()):
    raise AssertionError("fields of NoticeRow are the columns of `notices`, in their order")


def write_notices(writer: Writer, rows: Sequence[NoticeRow], token: str) -> None:
    """Stores rows that belong together; sent again under the same token, they are stored once.

    Raises:
        StoreError: they are not stored, or nobody knows.
    """
    writer.insert(tables.NOTICES.name, [list(astuple(row)) for row in rows], token)


def told(reader: Reader) -> list[Told]:
    """What was noticed before, newest first.

    Raises:
        StoreError: no answer.
    """
    return [Told(**row) for row in reader.query(_TOLD)]


def waiting(reader: Reader, now: datetime) -> list[NoticeRow]:
    """The newest row of each notice that a webhook has still to be told, oldest first; of the last seven days.

    Raises:
        StoreError: no answer.
    """
    since_ms = unix_us(now - KEPT_FOR) // 1000
    return [NoticeRow(**row) for row in reader.query(_WAITING, {"since_ms": since_ms})]


def left_out(reader: Reader, since: datetime) -> list[LeftOut]:
    """What breakers left out, by candidate and minute, in their order; at most one row for each.

    Raises:
        StoreError: no answer.
    """
    rows = reader.query(_BREAKER, {"since_s": unix_us(since) // 10**6})
    return [LeftOut(row["candidate"], row["first"], row["last"], int(row["copies"])) for row in rows]
