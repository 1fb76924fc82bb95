"""What people said of pairs, and which pairs they are asked about next."""

# ruff: noqa: S608 - statements hold names of our own tables and columns; what comes from outside is a parameter

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from store import tables
from store.comparison import Span
from store.judging.due import COLUMNS, PAIRS_PER_QUESTION, Listed
from store.judging.rows import LabelRow, values, write
from store.judging.survey import BOTH_OK, PRIMARY_SIDE
from store.reader import Reader
from store.writer import Writer

ROWS_PER_INSERT = 2_000

_WITHIN = (
    "ts >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') AND ts < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')"
)
_KEY = "request_id, candidate, labeler, rubric"
_SAID = "(isNotNull(preference) OR isNotNull(score_primary) OR isNotNull(score_candidate))"
"""Of the newest row of a pair, person and rubric; else they have taken back what they said."""
_ORDER = "cityHash64(request_id, 'label')"
"""Pairs that are labelled first are a random part of all, whoever labels them and whenever they stop."""
_LAST_S = datetime(2200, 1, 1, tzinfo=UTC).timestamp()
_CLOCKS_OF_IDS = (timedelta(seconds=10), timedelta(hours=1))
"""How far the time in a request's id may be from its start: as a rule, and at most."""
_GAP = timedelta(minutes=5)
"""A stretch of the table that is shorter is read rather than left out by another question."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which pair a label is of: what the row of a label begins with."""

    request_id: UUID
    ts: datetime
    candidate: str
    experiment: str
    block: datetime
    bucket: int
    labels: Mapping[str, str]


_IDENTITY = ", ".join(field.name for field in fields(Identity))


def write_labels(writer: Writer, rows: Sequence[LabelRow]) -> None:
    """Stores labels; the same ones sent again are stored once, and of one pair, person and rubric the newest counts.

    Raises:
        StoreUnavailable: some may be stored and others not; send the same rows again.
        StoreRefused: the store does not take them.
    """
    for begin in range(0, len(rows), ROWS_PER_INSERT):
        some = rows[begin : begin + ROWS_PER_INSERT]
        digest = hashlib.sha256()
        for row in some:
            # Labels in any order are the same labels; `repr` tells all other values apart.
            digest.update(repr([sorted(v.items()) if isinstance(v, dict) else v for v in values(row)]).encode())
        write(writer, some, f"labels-{digest.hexdigest()}")


def labels(
    reader: Reader,
    since: datetime,
    until: datetime,
    candidate: str | None = None,
    *,
    requests: Sequence[UUID] | None = None,
) -> list[LabelRow]:
    """What people say now of pairs, by time, request, candidate and person; without what was taken back.

    Args:
        reader: of the caller's thread.
        since: first start of a request.
        until: first start that is left out.
        candidate: only of this one; None: of all.
        requests: only of these, `PAIRS_PER_QUESTION` at most; None: of all.

    Raises:
        StoreError: no answer.
    """
    only = "" if candidate is None else " AND candidate = {candidate:String}"
    only += "" if requests is None else " AND request_id IN {requests:Array(UUID)}"
    rows = reader.query(
        f"SELECT * FROM (SELECT {', '.join(tables.LABELS_HUMAN.names())} FROM {tables.LABELS_HUMAN.name} "
        f"WHERE {_WITHIN}{only} ORDER BY labeled_at DESC LIMIT 1 BY {_KEY}) WHERE {_SAID} "
        "ORDER BY ts, request_id, candidate, labeler, rubric",
        {
            **Span(since, until).parameters(),
            "candidate": candidate or "",
            "requests": sorted({str(request) for request in requests or ()}),
        },
    )
    return [LabelRow(**row) for row in rows]


def pairs_of(
    reader: Reader, request_ids: Iterable[UUID], *, is_thorough: bool = True
) -> dict[tuple[UUID, str], Identity]:
    """(request, candidate) -> identity of the pairs of these requests; of a request without pairs there is none.

    Looks first where the times within the ids say, and then everywhere for those that are not there.

    Args:
        reader: of the caller's thread.
        request_ids: any number.
        is_thorough: False: an id with a time in it is looked for there and nowhere else. To look everywhere for an id
            that nobody has recorded reads a column of the whole table.

    Raises:
        StoreError: no answer.
    """
    wanted = sorted(set(request_ids), key=str)
    found: dict[tuple[UUID, str], Identity] = {}
    dated = sorted(
        ((request, at) for request in wanted if (at := _time_in(request)) is not None), key=lambda one: one[1]
    )
    for slack in _CLOCKS_OF_IDS:
        there = {request for request, _ in found}
        for some in _near_each_other([one for one in dated if one[0] not in there], slack):
            span = Span(some[0][1] - slack, some[-1][1] + slack)
            found |= _identities(reader, [request for request, _ in some], _WITHIN, span.parameters())
    there = {request for request, _ in found}
    others = [request for request in wanted if request not in there and (is_thorough or _time_in(request) is None)]
    for begin in range(0, len(others), PAIRS_PER_QUESTION):
        found |= _identities(reader, others[begin : begin + PAIRS_PER_QUESTION], "true", {})
    return found


def _near_each_other(dated: Sequence[tuple[UUID, datetime]], slack: timedelta) -> Iterator[list[tuple[UUID, datetime]]]:
    """Ids in the order of their times, in portions without large gaps: what lies between is not read."""
    some: list[tuple[UUID, datetime]] = []
    for one in dated:
        if some and (len(some) >= PAIRS_PER_QUESTION or one[1] - some[-1][1] > _GAP + 2 * slack):
            yield some
            some = []
        some.append(one)
    if some:
        yield some


def _identities(
    reader: Reader, requests: Sequence[UUID], condition: str, parameters: Mapping[str, Any]
) -> dict[tuple[UUID, str], Identity]:
    rows = reader.query(
        f"SELECT {_IDENTITY} FROM {tables.PAIRS.name} WHERE {condition} AND request_id IN {{requests:Array(UUID)}}",
        {**parameters, "requests": [str(request) for request in requests]},
    )
    return {(row["request_id"], row["candidate"]): Identity(**row) for row in rows}


def _time_in(request: UUID) -> datetime | None:
    """The time in a UUID of version 7 (RFC 9562, section 5.7); None: it is of another version, or nobody's clock."""
    unix_s = (request.int >> 80) / 1000
    return datetime.fromtimestamp(unix_s, UTC) if request.version == 7 and unix_s < _LAST_S else None


def to_label(
    reader: Reader,
    since: datetime,
    until: datetime,
    candidate: str,
    *,
    labeler: str | None,
    rubric: str,
    limit: int,
) -> list[Listed]:
    """Pairs that a judge has judged, with texts, that a person has not labelled: the next ones of a fixed random order.

    Args:
        reader: of the caller's thread.
        since: first start of a request.
        until: first start that is left out.
        candidate: whose pairs.
        labeler: who has not labelled them; None: nobody has.
        rubric: by which they were judged and are to be labelled.
        limit: at most so many.

    Raises:
        StoreError: no answer.
    """
    parameters: dict[str, Any] = {
        **Span(since, until).parameters(),
        "candidate": candidate,
        "labeler": labeler or "",
        "rubric": rubric,
        "primary": PRIMARY_SIDE,
    }
    found: list[Listed] = []
    place, last = 0, UUID(int=0)
    while len(found) < limit:
        page = min(max(2 * (limit - len(found)), 100), PAIRS_PER_QUESTION)
        columns = reader.columns(_unlabelled(labeler), {**parameters, "place": place, "last": last, "page": page})
        requests = columns["request_id"]
        if len(requests):
            found += _of_those(reader, requests, parameters)
            place, last = columns["place"][-1], requests[-1]
        if len(requests) < page:
            break
    return found[:limit]


def _unlabelled(labeler: str | None) -> str:
    """Requests judged and not labelled, behind a place in their order."""
    mine = "" if labeler is None else " AND labeler = {labeler:String}"
    of_rubric = f"candidate = {{candidate:String}} AND {_WITHIN} AND rubric = {{rubric:String}}"
    labelled = (
        f"SELECT request_id FROM {tables.LABELS_HUMAN.name} WHERE {of_rubric}{mine} "
        f"GROUP BY {_KEY} HAVING argMax({_SAID}, labeled_at)"
    )
    return (
        f"SELECT DISTINCT {_ORDER} AS place, request_id FROM {tables.JUDGEMENTS.name} "
        f"WHERE {of_rubric} AND rung = 'judge' AND request_id GLOBAL NOT IN ({labelled}) "
        "AND (place, request_id) > ({place:UInt64}, {last:UUID}) "
        "ORDER BY place, request_id LIMIT {page:UInt64}"
    )


def _of_those(reader: Reader, requests: Sequence[UUID], parameters: Mapping[str, Any]) -> list[Listed]:
    """The pairs of some requests whose texts are there, in the order of the requests."""
    named = "request_id IN {requests:Array(UUID)}"
    of_side = f"SELECT request_id FROM {tables.PAYLOADS.name} WHERE {_WITHIN} AND {named} AND side ="
    rows = reader.query(
        f"SELECT {COLUMNS} FROM {tables.PAIRS.name} WHERE candidate = {{candidate:String}} AND {_WITHIN} AND {named} "
        f"AND {BOTH_OK} AND request_id GLOBAL IN ({of_side} {{primary:String}}) "
        f"AND request_id GLOBAL IN ({of_side} {{candidate:String}})",
        {**parameters, "requests": [str(request) for request in requests]},
    )
    by_request = {row["request_id"]: Listed(**row) for row in rows}
    return [by_request[request] for request in requests if request in by_request]
