"""Where a row of a file stands in time and among conversations, and which rows are of the same pair."""

from array import array
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from analyzer.filed.columns import UNKNOWN, PairColumns
from analyzer.measures import Row
from store.comparison import unix_us
from store.transfer.completion import Origin, outcome_of, time_in
from store.transfer.conversations import hash64
from store.transfer.layout import ARMS

MAX_RUNS = 50
"""Runs of rows that stand in for time blocks."""
MIN_RUN = 10
"""Requests of a run."""
BUCKETS = 256
_DAY_US = 86_400 * 10**6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Whole = NDArray[np.int64]


@dataclass(slots=True)
class Placing:
    """Makes what a row does not say of its place; figures stay unknown."""

    origin: Origin
    has_conversations: bool = False
    """Some row names one."""
    has_ts: bool = False
    """Some row has one."""

    def placed(self, index: int, values: dict[str, Any]) -> Row:
        """With `experiment`, `ts`, `block` (both None where nothing says them), `bucket`.

        Args:
            index: of the row, from 0.
            values: what the file says, without faults.
        """
        request_id, block = values.get("request_id"), values.get("block")
        self.has_ts |= "ts" in values
        ts = values.get("ts") or block or time_in(request_id)
        bucket, conversation = values.get("bucket"), values.get("conversation")
        if bucket is None:
            if conversation is None:
                conversation = hash64((request_id or self.origin.id_of(index, ts or _EPOCH)).bytes)
            else:
                self.has_conversations = True
            bucket = conversation % BUCKETS
        else:
            self.has_conversations = True
        made = {"experiment": self.origin.experiment_of(values["candidate"])}
        return made | values | {"ts": ts, "block": block or self._block_of(ts), "bucket": bucket}

    def _block_of(self, ts: datetime | None) -> datetime | None:
        if ts is None:
            return None
        length = timedelta(seconds=self.origin.block_s)
        return (_EPOCH + length * ((ts - _EPOCH) // length)).replace(microsecond=0)

    def with_outcomes(self, index: int, values: dict[str, Any]) -> Row:
        """The same, with the outcome of each arm where the row does not say it."""
        return {**self.placed(index, values), **{f"{arm}_outcome": outcome_of(arm, values) for arm in ARMS}}


@dataclass(frozen=True, slots=True, eq=False)
class Twins:
    """Which rows are of the same pair; n rows, k pairs."""

    first: Whole
    """Shape (n,): the first row of the same pair."""
    kept: Whole
    """Shape (k,): rows that are the first of their pair, ascending."""
    pair: Whole
    """Shape (n,): the number of its pair."""

    @property
    def is_any(self) -> bool:
        """Is there a pair of several rows?"""
        return len(self.kept) < len(self.first)


@dataclass(slots=True)
class Identity:
    """Which request each row is of."""

    numbers: "array[int]" = field(default_factory=lambda: array("q"))
    """Row -> where it stands in the file."""
    _rows: "array[int]" = field(default_factory=lambda: array("q"))
    _ids: "array[int]" = field(default_factory=lambda: array("Q"))
    """Two of each of `_rows`."""

    def add(self, index: int, number: int, request_id: UUID | None) -> None:
        """One more row."""
        self.numbers.append(number)
        if request_id is not None:
            self._rows.append(index)
            self._ids.frombytes(request_id.bytes)

    def twins(self, candidate: Whole) -> Twins:
        """Rows with the same request and candidate. `candidate`: by row."""
        first = np.arange(len(candidate))
        rows = np.array(self._rows, dtype=np.int64)
        ids = np.array(self._ids, dtype=np.uint64).reshape(-1, 2)
        order = np.lexsort((rows, candidate[rows], ids[:, 1], ids[:, 0]))
        same = (ids[order[1:]] == ids[order[:-1]]).all(axis=1) & (
            candidate[rows[order[1:]]] == candidate[rows[order[:-1]]]
        )
        if same.any():
            begins = np.concatenate([[True], ~same])
            first[rows[order]] = rows[order][begins][np.cumsum(begins) - 1]
        kept = np.flatnonzero(first == np.arange(len(first)))
        return Twins(first, kept, np.searchsorted(kept, first))

    def ranks(self) -> Whole | None:
        """Row -> rank of its request by first appearance, from 0; None where some rows name no request."""
        if len(self._rows) < len(self.numbers):
            return None
        ids = np.array(self._ids, dtype=np.uint64).reshape(-1, 2)
        order = np.lexsort((np.arange(len(ids)), ids[:, 1], ids[:, 0]))
        begins = np.concatenate([[True], (ids[order[1:]] != ids[order[:-1]]).any(axis=1)])[: len(ids)]
        firsts = np.empty(len(ids), dtype=np.int64)
        firsts[order] = order[begins][np.cumsum(begins) - 1]
        ranks: Whole = np.unique(firsts, return_inverse=True)[1]
        return ranks


@dataclass(frozen=True, slots=True)
class Timed:
    """Rows that all have a time."""

    pairs: PairColumns
    are_told: bool = True
    """False: the file tells none."""
    notes: tuple[str, ...] = ()


def all_timed(rows: PairColumns, twins: Twins, identity: Identity, origin: Origin) -> Timed:
    """Gives times to rows that have none."""
    unknown = rows.ts_us == UNKNOWN
    if not unknown.any():
        return Timed(rows)
    if unknown.all():
        return _in_runs(rows, twins, identity, origin)
    n = len(rows)
    step_us = min(round(origin.block_s * 1e6), _DAY_US // n)
    made_us = unix_us(origin.end) - step_us * (n - np.arange(n))
    block_us = round(origin.block_s * 1e6)
    ts_us = np.where(unknown, made_us, rows.ts_us)
    block_s = np.where(unknown, made_us // block_us * block_us // 10**6, rows.block_s)
    note = (
        f"{int(unknown.sum()):,} of {n:,} rows have no ts: they stand before the time of the file "
        f"({origin.end:%Y-%m-%d %H:%M} UTC), in its order"
    )
    return Timed(replace(rows, ts_us=ts_us, block_s=block_s), notes=(note,))


def is_at_once(pairs: PairColumns) -> bool:
    """Do several pairs have the same time and the same time block, all of them?"""
    several = (pairs.ts_us, pairs.block_s)
    return len(pairs) > 1 and all(bool((column == column[0]).all()) for column in several)


def _in_runs(rows: PairColumns, twins: Twins, identity: Identity, origin: Origin) -> Timed:
    """Requests that stand together in a file are likely to be alike, as neighbours in time are; nobody promises that
    they are independent. So runs of them are taken for time blocks, the same for all candidates of a request."""
    ranks = identity.ranks()
    if ranks is None:
        ranks = _ranks_within(rows.who)
    requests = int(ranks.max()) + 1
    runs = max(1, min(MAX_RUNS, requests // MIN_RUN))
    run = ranks * runs // requests
    block_s = max(1, round(origin.block_s))
    end_s = unix_us(origin.end) // 10**6 // block_s * block_s
    begin_s = end_s - (runs - run) * block_s
    note = (
        f"the file has no times: {runs} run{'s' if runs > 1 else ''} of neighbouring requests, in its order, stand in "
        "for time blocks; times of pairs, what changed over time, and hours still needed mean nothing. Give the column "
        "ts to have them"
    )
    return Timed(replace(rows, ts_us=begin_s * 10**6, block_s=begin_s), are_told=False, notes=(note,))


def _ranks_within(who: NDArray[np.uint16]) -> Whole:
    """Of each row among those of its candidate and experiment."""
    ranks = np.empty(len(who), dtype=np.int64)
    for code in np.unique(who):
        mine = np.flatnonzero(who == code)
        ranks[mine] = np.arange(len(mine))
    return ranks
