"""The sums of the rollups from the pairs themselves: exact ends of a window, for as many pairs as one has patience for.

The expressions are those that fill the rollups, so both give the same numbers of the same pairs. Worked out anew they
cost some microseconds a pair.
"""

# ruff: noqa: S608 - names are those of this package; times and ids are parameters

from collections.abc import Mapping, Sequence
from typing import Any

from store.comparison import Ask
from store.never_sent import UNAVAILABLE
from store.parts import OF_EXPERIMENTS, Part
from store.rollups.reading import Histogram, LabelValue, Sums, sums_of
from store.rollups.statements import OF_INPUT_SOURCES, Source, prepared
from store.rollups.tables import BLOCKS, BUCKETS, LABEL_BUCKETS, LABELED, brief, series_of
from store.rollups.vectors import OF_PAIRS
from store.tables import SKIPS

_WHO = ("candidate", "experiment")


def group_sums(ask: Ask, part: Part, experiments: Sequence[str], *, step_s: int) -> tuple[Sums, Sums]:
    """Counts and sums by time (keys `candidate`, `experiment`, `time_s`) and by conversation bucket (`bucket`).

    Args:
        ask: runs a SELECT.
        part: which pairs.
        experiments: ids.
        step_s: blocks are added up to steps of so many seconds.
    """
    vectors = BUCKETS.kept
    sources = _sources(ask, part, experiments)
    added = ", ".join(f"sumForEach({v}) AS total_{v}" for v in vectors)
    columns = ask(
        f"SELECT candidate, experiment, time_s, bucket, {added} FROM (SELECT candidate, experiment, "
        f"intDiv(toUnixTimestamp(block), {int(step_s)}) * {int(step_s)} AS time_s, bucket, {', '.join(vectors)} "
        f"FROM ({_rows(sources, part, [*_WHO, 'block', 'bucket', *vectors])})) "
        "GROUP BY GROUPING SETS ((candidate, experiment, time_s), (candidate, experiment, bucket)) "
        "ORDER BY candidate, experiment, time_s, bucket",
        part.parameters_of(experiments),
    )
    by_time = [int(second) > 0 for second in columns["time_s"]]
    return (
        sums_of(_chosen(columns, by_time), (*_WHO, "time_s"), OF_PAIRS.statistics, vectors),
        sums_of(
            _chosen(columns, [not is_time for is_time in by_time]), (*_WHO, "bucket"), OF_PAIRS.statistics, vectors
        ),
    )


def total_sums(ask: Ask, part: Part, experiments: Sequence[str], *, vectors: Sequence[str] = BLOCKS.kept) -> Sums:
    """Sums over all pairs: keys `candidate`, `experiment`. Arguments as of `group_sums`."""
    sources = _sources(ask, part, experiments)
    added = ", ".join(f"sumForEach({v}) AS total_{v}" for v in vectors)
    columns = ask(
        f"SELECT candidate, experiment, {added} FROM ({_rows(sources, part, [*_WHO, *vectors])}) "
        "GROUP BY candidate, experiment ORDER BY candidate, experiment",
        part.parameters_of(experiments),
    )
    return sums_of(columns, _WHO, OF_PAIRS.statistics, vectors)


def histograms(ask: Ask, part: Part, experiments: Sequence[str]) -> list[Histogram]:
    """All histograms of the pairs. Arguments as of `group_sums`."""
    by = "candidate, experiment, series"
    sources = _sources(ask, part, experiments)
    found = ask(
        f"SELECT {by}, arraySort(groupArray(bin)) AS bins, "
        "arraySort((n, b) -> b, groupArray(n), groupArray(bin)) AS pairs FROM (SELECT candidate, experiment, "
        f"{series_of('place')} AS series, toInt16(place % 65536 - 1) AS bin, count() AS n "
        f"FROM (SELECT candidate, experiment, arrayJoin(bins) AS place FROM ({_rows(sources, part, [*_WHO, 'bins'])})) "
        f"GROUP BY {by}, bin) GROUP BY {by} ORDER BY {by}",
        part.parameters_of(experiments),
    )
    columns = (found[name] for name in ("candidate", "experiment", "series", "bins", "pairs"))
    return [Histogram(*row) for row in zip(*columns, strict=True)]


def label_values(ask: Ask, part: Part, experiments: Sequence[str], most: int) -> list[LabelValue]:
    """The values of each label that most pairs have, at most `most` of each."""
    by = "candidate, experiment, label_name"
    rows = " UNION ALL ".join(
        f"SELECT candidate, experiment, arrayJoin(labels) AS label FROM ({rows})"
        for rows in (prepared(source, _wanted(part), "", [*_WHO, "labels"]) for source in OF_INPUT_SOURCES)
    )
    found = ask(
        f"SELECT {by}, label_value, n FROM (SELECT candidate, experiment, label.1 AS label_name, "
        f"label.2 AS label_value, count() AS n FROM ({rows}) GROUP BY {by}, label_value) "
        f"ORDER BY {by}, n DESC, label_value LIMIT {int(most)} BY {by}",
        part.parameters_of(experiments),
    )
    columns = (found[name] for name in ("candidate", "experiment", "label_name", "label_value", "n"))
    return [LabelValue(*row) for row in zip(*columns, strict=True)]


def label_sums(
    ask: Ask, part: Part, experiments: Sequence[str], chosen: Sequence[tuple[str, str]], *, step_s: int
) -> tuple[Sums, Sums]:
    """Counts and sums of chosen (name, value) of labels, by time and by folded bucket: keys as of
    `reading.label_sums`. Arguments as of `group_sums`."""
    vectors = LABELED.kept
    sources = _sources(ask, part, experiments)
    keys = (*_WHO, "label_name", "label_value")
    added = ", ".join(f"sumForEach({v}) AS total_{v}" for v in vectors)
    briefly = ", ".join(brief(v) for v in vectors)
    who = ", ".join(keys)
    columns = ask(
        f"SELECT {who}, time_s, folded, {added} FROM (SELECT candidate, experiment, label.1 AS label_name, "
        f"label.2 AS label_value, intDiv(toUnixTimestamp(block), {int(step_s)}) * {int(step_s)} AS time_s, "
        f"bucket % {LABEL_BUCKETS} AS folded, {', '.join(vectors)} FROM (SELECT candidate, experiment, block, bucket, "
        "arrayJoin(arrayFilter(label -> concat(label.1, '=', label.2) IN {chosen:Array(String)}, "
        "CAST(labels, 'Array(Tuple(String, String))'))) AS label, "
        f"{briefly} FROM ({_rows(sources, part, [*_WHO, 'block', 'bucket', 'labels', *vectors])}))) "
        f"GROUP BY GROUPING SETS (({who}, time_s), ({who}, folded)) ORDER BY {who}, time_s, folded",
        {**part.parameters_of(experiments), "chosen": [f"{name}={value}" for name, value in chosen]},
    )
    by_time = [int(second) > 0 for second in columns["time_s"]]
    columns = {**columns, "bucket": columns["folded"]}
    return (
        sums_of(_chosen(columns, by_time), (*keys, "time_s"), LABELED.vectors, vectors),
        sums_of(_chosen(columns, [not is_time for is_time in by_time]), (*keys, "bucket"), LABELED.vectors, vectors),
    )


def _wanted(part: Part) -> str:
    return f"{part.condition} AND {OF_EXPERIMENTS}"


def _sources(ask: Ask, part: Part, experiments: Sequence[str]) -> tuple[Source, ...]:
    """Where the rows are. To plan for the copies that were never sent, too, takes the engine a good part of a second,
    and mostly there are none."""
    reasons = ", ".join(f"'{reason}'" for reason in UNAVAILABLE)
    found = ask(
        f"SELECT count() AS n FROM (SELECT 1 FROM {SKIPS.name} WHERE {_wanted(part)} "
        f"AND reason IN ({reasons}) LIMIT 1)",
        part.parameters_of(experiments),
    )
    return OF_INPUT_SOURCES if int(found["n"][0]) else ("pairs",)


def _rows(sources: Sequence[Source], part: Part, names: Sequence[str]) -> str:
    """Pairs, and copies that the candidate was not there for."""
    listed = ", ".join(names)
    return " UNION ALL ".join(
        f"SELECT {listed} FROM ({prepared(source, _wanted(part), '', names)})" for source in sources
    )


def _chosen(columns: Mapping[str, Sequence[Any]], which: Sequence[bool]) -> dict[str, list[Any]]:
    return {name: [v for v, keep in zip(values, which, strict=True) if keep] for name, values in columns.items()}
