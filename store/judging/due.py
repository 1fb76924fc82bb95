"""Pairs that judges are to look at, with what is known of each already; oldest first."""

# ruff: noqa: S608 - statements hold names of our own tables and columns; what comes from outside is a parameter

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from store import tables
from store.comparison import Span, unix_us
from store.judging.pair import Answer, Pair
from store.judging.rows import CallRow, JudgementRow
from store.judging.survey import BOTH_OK, PRIMARY_SIDE, Due, Spread, count_due, spreads
from store.reader import Reader
from store.rollups.tables import BLOCKS

__all__ = [
    "Due",
    "Listed",
    "Position",
    "Spread",
    "answered",
    "attempts",
    "count_due",
    "drawn_before",
    "judged",
    "listed",
    "scored",
    "spreads",
    "with_texts",
]

PAIRS_PER_QUESTION = 1_000
"""Pairs that one statement names: their ids travel in its URL, which may be 1 MiB long."""
MAX_BRANCHES = 50
"""Candidates and experiments that are read in the order of the table, each; of more the window is sorted as a whole."""
_LONGEST_BLOCK = timedelta(days=7)
_WITHIN = (
    "ts >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') AND ts < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')"
)
_NAMED = (
    "candidate IN {candidates:Array(String)} AND experiment IN {experiments:Array(String)} "
    f"AND {_WITHIN} AND request_id IN {{requests:Array(UUID)}}"
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A pair of which both arms answered, without its texts."""

    request_id: UUID
    ts: datetime
    candidate: str
    experiment: str
    block: datetime
    bucket: int
    labels: Mapping[str, str]
    endpoint: str
    is_whole: bool
    """False: the middle of an answer was not kept."""
    exact_match: bool | None
    primary_model: str | None
    """As the answer names it."""
    candidate_model: str | None
    primary_valid_json: bool | None
    """None unless the request asked for JSON."""
    candidate_valid_json: bool | None

    @property
    def key(self) -> tuple[UUID, str]:
        """What it is found by: request and candidate."""
        return self.request_id, self.candidate


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the order of `listed`."""

    ts: datetime
    request_id: UUID
    candidate: str

    @classmethod
    def of(cls, listed: Listed) -> "Position":
        """That of a pair: what is listed after it comes behind it."""
        return cls(listed.ts, listed.request_id, listed.candidate)


COLUMNS = ", ".join(
    "NOT capture_truncated AS is_whole" if field.name == "is_whole" else field.name for field in fields(Listed)
)
"""Of `pairs`, for a `Listed`."""


def listed(
    reader: Reader,
    since: datetime,
    until: datetime,
    after: Position | None,
    limit: int,
    *,
    candidates: Sequence[str] | None = None,
) -> list[Listed]:
    """The next pairs of which both arms answered in text, by time, request and candidate (in the order of the store).

    Reads what it returns and little more, however large the table and the window are.

    Args:
        reader: of the caller's thread.
        since: first start of a request.
        until: first start that is left out.
        after: where the list before ended; None: from `since` on.
        limit: at most so many; fewer: there are no more.
        candidates: only theirs; None: of all, the control included.

    Raises:
        StoreError: no answer.
    """
    span = Span(since if after is None else max(since, after.ts), until)
    who = _experiments(reader, span, candidates)
    if not who or limit < 1:
        return []
    parameters: dict[str, Any] = {**span.parameters(), "limit": limit}
    behind = ""
    if after is not None:
        behind = (
            " AND (ts, request_id, toString(candidate)) > "
            "(fromUnixTimestamp64Micro({after_us:Int64}, 'UTC'), {after_id:UUID}, {after_who:String})"
        )
        parameters |= {"after_us": unix_us(after.ts), "after_id": after.request_id, "after_who": after.candidate}
    branches, order = ["candidate IN {candidates:Array(String)}"], "ts, request_id, candidate"
    parameters["candidates"] = sorted({candidate for candidate, _ in who})
    if len(who) <= MAX_BRANCHES:
        # Within one candidate and experiment the table is in the order of time: the first rows are read, not all.
        order = "ts, request_id"
        branches = [f"candidate = {{c{k}:String}} AND experiment = {{e{k}:String}}" for k in range(len(who))]
        for k, (candidate, experiment) in enumerate(who):
            parameters |= {f"c{k}": candidate, f"e{k}": experiment}
    parts = (
        f"SELECT {COLUMNS} FROM {tables.PAIRS.name} WHERE {branch} AND {_WITHIN} AND {BOTH_OK}{behind} "
        f"ORDER BY {order} LIMIT {{limit:UInt64}}"
        for branch in branches
    )
    sql = f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY ts, request_id, candidate LIMIT {{limit:UInt64}}"
    return [Listed(**row) for row in reader.query(sql, parameters)]


def _experiments(reader: Reader, span: Span, candidates: Sequence[str] | None) -> list[tuple[str, str]]:
    """(candidate, experiment) with pairs in a window or a little around it, by the rollup of time blocks."""
    only = "" if candidates is None else " AND candidate IN {candidates:Array(String)}"
    rows = reader.query(
        f"SELECT DISTINCT candidate, experiment FROM {BLOCKS.name} "
        f"WHERE {BLOCKS.time} >= toDateTime({{begin_s:Int64}}, 'UTC') "
        f"AND {BLOCKS.time} < toDateTime({{end_s:Int64}}, 'UTC'){only} ORDER BY candidate, experiment",
        {
            # Blocks begin before their pairs, and old ones are merged to whole hours.
            "begin_s": unix_us(span.since - _LONGEST_BLOCK) // 10**6,
            "end_s": -(-unix_us(span.until) // 10**6),
            "candidates": list(candidates or ()),
        },
    )
    return [(row["candidate"], row["experiment"]) for row in rows]


def with_texts(reader: Reader, listed: Sequence[Listed]) -> dict[tuple[UUID, str], Pair]:
    """(request, candidate) -> the pair with its texts; one without texts of both sides is absent.

    Texts are as large as `limits.mirrored_request` and the capture allow: the caller bounds memory by how many pairs
    it asks for.

    Raises:
        StoreError: no answer.
    """
    found: dict[tuple[UUID, str], Pair] = {}
    for some, parameters in _portions(listed):
        sides = sorted({PRIMARY_SIDE, *(pair.candidate for pair in some)})
        rows = reader.query(
            f"SELECT request_id, side, request, response, tool_calls FROM {tables.PAYLOADS.name} "
            f"WHERE {_WITHIN} AND request_id IN {{requests:Array(UUID)}} AND side IN {{sides:Array(String)}}",
            {**parameters, "sides": sides},
        )
        texts = {(row["request_id"], row["side"]): row for row in rows}
        for pair in some:
            primary, candidate = texts.get((pair.request_id, PRIMARY_SIDE)), texts.get(pair.key)
            if primary is not None and candidate is not None:
                found[pair.key] = _pair(pair, primary, candidate)
    return found


def _pair(listed: Listed, primary: Mapping[str, Any], candidate: Mapping[str, Any]) -> Pair:
    return Pair(
        listed.request_id,
        listed.ts,
        listed.candidate,
        listed.experiment,
        listed.block,
        listed.bucket,
        listed.labels,
        listed.endpoint,
        listed.is_whole,
        primary["request"],
        Answer(primary["response"], primary["tool_calls"], listed.primary_model, listed.primary_valid_json),
        Answer(candidate["response"], candidate["tool_calls"], listed.candidate_model, listed.candidate_valid_json),
    )


def judged(reader: Reader, listed: Sequence[Listed], rubric: str) -> set[tuple[UUID, str, str]]:
    """(request, candidate, judge) of judgements by this rubric; the judge is empty where a free rung settled the pair.

    Raises:
        StoreError: no answer.
    """
    rows = f"SELECT DISTINCT request_id, candidate, judge AS name FROM {tables.JUDGEMENTS.name}"
    return _known(reader, listed, f"{rows} WHERE {_NAMED} AND (judge = '' OR rubric = {{rubric:String}})", rubric)


def drawn_before(reader: Reader, listed: Sequence[Listed], rubric: str) -> list[JudgementRow]:
    """Newest judgements of these pairs by this rubric, where the pair was drawn with a probability below 1.

    Raises:
        StoreError: no answer.
    """
    found: list[JudgementRow] = []
    names = ", ".join(tables.JUDGEMENTS.names())
    for some, of_pairs in _portions(listed):
        asked = {pair.key for pair in some}
        rows = reader.query(
            f"SELECT {names} FROM {tables.JUDGEMENTS.name} FINAL WHERE {_NAMED} AND judge != '' "
            "AND rubric = {rubric:String} AND inclusion_probability < 1",
            {**of_pairs, "rubric": rubric},
        )
        found.extend(JudgementRow(**row) for row in rows if (row["request_id"], row["candidate"]) in asked)
    return found


def scored(reader: Reader, listed: Sequence[Listed]) -> set[tuple[UUID, str, str]]:
    """(request, candidate, metric) of text scores.

    Raises:
        StoreError: no answer.
    """
    rows = f"SELECT DISTINCT request_id, candidate, metric AS name FROM {tables.TEXT_SCORES.name}"
    return _known(reader, listed, f"{rows} WHERE {_NAMED}")


def answered(reader: Reader, listed: Sequence[Listed], rubric: str) -> list[CallRow]:
    """Calls of these pairs that ended a question (by a verdict, or for good), under this rubric and for embeddings;
    by the time at which they were asked. A question can have two verdicts: it was asked again after a death.

    Raises:
        StoreError: no answer.
    """
    return _ended(reader, listed, rubric, "(outcome = 'ok' OR is_final)")


def attempts(reader: Reader, listed: Sequence[Listed], rubric: str) -> list[CallRow]:
    """All calls of these pairs that have ended, those that came to nothing too: what a judgement has cost is their sum.

    Raises:
        StoreError: no answer.
    """
    return _ended(reader, listed, rubric, "true")


def _known(reader: Reader, listed: Sequence[Listed], sql: str, rubric: str | None = None) -> set[tuple[UUID, str, str]]:
    found: set[tuple[UUID, str, str]] = set()
    for some, of_pairs in _portions(listed):
        asked = {pair.key for pair in some}
        columns = reader.columns(sql, {**of_pairs, "rubric": rubric or ""})
        rows = zip(columns["request_id"], columns["candidate"], columns["name"], strict=True)
        found.update(row for row in rows if row[:2] in asked)
    return found


def _ended(reader: Reader, listed: Sequence[Listed], rubric: str, condition: str) -> list[CallRow]:
    found: list[CallRow] = []
    names = ", ".join(tables.JUDGE_CALLS.names())
    for some, of_pairs in _portions(listed):
        asked = {pair.key for pair in some}
        rows = reader.query(
            f"SELECT {names} FROM {tables.JUDGE_CALLS.name} WHERE {_NAMED} AND stage = 'ended' "
            f"AND rubric IN ('', {{rubric:String}}) AND {condition} ORDER BY asked_at, call",
            {**of_pairs, "rubric": rubric},
        )
        found.extend(CallRow(**row) for row in rows if (row["request_id"], row["candidate"]) in asked)
    return found


def _portions(listed: Sequence[Listed]) -> Iterator[tuple[Sequence[Listed], dict[str, Any]]]:
    """Pairs in portions that one statement can name, with the parameters of `_NAMED`."""
    for begin in range(0, len(listed), PAIRS_PER_QUESTION):
        some = listed[begin : begin + PAIRS_PER_QUESTION]
        times = [pair.ts for pair in some]
        yield (
            some,
            {
                **Span(min(times), max(times) + timedelta(microseconds=1)).parameters(),
                "candidates": sorted({pair.candidate for pair in some}),
                "experiments": sorted({pair.experiment for pair in some}),
                "requests": sorted({str(pair.request_id) for pair in some}),
            },
        )
