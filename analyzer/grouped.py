"""Sums by group from several readings, put together exactly."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from analyzer.figures import GroupTable, Histogram
from store.rollups import reading

Who = tuple[str, ...]
"""Candidate and experiment, and what else tells tables apart."""


def tables(
    parts: Sequence[reading.Sums], key: str, who: Sequence[str] = ("candidate", "experiment")
) -> dict[Who, GroupTable]:
    """One table for each value of the keys `who`, its groups those of `key`; equal groups are added up.

    Parts may hold different statistics; where one holds none, it adds nothing.
    """
    columns = [(part, [part.keys[name] for name in who], part.keys[key]) for part in parts]
    groups: dict[Who, dict[int, list[tuple[reading.Sums, int]]]] = defaultdict(lambda: defaultdict(list))
    for part, names, keys in columns:
        for i, found in enumerate(keys):
            groups[tuple(str(column[i]) for column in names)][int(found)].append((part, i))
    return {whose: _table(of) for whose, of in groups.items()}


def _table(groups: Mapping[int, Sequence[tuple[reading.Sums, int]]]) -> GroupTable:
    keys = sorted(groups)
    statistics = dict.fromkeys(name for rows in groups.values() for part, _ in rows for name in part.statistics)
    columns = {}
    for name in statistics:
        columns[name] = tuple(
            sum(int(part.statistics[name][i]) for part, i in groups[key] if name in part.statistics) for key in keys
        )
    return GroupTable(tuple(keys), columns)


def totals(table: GroupTable) -> dict[str, int]:
    """Of every statistic."""
    return {name: sum(values) for name, values in table.sums.items()}


def added(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Statistics of several parts."""
    found: dict[str, int] = {}
    for part in parts:
        for name, value in part.items():
            found[name] = found.get(name, 0) + value
    return found


def histograms(parts: Iterable[reading.Histogram]) -> dict[Who, dict[str, Histogram]]:
    """(candidate, experiment) -> series -> histogram; parts of the same series are added up."""
    found: dict[Who, dict[str, dict[int, int]]] = defaultdict(lambda: defaultdict(dict))
    for part in parts:
        bins = found[part.candidate, part.experiment][part.series]
        for place, pairs in zip(part.bins, part.pairs, strict=True):
            bins[int(place)] = bins.get(int(place), 0) + int(pairs)
    return {
        who: {
            name: Histogram(*(tuple(column) for column in zip(*sorted(bins.items()), strict=True)))
            for name, bins in series.items()
            if bins
        }
        for who, series in found.items()
    }
