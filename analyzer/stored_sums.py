"""Sums, histograms and labels of a window of a store, put together from rollups and from pairs."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from analyzer import grouped
from analyzer.figures import MAX_LABEL_VALUES, GroupTable, Histogram, LabelTable
from analyzer.reading import DEFAULT_CAP_MS, Setting, Sums
from analyzer.source import Experiment
from store.comparison import Ask, Span
from store.parts import blocks_of
from store.rollups import direct, layout, reading, restricted
from store.rollups.grid import Grid
from store.rollups.layout import Layout
from store.rollups.measures import HOUR_US
from store.rollups.reading import DAY_S, HOUR_S, LabelValue
from store.rollups.vectors import FAILED_BIN, GAMMA

_LINEAR = ("counts", "sums")
_POWERS = ("squares", "cubes")
MOST_LABEL_STEPS = 200
"""Groups of time of one value of a label."""
_LABEL = ("candidate", "experiment", "label_name", "label_value")


def grid(ask: Ask, how: Layout, experiments: Sequence[str], block_s: float | None) -> Grid:
    """The steps of time of a window."""
    if how.middle is None:
        found = blocks_of(ask, how.pairs, experiments)
    else:
        found = reading.block_range(ask, how.span, experiments)
    return layout.grid(found, is_merged=how.is_merged, block_s=block_s)


def read(ask: Ask, how: Layout, experiments: Sequence[Experiment], setting: Setting, steps: Grid) -> dict[str, Sums]:
    """By candidate; one without pairs is left out."""
    ids = [experiment.id for experiment in experiments]
    histograms = grouped.histograms(_histograms(ask, how, ids))
    by_time, by_bucket = _groups(ask, how, ids, steps.step_s)
    capped = [_capped(e, cap_us(setting, e.candidate), histograms) for e in experiments]
    differing = [whose for whose in capped if whose.is_longer or _has_timeouts(by_time, whose)]
    mended = [restricted.corrections(ask, how.pairs, whose, steps) for whose in differing]
    blocks = grouped.tables([*by_time, *(times for times, _ in mended)], "time_s")
    buckets = grouped.tables([*by_bucket, *(found for _, found in mended)], "bucket")
    powers = _powers(ask, how, ids)
    corrected = grouped.tables([times for times, _ in mended], "time_s")
    labels = _labels(ask, how, ids, steps.step_s)
    found = {}
    for experiment in experiments:
        who = experiment.candidate, experiment.id
        if who in blocks:
            extra = grouped.totals(corrected[who]) if who in corrected else {}
            linear = _without_powers(blocks[who])
            # Squares and cubes of corrections are in `extra`; their sums and counts are in the groups already.
            found[experiment.candidate] = Sums(
                linear,
                _without_powers(buckets[who]),
                grouped.added([grouped.totals(linear), powers.get(who, {}), _powers_of(extra)]),
                histograms.get(who, {}),
                labels.get(who, ()),
            )
    return found


def cap_us(setting: Setting, candidate: str) -> int:
    """The longest that a leg may take: what a leg that timed out counts as."""
    return min(HOUR_US, round((setting.caps_ms or {}).get(candidate, DEFAULT_CAP_MS) * 1000))


_CORRECTED_POWERS = frozenset(
    name
    for name in restricted.statistics_names()
    if not name.endswith(tuple(f"_us_{end}" for end in restricted.LINEAR))
)


def _without_powers(table: GroupTable) -> GroupTable:
    """Groups hold counts and sums alone."""
    return GroupTable(table.keys, {n: values for n, values in table.sums.items() if n not in _CORRECTED_POWERS})


def _powers_of(statistics: Mapping[str, int]) -> dict[str, int]:
    return {name: value for name, value in statistics.items() if name in _CORRECTED_POWERS}


def _capped(
    experiment: Experiment, most_us: int, histograms: Mapping[grouped.Who, Mapping[str, Histogram]]
) -> restricted.Capped:
    """Did any answer take longer than the cap? The bin in which the cap lies counts as longer, too."""
    series = histograms.get((experiment.candidate, experiment.id), {})
    kept = [of for name, of in series.items() if name.startswith(tuple(restricted.SERIES))]
    longest = max((place for of in kept for place in of.bins if place != FAILED_BIN), default=-1)
    return restricted.Capped(experiment.candidate, experiment.id, most_us, GAMMA ** (longest + 2) > most_us)


def _has_timeouts(parts: Sequence[reading.Sums], whose: restricted.Capped) -> bool:
    return any(
        part.statistics["timeout_primary"][i] or part.statistics["timeout_candidate"][i]
        for part in parts
        for i, who in enumerate(zip(part.keys["candidate"], part.keys["experiment"], strict=True))
        if who == (whose.candidate, whose.experiment)
    )


def _histograms(ask: Ask, how: Layout, ids: Sequence[str]) -> list[reading.Histogram]:
    found = [] if how.middle is None else reading.histograms(ask, how.middle, ids)
    return [*found, *(histogram for part in how.ends for histogram in direct.histograms(ask, part, ids))]


def _groups(ask: Ask, how: Layout, ids: Sequence[str], step_s: int) -> tuple[list[reading.Sums], list[reading.Sums]]:
    """Counts and sums by time, and by conversation bucket."""
    ends = [direct.group_sums(ask, part, ids, step_s=step_s) for part in how.ends]
    by_time, by_bucket = [times for times, _ in ends], [buckets for _, buckets in ends]
    if how.middle is not None:
        by_time.append(reading.block_sums(ask, how.middle, ids, step_s=step_s, vectors=_LINEAR))
        by_bucket.append(reading.bucket_sums(ask, how.middle, ids))
    return by_time, by_bucket


def _powers(ask: Ask, how: Layout, ids: Sequence[str]) -> dict[grouped.Who, dict[str, int]]:
    """Squares and cubes of the whole window."""
    parts = [direct.total_sums(ask, part, ids, vectors=_POWERS) for part in how.ends]
    if how.middle is not None:
        parts.append(reading.total_sums(ask, how.middle, ids, vectors=_POWERS))
    found: dict[grouped.Who, list[dict[str, int]]] = {}
    for part in parts:
        for i, who in enumerate(zip(part.keys["candidate"], part.keys["experiment"], strict=True)):
            found.setdefault(who, []).append({name: int(values[i]) for name, values in part.statistics.items()})
    return {who: grouped.added(of) for who, of in found.items()}


def _labels(ask: Ask, how: Layout, ids: Sequence[str], step_s: int) -> dict[grouped.Who, tuple[LabelTable, ...]]:
    """Of the values that most pairs have."""
    values = _label_values(ask, how, ids)
    if not values:
        return {}
    chosen = sorted({(value.name, value.value) for value in values})
    by_time, by_bucket = [], []
    # Rollups know labels by the hour, which may be all of a window of few pairs.
    few = how.middle is not None and not how.pairs.by_block
    label_step_s = _label_step_s(how, step_s)
    for part in (how.pairs,) if few else how.ends:
        times, buckets = direct.label_sums(ask, part, ids, chosen, step_s=label_step_s)
        by_time.append(times)
        by_bucket.append(buckets)
    if how.middle is not None and not few:
        by_time.append(reading.label_sums(ask, how.middle, ids, values=chosen, by="time", step_s=label_step_s))
        by_bucket.append(reading.label_sums(ask, _days(how.middle), ids, values=chosen, by="bucket"))
    blocks = grouped.tables(by_time, "time_s", _LABEL)
    buckets_of = grouped.tables(by_bucket, "bucket", _LABEL)
    nothing = GroupTable((), {})
    found: dict[grouped.Who, list[LabelTable]] = {}
    for value in values:
        key = value.candidate, value.experiment, value.name, value.value
        if key in blocks:
            table = LabelTable(value.name, value.value, blocks[key], buckets_of.get(key, nothing))
            found.setdefault(key[:2], []).append(table)
    return {who: tuple(of) for who, of in found.items()}


def _label_values(ask: Ask, how: Layout, ids: Sequence[str]) -> list[LabelValue]:
    """By rollups where these hold the most of the window."""
    if how.middle is not None:
        return reading.label_values(ask, how.middle, ids, most=MAX_LABEL_VALUES)
    return [v for part in how.ends for v in direct.label_values(ask, part, ids, MAX_LABEL_VALUES)]


def _label_step_s(how: Layout, step_s: int) -> int:
    """Rollups know labels by the hour, of older pairs by the day."""
    if how.pairs.by_block:
        return DAY_S if how.is_merged else HOUR_S
    length_s = (how.span.until - how.span.since).total_seconds()
    return step_s * max(1, -(-int(length_s) // (step_s * MOST_LABEL_STEPS)))


def _days(span: Span) -> Span:
    """Rollups know folded buckets of labels by the day: whole days of the window and the day in which it ends; of a
    window within one day, that day. They say how much conversations differ, not what the values are."""
    day = timedelta(seconds=DAY_S)
    since = _midnight(span.since + day - timedelta(microseconds=1))
    until = _midnight(span.until + day - timedelta(microseconds=1))
    return Span(since if since < until else _midnight(span.since), until)


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
