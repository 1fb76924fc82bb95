"""The rollup tables: by what they group, and which vectors they keep."""

from collections.abc import Mapping
from dataclasses import dataclass

from store.rollups.vectors import FAILED_BIN, GAMMA, OF_PAIRS, OF_SKIPS, SERIES, TYPES, ZERO_BIN, Statistic
from store.schema.column import NAME, SECOND, Column, Table, quoted
from store.schema.pairs import LABELS

LABEL_BUCKETS = 16
"""Conversation buckets of labels are folded to so many."""
NO_BUCKET = 255
"""In rows of labels by hour."""
FINE_HOURS = 36
"""Older rows are merged to one per hour (time blocks) or day (all others) in the background: a look at 30 days reads a
tenth of the rows, and cuts at whole days."""


@dataclass(frozen=True, slots=True)
class Key:
    """A column to group by."""

    column: Column
    sql: str
    """Over prepared rows."""


@dataclass(frozen=True, slots=True)
class Rollup:
    """One table that views fill."""

    name: str
    comment: str
    keys: tuple[Key, ...]
    time: str
    """Its key of time."""
    coarse: str
    """What the key of time is grouped by in the end; empty: stays as it is."""
    vectors: Mapping[str, tuple[Statistic, ...]]
    """The vectors that it adds up, and their places; none: it counts, in `pairs`."""
    apart: str = ""
    """An expression with arrayJoin, as `place`: a pair becomes several rows."""

    @property
    def kept(self) -> tuple[str, ...]:
        """Names of its vectors."""
        return tuple(self.vectors)

    @property
    def table(self) -> Table:
        """As it stands in the database."""
        sums = [Column(v, f"AggregateFunction(sumForEach, Array({TYPES[v]}))", _SUMS[v], "ZSTD(1)") for v in self.kept]
        if not self.kept:
            sums = [Column("pairs", "SimpleAggregateFunction(sum, Int64)", "Pairs.", "T64, ZSTD(1)")]
        return Table(self.name, self.comment, (*(key.column for key in self.keys), *sums))

    @property
    def engine(self) -> str:
        """Engine, order and ageing, as in CREATE TABLE."""
        names = [key.column.name for key in self.keys]
        engine = f"ENGINE = AggregatingMergeTree\nPARTITION BY toYYYYMM({self.time})\n"
        if not self.coarse:
            return f"{engine}ORDER BY ({', '.join(names)})"
        grouped = ", ".join(self.coarse if name == self.time else name for name in names)
        sums = ", ".join(f"{v} = sumForEachMergeState({v})" for v in self.kept) or "pairs = sum(pairs)"
        return (
            f"{engine}PRIMARY KEY ({grouped})\nORDER BY ({grouped}, {self.time})\n"
            f"TTL {self.time} + INTERVAL {FINE_HOURS} HOUR GROUP BY {grouped} SET {sums}"
        )


_SUMS = {
    "counts": "Numbers of pairs, one for each statistic.",
    "sums": "Sums, one for each statistic.",
    "squares": "Sums of squares and products, one for each statistic.",
    "cubes": "Sums of cubes, one for each statistic.",
}
_ALL = OF_PAIRS.statistics
_LINEAR = {vector: _ALL[vector] for vector in ("counts", "sums")}
_OF_LABELS = ("total_us", "ttft_us", "output_tokens", "cost_nanousd", "error", "refusal")
"""Measures that rows of labels keep; there can be as many rows as there are values."""


def _is_of_labels(statistic: Statistic) -> bool:
    prefix = next((p for p in _OF_LABELS if statistic.name.startswith(f"{p}_")), "")
    what = statistic.name.removeprefix(f"{prefix}_")
    return statistic.name in {"pairs", "unavailable"} or bool(prefix and "log" not in what)


_BRIEF = {vector: tuple(filter(_is_of_labels, places)) for vector, places in _LINEAR.items()}


def brief(vector: str) -> str:
    """The places of a vector that rows of labels keep, under its name."""
    places = [i + 1 for i, statistic in enumerate(_LINEAR[vector]) if statistic in _BRIEF[vector]]
    return f"arrayMap(i -> {vector}[i], {places}) AS {vector}"


_QUOTED_SERIES = ", ".join(quoted(series) for series in SERIES)


def series_of(place: str) -> str:
    """Name of the series of a bin of `rollup_input`."""
    return f"[{_QUOTED_SERIES}][intDiv({place}, 65536) + 1]"


_WHO = (
    Key(Column("candidate", NAME, "Candidate."), "candidate"),
    Key(Column("experiment", NAME, "As in `pairs`."), "experiment"),
)
_BLOCK = Key(Column("block", SECOND, "Time block, as in `pairs`.", "Delta, ZSTD(1)"), "block")
_HOUR = Key(Column("hour", SECOND, "Hour in which the time block begins.", "Delta, ZSTD(1)"), "toStartOfHour(block)")
_BUCKET = Key(Column("bucket", "UInt8", "Conversation bucket.", "ZSTD(1)"), "bucket")
_REASON = Key(Column("reason", NAME, "State, as in `skips`."), "reason")

INPUT = Table(
    "rollup_input",
    "What rollups take from each pair, on its way to them: holds no rows.",
    (
        *(key.column for key in _WHO),
        Column("block", SECOND, "Time block, as in `pairs`."),
        Column("bucket", "UInt8", "Conversation bucket."),
        Column("labels", LABELS.type, LABELS.comment),
        *(Column(v, f"Array({TYPES[v]})", f"{what.split(',')[0]} of one pair.") for v, what in _SUMS.items()),
        Column("bins", "Array(Int32)", "Bins of the histograms: 65,536 * series + bin + 1."),
    ),
)
BLOCKS = Rollup(
    "rollup_blocks",
    "Sums over pairs by time block; rows of the same key add up.",
    (*_WHO, _BLOCK),
    "block",
    "toStartOfHour(block)",
    _ALL,
)
BUCKETS = Rollup(
    "rollup_buckets",
    "Sums over pairs by conversation bucket and hour; rows of the same key add up.",
    (*_WHO, _HOUR, _BUCKET),
    "hour",
    "toStartOfDay(hour)",
    _LINEAR,
)
_BY_HOUR = f"(n, v, toStartOfHour(block), toUInt8({NO_BUCKET}))"
_BY_BUCKET = f"(n, v, toStartOfDay(block), toUInt8(bucket % {LABEL_BUCKETS}))"
LABELED = Rollup(
    "rollup_labels",
    "Sums over pairs by label: by hour, and by day and folded conversation bucket; rows of the same key add up.",
    (
        *_WHO,
        Key(Column("label_name", NAME, "Name of a label of the requests."), "place.1"),
        Key(
            Column(
                "bucket",
                "UInt8",
                f"Conversation bucket modulo {LABEL_BUCKETS} in rows of a day; {NO_BUCKET} in rows of an hour.",
                "ZSTD(1)",
            ),
            "place.4",
        ),
        Key(Column("label_value", "String", "Its value.", "ZSTD(1)"), "place.2"),
        Key(
            Column("time", SECOND, "Hour or day (UTC) in which the time block begins.", "Delta, ZSTD(1)"),
            "place.3",
        ),
    ),
    "time",
    "toStartOfDay(time)",
    _BRIEF,
    f"{brief('counts')}, {brief('sums')}, arrayJoin(arrayConcat("
    f"arrayMap((n, v) -> {_BY_HOUR}, mapKeys(labels), mapValues(labels)), "
    f"arrayMap((n, v) -> {_BY_BUCKET}, mapKeys(labels), mapValues(labels))))",
)
HISTOGRAMS = Rollup(
    "rollup_histograms",
    "Histograms of the latencies of both arms by hour; rows of the same key add up.",
    (
        *_WHO,
        Key(
            Column("series", NAME, f"{', '.join(SERIES)}."),
            series_of("place"),
        ),
        _HOUR,
        Key(
            Column(
                "bin",
                "Int16",
                f"Bin b holds {GAMMA}^b µs up to {GAMMA}^(b+1) µs; {ZERO_BIN} is 0, {FAILED_BIN} are failures.",
                "Delta, ZSTD(1)",
            ),
            "toInt16(place % 65536 - 1)",
        ),
    ),
    "hour",
    "toStartOfDay(hour)",
    {},
    "arrayJoin(bins)",
)
SKIPPED = Rollup(
    "rollup_skips",
    "Skipped requests and the primary's figures of them by reason and hour; rows of the same key add up.",
    (*_WHO, _REASON, _HOUR),
    "hour",
    "",
    OF_SKIPS.statistics,
)
OF_INPUT = (BLOCKS, BUCKETS, LABELED, HISTOGRAMS)
"""Filled from `rollup_input`."""
ROLLUPS = (*OF_INPUT, SKIPPED)
TABLES: tuple[Table, ...] = (INPUT, *(rollup.table for rollup in ROLLUPS))
"""As they stand in the database; filled by views, never by a writer."""
