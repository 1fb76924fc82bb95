"""How judging and labelling stand, for people who look: counts, moments and sums, no texts."""

# ruff: noqa: S608 - statements hold names of our own tables and columns; what comes from outside is a parameter

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from store import tables
from store.comparison import Span, unix_us
from store.judging.progress import ACTIVE_S, SCORES
from store.judging.survey import BOTH_OK
from store.reader import Reader

RECENT = timedelta(hours=1)
"""Over which outcomes of calls are counted."""

_WITHIN = (
    "ts >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') AND ts < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')"
)
_SAID = "(isNotNull(preference) OR isNotNull(score_primary) OR isNotNull(score_candidate))"
"""Of the newest row of a pair, person and rubric; else they have taken back what they said."""
_NOBODY_IS_MISSING = frozenset({"connect_error", "rate_limited", "http_error"})


@dataclass(frozen=True, slots=True)
class JudgedBy:
    """Pairs of one candidate that judges have judged by one rubric."""

    candidate: str
    rubric: str
    """With its version."""
    pairs: int
    newest: datetime
    """When the last of them was judged, UTC."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Pairs of one candidate that people have labelled by one rubric."""

    pairs: int
    people: int
    mine: int
    """Of the person who asks."""


@dataclass(frozen=True, slots=True)
class JudgeToday:
    """One judge since midnight UTC, by the store's clock."""

    asked: int
    """Calls."""
    ended: int
    cost_usd: Decimal
    """Of calls whose cost is known."""
    unpriced: int
    """Ended calls whose cost is unknown."""


@dataclass(frozen=True, slots=True)
class Lately:
    """How calls to one judge ended within the last hour."""

    outcomes: Mapping[str, int]
    """Outcome -> calls."""
    answered: datetime | None
    """When the last call that it answered was asked, UTC; None: none was."""
    failed: datetime | None
    """The same of the last call for which it was not there."""
    failure: str
    """How that one ended; empty: there was none."""

    @property
    def is_away(self) -> bool:
        """It was there less lately than it was not."""
        return self.failed is not None and (self.answered is None or self.answered < self.failed)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Pairs that no judge has taken up yet."""

    pairs: int
    oldest: datetime | None
    """Start of the oldest one's request, UTC."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Pairs with a verdict of today (UTC)."""

    by_rung: Mapping[str, int]
    """equal, structure, judge -> pairs."""
    newest: datetime | None
    """When the last of them was judged, UTC."""


def judged_by(reader: Reader, since: datetime, until: datetime) -> list[JudgedBy]:
    """What there is to label, the most recently judged first.

    Raises:
        StoreError: no answer.
    """
    rows = reader.query(
        "SELECT candidate, rubric, uniqExact(request_id) AS pairs, max(judged_at) AS newest "
        f"FROM {tables.JUDGEMENTS.name} WHERE {_WITHIN} AND rung = 'judge' GROUP BY candidate, rubric "
        "ORDER BY newest DESC, candidate, rubric",
        Span(since, until).parameters(),
    )
    return [JudgedBy(**row) for row in rows]


def labelled(
    reader: Reader, since: datetime, until: datetime, candidate: str, *, rubric: str, labeler: str
) -> Labelled:
    """Labels that count: newest ones, not taken back.

    Raises:
        StoreError: no answer.
    """
    (row,) = reader.query(
        "SELECT uniqExact(request_id) AS pairs, uniqExact(labeler) AS people, "
        "uniqExactIf(request_id, labeler = {labeler:String}) AS mine FROM ("
        f"SELECT request_id, labeler FROM {tables.LABELS_HUMAN.name} "
        f"WHERE candidate = {{candidate:String}} AND rubric = {{rubric:String}} AND {_WITHIN} "
        f"GROUP BY request_id, labeler HAVING argMax({_SAID}, labeled_at))",
        {**Span(since, until).parameters(), "candidate": candidate, "rubric": rubric, "labeler": labeler},
    )
    return Labelled(**row)


def judges_today(reader: Reader) -> dict[str, JudgeToday]:
    """Judge -> its calls of today; embeddings have the empty name.

    Raises:
        StoreError: no answer.
    """
    rows = reader.query(
        "SELECT judge, sum(begun) AS asked, sum(done) AS ended, sum(cost) AS cost_usd, sum(unknown) AS unpriced FROM ("
        "SELECT judge, minute, asked AS begun, ended AS done, known_usd AS cost, unpriced AS unknown "
        f"FROM {tables.JUDGE_SPEND.name}) WHERE minute >= toStartOfDay(now('UTC')) GROUP BY judge"
    )
    return {row.pop("judge"): JudgeToday(**row) for row in rows}


def lately(reader: Reader, since: datetime, now: datetime) -> dict[str, Lately]:
    """Judge -> how calls of the last hour ended.

    Args:
        reader: of the caller's thread.
        since: start of the oldest request that may have been judged so lately.
        now: UTC.

    Raises:
        StoreError: no answer.
    """
    rows = reader.query(
        f"SELECT judge, outcome, count() AS n, max(asked_at) AS newest FROM {tables.JUDGE_CALLS.name} "
        "WHERE stage = 'ended' AND ts >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') "
        "AND asked_at >= fromUnixTimestamp64Milli({asked_ms:Int64}, 'UTC') GROUP BY judge, outcome",
        {"since_us": unix_us(since), "asked_ms": unix_us(now - RECENT) // 1000},
    )
    found: dict[str, Lately] = {}
    for judge in {row["judge"] for row in rows}:
        own = {row["outcome"]: row for row in rows if row["judge"] == judge}
        absent = max((own[name] for name in own.keys() & _NOBODY_IS_MISSING), key=lambda r: r["newest"], default=None)
        there = [row["newest"] for name, row in own.items() if name not in _NOBODY_IS_MISSING | {"interrupted"}]
        found[judge] = Lately(
            {name: row["n"] for name, row in own.items()},
            max(there, default=None),
            None if absent is None else absent["newest"],
            "" if absent is None else absent["outcome"],
        )
    return found


def settled_today(reader: Reader, since: datetime, today: datetime) -> Settled:
    """Pairs that came to a verdict today.

    Args:
        reader: of the caller's thread.
        since: start of the oldest request that may have been judged today.
        today: midnight, UTC.

    Raises:
        StoreError: no answer.
    """
    rows = reader.query(
        "SELECT rung, uniqExact(request_id, candidate) AS pairs, max(judged_at) AS newest "
        f"FROM {tables.JUDGEMENTS.name} WHERE ts >= fromUnixTimestamp64Micro({{since_us:Int64}}, 'UTC') "
        "AND judged_at >= fromUnixTimestamp64Milli({today_ms:Int64}, 'UTC') GROUP BY rung",
        {"since_us": unix_us(since), "today_ms": unix_us(today) // 1000},
    )
    return Settled({row["rung"]: row["pairs"] for row in rows}, max((row["newest"] for row in rows), default=None))


def at_work(reader: Reader) -> int:
    """Judge processes that said of late that they are there.

    Raises:
        StoreError: no answer.
    """
    (row,) = reader.query(
        "SELECT countIf(began <= last AND last > now64(3, 'UTC') - {active_s:Float64}) AS n FROM "
        f"(SELECT argMax(since, seen) AS began, max(seen) AS last FROM {tables.JUDGES.name} GROUP BY judge)",
        {"active_s": ACTIVE_S},
    )
    n: int = row["n"]
    return n


def newest_progress(reader: Reader) -> datetime | None:
    """Pairs that began before this moment (UTC) were judged, by the plan that was noted last; None: none ever.

    Raises:
        StoreError: no answer.
    """
    (row,) = reader.query(
        f"SELECT argMax(taken_until, at) AS until, count() AS n FROM {tables.JUDGE_PROGRESS.name} "
        "WHERE NOT startsWith(plan, {scores:String})",
        {"scores": SCORES},
    )
    found: datetime | None = row["until"] if row["n"] else None
    return found


def waiting(reader: Reader, since: datetime, until: datetime) -> Waiting:
    """Pairs that could be judged and began in a window.

    Raises:
        StoreError: no answer.
    """
    if until <= since:
        return Waiting(0, None)
    (row,) = reader.query(
        f"SELECT count() AS pairs, min(ts) AS oldest FROM {tables.PAIRS.name} WHERE {_WITHIN} AND {BOTH_OK}",
        Span(since, until).parameters(),
    )
    return Waiting(row["pairs"], row["oldest"] if row["pairs"] else None)
