"""One pair with its texts, the calls to judges about it, and the other pairs of its request."""

# ruff: noqa: S608 - statements hold names of our own tables and columns; what comes from outside is a parameter

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from store import tables
from store.browsing.pairs import BrowsedPair, PairKey, judgements_at, labels_at, pairs_at
from store.comparison import Span
from store.judging.labels import pairs_of
from store.judging.rows import CallRow, JudgementRow, LabelRow, ScoreRow
from store.judging.survey import PRIMARY_SIDE
from store.reader import Reader

MAX_CALLS = 200
"""Calls about one pair: the latest."""
SHORT_BYTES = 64 * 1024
"""A request that is longer is not read for a line of a list."""


@dataclass(frozen=True, slots=True)
class Texts:
    """What is stored of one side's texts, as `privacy.bodies` allowed."""

    request: str
    """Body, JSON; of a candidate empty where only the fields that `changed` names differ."""
    response: str
    """Visible text."""
    reasoning: str
    tool_calls: str
    """Canonical JSON; empty without."""


@dataclass(frozen=True, slots=True)
class Details:
    """All that is known of a pair."""

    pair: BrowsedPair
    primary: Texts | None
    """None: no text is stored (any more)."""
    answer: Texts | None
    """The candidate's."""
    judgements: Sequence[JudgementRow]
    """By all judges and rubrics, the newest first."""
    calls: Sequence[CallRow]
    """Calls to judges about it that have ended, by the time at which they were asked."""
    labels: Sequence[LabelRow]
    scores: Sequence[ScoreRow]
    """Metrics of its texts, by name."""
    others: Sequence[PairKey]
    """Pairs of the same request with other candidates."""


def pairs_of_request(reader: Reader, request_id: UUID) -> list[PairKey]:
    """The pairs of a request, by candidate; looked for by the time in its id first, and then everywhere.

    Raises:
        StoreError: no answer.
    """
    found = pairs_of(reader, [request_id])
    return sorted((PairKey(i.ts, i.request_id, i.candidate) for i in found.values()), key=lambda key: key.candidate)


def details(reader: Reader, request_id: UUID, candidate: str) -> Details | None:
    """A pair; None: there is none (any more).

    Texts are as large as `limits.mirrored_request` and the capture allow.

    Raises:
        StoreError: no answer.
    """
    keys = pairs_of_request(reader, request_id)
    key = next((k for k in keys if k.candidate == candidate), None)
    pair = None if key is None else pairs_at(reader, [key]).get(key)
    if key is None or pair is None:
        return None
    texts = _texts(reader, key)
    return Details(
        pair=pair,
        primary=texts.get(PRIMARY_SIDE),
        answer=texts.get(candidate),
        judgements=judgements_at(reader, [key])[key],
        calls=[
            CallRow(**row) for row in _of_pair(reader, tables.JUDGE_CALLS, pair, "stage = 'ended'", "asked_at, call")
        ],
        labels=labels_at(reader, [key])[key],
        scores=_scores(reader, pair),
        others=[k for k in keys if k != key],
    )


def _texts(reader: Reader, key: PairKey) -> dict[str, Texts]:
    rows = reader.query(
        f"SELECT side, request, response, reasoning, tool_calls FROM {tables.PAYLOADS.name} "
        "WHERE ts >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') "
        "AND ts < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC') "
        "AND request_id = {request:UUID} AND side IN {sides:Array(String)}",
        {
            **Span(key.ts, key.ts + key.ts.resolution).parameters(),
            "request": str(key.request_id),
            "sides": [PRIMARY_SIDE, key.candidate],
        },
    )
    return {row.pop("side"): Texts(**row) for row in rows}


def _of_pair(reader: Reader, table: tables.Table, pair: BrowsedPair, also: str, order: str) -> list[dict[str, Any]]:
    """Rows about one pair, by an order; at most the last `MAX_CALLS`."""
    descending = ", ".join(f"{name} DESC" for name in order.split(", "))
    rows = reader.query(
        f"SELECT {', '.join(table.names())} FROM {table.name} WHERE candidate = {{candidate:String}} "
        "AND experiment = {experiment:String} AND ts >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') "
        "AND ts < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC') AND request_id = {request:UUID} "
        f"AND {also} ORDER BY {descending} LIMIT {MAX_CALLS}",
        {
            **Span(pair.ts, pair.ts + pair.ts.resolution).parameters(),
            "candidate": pair.candidate,
            "experiment": pair.experiment,
            "request": str(pair.request_id),
        },
    )
    return rows[::-1]


def _scores(reader: Reader, pair: BrowsedPair) -> list[ScoreRow]:
    """The newest of each metric."""
    rows = _of_pair(reader, tables.TEXT_SCORES, pair, "1", "scored_at")
    newest = {row["metric"]: ScoreRow(**row) for row in rows}
    return [newest[name] for name in sorted(newest)]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is stored of a request, for a line of a list."""

    request: str | None
    """The body; None: it is longer than `SHORT_BYTES`."""
    length: int
    """In bytes."""


def asked(reader: Reader, keys: Sequence[PairKey]) -> dict[PairKey, Asked]:
    """The requests of some pairs; where no text is stored (any more) there is none.

    Raises:
        StoreError: no answer.
    """
    if not keys:
        return {}
    moments = [key.ts for key in keys]
    rows = reader.query(
        f"SELECT request_id, if(length(request) > {SHORT_BYTES}, '', request) AS body, length(request) AS size "
        f"FROM {tables.PAYLOADS.name} WHERE ts >= fromUnixTimestamp64Micro({{since_us:Int64}}, 'UTC') "
        "AND ts < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC') "
        "AND request_id IN {requests:Array(UUID)} AND side = {primary:String}",
        {
            **Span(min(moments), max(moments) + moments[0].resolution).parameters(),
            "requests": sorted({str(key.request_id) for key in keys}),
            "primary": PRIMARY_SIDE,
        },
    )
    by_request = {
        row["request_id"]: Asked(None if row["size"] > SHORT_BYTES else row["body"], row["size"]) for row in rows
    }
    return {key: by_request[key.request_id] for key in keys if key.request_id in by_request}
