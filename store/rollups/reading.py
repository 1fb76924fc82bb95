"""What the rollups hold of a window, by statistic.

Rows older than 36 hours are merged to whole hours (time blocks) or days (all others), whenever the engine gets to
it. A window that begins or ends there has to be cut at whole days, or what it holds would depend on the moment;
`whole` does that. Readings are of one snapshot each, not of one snapshot together.
"""

# ruff: noqa: S608 - names are those of this package; times and ids are parameters

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from store.comparison import Ask, Span, unix_us
from store.parts import BLOCK_RANGE, BlockRange
from store.parts import block_range as block_range_of
from store.rollups.tables import BLOCKS, BUCKETS, FINE_HOURS, HISTOGRAMS, LABELED, NO_BUCKET, SKIPPED, Rollup
from store.rollups.vectors import Statistic

HOUR_S, DAY_S = 3600, 86_400
# Earlier than the engine, so that clocks may differ and a reading may take its time; later than 24 hours and some.
_FINE = timedelta(hours=FINE_HOURS - 10)


@dataclass(frozen=True, slots=True)
class Sums:
    """One row per group; all columns of one length."""

    keys: Mapping[str, Sequence[Any]]
    """By name. Times are seconds since the epoch."""
    statistics: Mapping[str, Sequence[int]]
    """By name, exact; see `store.rollups.vectors`."""


def fine_since(now: datetime) -> datetime:
    """Rows from here on are not merged to hours and days yet."""
    return now - _FINE


def around(span: Span) -> Span:
    """The whole hours that a span touches."""
    hour_us = HOUR_S * 10**6
    since_us, until_us = unix_us(span.since) // hour_us, -(-unix_us(span.until) // hour_us)
    return Span(_moment(since_us * hour_us), _moment(until_us * hour_us))


def whole(span: Span, now: datetime) -> Span:
    """The largest window inside a span that every rollup can answer: ends of the last 26 hours at whole hours,
    earlier ones at whole days (UTC)."""

    def grain_us(end: datetime) -> int:
        return (HOUR_S if end >= fine_since(now) else DAY_S) * 10**6

    since_us, until_us = unix_us(span.since), unix_us(span.until)
    since_us = -(-since_us // grain_us(span.since)) * grain_us(span.since)
    until_us = until_us // grain_us(span.until) * grain_us(span.until)
    return Span(_moment(since_us), _moment(max(since_us, until_us)))


def block_sums(
    ask: Ask, span: Span, experiments: Sequence[str], *, step_s: int, vectors: Sequence[str] = BLOCKS.kept
) -> Sums:
    """Sums by time: keys `candidate`, `experiment`, `time_s`.

    Args:
        ask: runs a SELECT.
        span: starts of time blocks, cut as `whole` does; in the last 26 hours it may begin and end anywhere.
        experiments: ids.
        step_s: neighbouring blocks are added up to steps of so many seconds; at least an hour for older windows, or
            steps differ from moment to moment.
        vectors: counts, sums, squares, cubes: all, or the ones that are needed.
    """
    time = f"intDiv(toUnixTimestamp(block), {int(step_s)}) * {int(step_s)} AS time_s"
    return _sums(ask, BLOCKS, span, experiments, [time], vectors=vectors)


def total_sums(ask: Ask, span: Span, experiments: Sequence[str], *, vectors: Sequence[str] = BLOCKS.kept) -> Sums:
    """Sums of the whole window: keys `candidate`, `experiment`. Arguments as of `block_sums`."""
    return _sums(ask, BLOCKS, span, experiments, [], vectors=vectors)


def bucket_sums(ask: Ask, span: Span, experiments: Sequence[str]) -> Sums:
    """Counts and sums by conversation bucket: keys `candidate`, `experiment`, `bucket`. `span` as `whole` cuts it."""
    return _sums(ask, BUCKETS, span, experiments, ["bucket"])


def block_range(ask: Ask, span: Span, experiments: Sequence[str]) -> BlockRange | None:
    """Time blocks that hold pairs, as far as they have not been merged to hours; None without pairs."""
    within, ends = _in_seconds(BLOCKS, span)
    return block_range_of(
        ask(
            f"SELECT {BLOCK_RANGE} FROM {BLOCKS.name} WHERE {within} AND experiment IN {{experiments:Array(String)}}",
            {**ends, "experiments": list(experiments)},
        )
    )


def _in_seconds(rollup: Rollup, span: Span) -> tuple[str, dict[str, int]]:
    """For any ends: a row belongs to the second in which its time lies."""
    ends = {"since_s": -(-unix_us(span.since) // 10**6), "until_s": -(-unix_us(span.until) // 10**6)}
    unix = f"toUnixTimestamp({rollup.time})"
    return f"{unix} >= {{since_s:Int64}} AND {unix} < {{until_s:Int64}}", ends


@dataclass(frozen=True, slots=True)
class LabelValue:
    """One value of a label."""

    candidate: str
    experiment: str
    name: str
    value: str
    pairs: int


def label_values(ask: Ask, span: Span, experiments: Sequence[str], *, most: int) -> list[LabelValue]:
    """The values of each label that most pairs have, at most `most` of each; `span` as `whole` cuts it."""
    by = "candidate, experiment, label_name"
    place = [place.name for place in LABELED.vectors["counts"]].index("pairs") + 1
    found = ask(
        f"SELECT {by}, label_value, sumForEachMerge(counts)[{place}] AS n FROM {LABELED.name} "
        f"WHERE {_within(LABELED)} AND experiment IN {{experiments:Array(String)}} AND bucket = {NO_BUCKET} "
        f"GROUP BY {by}, label_value ORDER BY {by}, n DESC, label_value LIMIT {int(most)} BY {by}",
        {**_ends(span), "experiments": list(experiments)},
    )
    columns = (found[name] for name in ("candidate", "experiment", "label_name", "label_value", "n"))
    return [LabelValue(*row) for row in zip(*columns, strict=True)]


def label_sums(
    ask: Ask,
    span: Span,
    experiments: Sequence[str],
    *,
    name: str | None = None,
    values: Sequence[tuple[str, str]] | None = None,
    by: Literal["", "time", "bucket"] = "",
    step_s: int = DAY_S,
) -> Sums:
    """Counts and sums by label: keys `candidate`, `experiment`, `label_name`, `label_value`.

    Args:
        ask: runs a SELECT.
        span: as `whole` cuts it; by bucket only whole days.
        experiments: ids.
        name: of one label; None: all.
        values: (name, value) that are wanted; None: all.
        by: also by `time_s` (steps of `step_s`, whole hours or days) or by `bucket` (folded).
        step_s: whole hours in the last 26 hours, else whole days.
    """
    keys = ["label_name", "label_value"]
    if by == "time":
        keys.append(f"intDiv(toUnixTimestamp(time), {int(step_s)}) * {int(step_s)} AS time_s")
    if by == "bucket":
        keys.append("bucket")
    where = f"bucket {'!=' if by == 'bucket' else '='} {NO_BUCKET}"
    if name is not None:
        where += " AND label_name = {name:String}"
    if values is not None:
        where += " AND concat(label_name, '=', label_value) IN {chosen:Array(String)}"
    parameters = {"name": name or "", "chosen": [f"{label}={value}" for label, value in values or ()]}
    return _sums(ask, LABELED, span, experiments, keys, where=where, parameters=parameters)


@dataclass(frozen=True, slots=True)
class Histogram:
    """One arm's times; see `store.rollups.vectors` for bins and series."""

    candidate: str
    experiment: str
    series: str
    bins: Sequence[int]
    """Ascending."""
    pairs: Sequence[int]
    """Of each bin."""


def histograms(ask: Ask, span: Span, experiments: Sequence[str]) -> list[Histogram]:
    """All histograms of a window; `span` as `whole` cuts it."""
    by = "candidate, experiment, series"
    found = ask(
        f"SELECT {by}, arraySort(groupArray(bin)) AS bins, "
        "arraySort((n, b) -> b, groupArray(n), groupArray(bin)) AS pairs "
        f"FROM (SELECT {by}, bin, sum(pairs) AS n FROM {HISTOGRAMS.name} "
        f"WHERE {_within(HISTOGRAMS)} AND experiment IN {{experiments:Array(String)}} GROUP BY {by}, bin) "
        f"GROUP BY {by} ORDER BY {by}",
        {**_ends(span), "experiments": list(experiments)},
    )
    columns = (found[name] for name in ("candidate", "experiment", "series", "bins", "pairs"))
    return [Histogram(*row) for row in zip(*columns, strict=True)]


def skip_sums(ask: Ask, span: Span, experiments: Sequence[str]) -> Sums:
    """Skipped requests: keys `candidate`, `experiment`, `reason`. `span` in whole hours."""
    return _sums(ask, SKIPPED, span, experiments, ["reason"])


def _sums(
    ask: Ask,
    rollup: Rollup,
    span: Span,
    experiments: Sequence[str],
    keys: Sequence[str],
    *,
    vectors: Sequence[str] | None = None,
    where: str = "1",
    parameters: Mapping[str, Any] | None = None,
) -> Sums:
    grouped = ["candidate", "experiment", *keys]
    names = [key.rpartition(" ")[2] for key in grouped]
    kept = rollup.kept if vectors is None else tuple(vectors)
    added = [f"sumForEachMerge({v}) AS total_{v}" for v in kept]
    columns = ask(
        f"SELECT {', '.join([*grouped, *added])} FROM {rollup.name} "
        f"WHERE {_within(rollup)} AND experiment IN {{experiments:Array(String)}} AND {where} "
        f"GROUP BY {', '.join(names)} ORDER BY {', '.join(names)}",
        {**_ends(span), "experiments": list(experiments), **(parameters or {})},
    )
    return sums_of(columns, names, rollup.vectors, kept)


def sums_of(
    columns: Mapping[str, Sequence[Any]],
    keys: Sequence[str],
    places_of: Mapping[str, Sequence[Statistic]],
    vectors: Sequence[str],
) -> Sums:
    """An answer with columns of keys, and one of arrays (`total_<vector>`) for each vector."""
    statistics: dict[str, Sequence[int]] = {}
    for vector in vectors:
        places = places_of[vector]
        rows = columns[f"total_{vector}"]
        by_place: Sequence[Sequence[int]] = list(zip(*rows, strict=True)) if len(rows) else [()] * len(places)
        statistics |= {place.name: column for place, column in zip(places, by_place, strict=True)}
    return Sums({name: columns[name] for name in keys}, statistics)


def _within(rollup: Rollup) -> str:
    """A row that has been merged holds some time within its hour or day: an end at a whole one does not part it."""
    return f"{rollup.time} >= {{since:DateTime('UTC')}} AND {rollup.time} < {{until:DateTime('UTC')}}"


def _ends(span: Span) -> dict[str, str]:
    if span.since.microsecond or span.until.microsecond:
        raise ValueError("rollups are cut at whole seconds")
    return {"since": _text(span.since), "until": _text(span.until)}


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _moment(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
