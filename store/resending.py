"""Rows whose fate nobody knows are sent again so that they are in the store once, whatever had become of them.

An attempt whose answer never came may have stored all of a batch, some of its partitions (each is a part of its own,
there whole or not at all), or nothing. The same rows under the same token are the answer in nearly every case: what is
there is acknowledged, what is not is stored, and the views' own targets do the same. Two holes are left, and the
`batch` column closes both, for the tables that have one:

* **The token is known, the rows are not there.** A server notes a token just before it puts the part in its place; a
  kill between the two makes the retry acknowledged and not stored. (The embedded store mends that when it opens, see
  `store.endpoint.tokens`; replicated tables keep token and part in one transaction.) So a retry is believed only once
  its rows have been seen. Missing ones are sent under the same token with `:again1` behind it, then `:again2`, and seen
  again each time.
* **The rows are there, the token is not known any more.** Only so many tokens are remembered per table. So rows are
  looked for before they are sent, and where their parts are too old for the token to be remembered, only those that
  are missing are sent.

Why that is exact in every order of crashes:

* A fresh token comes into use only after the first was acknowledged and the rows were looked for and not found. Then
  the first is noted for good without them: no attempt under it that is still under way can store them any more.
* All names are made from the first token by counting, so whoever comes after a crash of ours goes the same way again:
  a token that had stored its rows is acknowledged, and the look before the next finds them.
* An attempt of a dead process that the server still works at holds the same lock and the same token as ours, whichever
  of the names it is, so one of the two stores nothing.
* Rows are never sent again under the first token when a fresh one has stored them, unless the first is remembered: the
  look before the sending says how old their parts are.

Not covered: what a view made of a batch whose rows had to be sent under a fresh token (it may have had them before; the
sums of that block may count them twice, which the log's warning names); tables without `batch`; rows that were erased
on purpose between the doubtful attempt and its retry, a few seconds as a rule; a power cut after which the server has
the part and not its note of the token, as neither is forced to disk by default.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import compress
from types import MappingProxyType
from typing import Any

from clickhouse_connect.driver.client import Client

from store.errors import StoreUnavailable
from store.tables import COUNTERS, JUDGE_CALLS, PAIRS, PAYLOADS, SKIPS, Table

ROUNDS = 4
"""The first token and three fresh ones: each further one takes another crash of the server at the same instant."""
REMEMBERED_PARTS = 9_000
"""A part with fewer parts behind it has its token remembered; the tables' windows are 10,000."""

Row = Sequence[Any]
Send = Callable[[Sequence[Row], str], None]
"""Sends rows under a token. Raises: as `Writer.insert`."""

_KEYS = MappingProxyType(
    {
        PAIRS.name: ("request_id", "candidate"),
        SKIPS.name: ("request_id", "candidate"),
        PAYLOADS.name: ("request_id", "side"),
        COUNTERS.name: ("ts", "worker", "candidate", "state", "count"),
        JUDGE_CALLS.name: ("call", "stage"),
    }
)
"""What tells the rows of one batch apart."""
_MAY_EXPIRE = frozenset({PAYLOADS.name})
"""Old rows of these may be gone again as soon as they are stored."""

_ENGINE = "SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = {table:String}"
_FOUND = """
SELECT {keys}, _part FROM {{table:Identifier}}
WHERE batch = {{token:String}}
  AND ts >= fromUnixTimestamp64Micro({{first:Int64}}, 'UTC') AND ts <= fromUnixTimestamp64Micro({{last:Int64}}, 'UTC')
"""
_NEWEST = "SELECT max(max_block_number) FROM system.parts WHERE database = currentDatabase() AND table = {table:String}"


@dataclass(frozen=True, slots=True)
class _Seen:
    missing: Sequence[Row]
    parts: frozenset[str]
    """Parts in which the others lie."""


class Resending:
    """One batch of one table, sent again."""

    def __init__(self, client: Client, table: Table, rows: Sequence[Row], token: str) -> None:
        self._client = client
        self._table = table
        self._rows = rows
        self._token = token

    def can_be_seen(self) -> bool:
        """Are its rows to be found by their batch, and by nobody else's delay missing?

        Not in replicated tables: token and part are one transaction there, a token is known for 10,000 inserts, and the
        machine that is asked may lag.
        """
        if self._table.name not in _KEYS or "batch" not in self._table.names():
            return False
        engine = self._client.query(_ENGINE, {"table": self._table.name}).result_rows
        return bool(engine) and str(engine[0][0]).endswith("MergeTree") and not _is_shared(str(engine[0][0]))

    def run(self, send: Send) -> int:
        """Returns when all rows are there.

        Returns:
            How many fresh tokens it took; 0 as a rule.

        Raises:
            StoreUnavailable: the store takes the rows and does not have them, or does not answer; try again later.
            StoreRefused: as `Writer.insert`.
        """
        before = self._look()
        rows = self._rows if self._is_remembered(before.parts) else before.missing
        token = self._token
        for again in range(1, ROUNDS + 1):
            if rows:
                send(rows, token)
            rows = self._look().missing
            if not rows:
                return again - 1
            token = f"{self._token}:again{again}"
        if self._table.name in _MAY_EXPIRE:
            return ROUNDS - 1
        raise StoreUnavailable(f"{self._table.name}: rows that the store has acknowledged are not there")

    def _look(self) -> _Seen:
        names = self._table.names()
        keys = _KEYS[self._table.name]
        places = [names.index(name) for name in keys]
        first, last = _span(row[names.index("ts")] for row in self._rows)
        found = self._client.query(
            _FOUND.format(keys=", ".join(keys)),
            {"table": self._table.name, "token": self._token, "first": first, "last": last},
        ).result_rows
        there = Counter(tuple(row[:-1]) for row in found)
        absent = [_takes(there, tuple(row[place] for place in places)) for row in self._rows]
        return _Seen(list(compress(self._rows, absent)), frozenset(str(row[-1]) for row in found))

    def _is_remembered(self, parts: frozenset[str]) -> bool:
        """Does the table remember the tokens of all these parts? Of none, trivially."""
        if not parts:
            return True
        newest = self._client.query(_NEWEST, {"table": self._table.name}).result_rows[0][0]
        return int(newest) - min(map(_first_block, parts)) < REMEMBERED_PARTS


def _is_shared(engine: str) -> bool:
    return engine.startswith(("Replicated", "Shared"))


def _takes(there: Counter[tuple[Any, ...]], key: tuple[Any, ...]) -> bool:
    """Is a row absent? One that is there stands for one row only."""
    if there[key] > 0:
        there[key] -= 1
        return False
    return True


def _span(times: Iterator[datetime]) -> tuple[int, int]:
    """First and last, microseconds since the epoch."""
    all_us = [round(time.timestamp() * 1e6) for time in times]
    return min(all_us) - 1, max(all_us) + 1


def _first_block(part: str) -> int:
    """A part's name is partition, first block, last block, level, and perhaps a mutation."""
    return int(part.split("_")[1])
