"""Does the difference, or the primary itself, change over time? And if so, who changed?

Watched are the difference of each metric in `WATCHED` and the primary's own level, with confidence sequences started at
every block (`stats.drift`: Shekhar and Ramdas 2024), each with its share of alpha = 1/2000 (Bonferroni): over all of
them, a false alarm in 2,000 blocks on average at most. Daily and weekly cycles are taken out
first where the window is long enough to tell them from a change (`cycles`); the primary's own level is watched only
then, since it always moves with the hours. Differences by day of the week are tested on whole days (`weekdays`), names
of models in the answers compared hour by hour (`names`).

A change of the difference alone does not say whose it is. The A/A stream (`control`) has the primary in both arms: if
its difference changed as well, the setup did. If the primary's level changed, the primary or the traffic did. What is
left is the candidate (`witness`).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from analyzer.estimation import estimate, paired_sums
from analyzer.figures import Compared
from analyzer.metrics import METRICS, Estimand, named
from analyzer.stats.drift import DEFAULT_ALPHA, ChangePoint, Changes, find_changes
from analyzer.stats.estimate import Estimate
from analyzer.stats.influence import Influence
from analyzer.surroundings.cycles import DAY_S, covered_s, without_cycles
from analyzer.surroundings.names import Renamed, renamed
from analyzer.surroundings.results import Change, Drift
from analyzer.surroundings.weekdays import NAMES, Weekdays, weekdays
from analyzer.surroundings.witness import Testimony, hear
from analyzer.surroundings.wording import digits, moment, signed


@dataclass(frozen=True, slots=True)
class Watched:
    """One metric, and how its numbers read."""

    metric: str
    estimand: Estimand
    title: str
    unit: str
    times: float = 1.0

    @property
    def key(self) -> tuple[str, Estimand]:
        """(metric, estimand)"""
        return self.metric, self.estimand

    def level(self, value: float) -> str:
        """Of the primary."""
        return f"{digits(value * self.times)} {self.unit}"

    def difference(self, value: float) -> str:
        """Candidate minus primary."""
        shown = math.expm1(value) if self.estimand == "log_ratio" else value
        return f"{signed(shown * self.times)} {self.unit}"


WATCHED = (
    Watched("total_ms", "mean", "time to last byte", "ms"),
    Watched("total_ms", "log_ratio", "typical time to last byte", "%", 100),
    Watched("cost_usd", "mean", "cost of 1,000 requests", "$", 1000),
    Watched("error_rate", "rate", "share of failed requests", "points", 100),
    Watched("output_tokens", "mean", "output length", "tokens"),
)
ALPHA = DEFAULT_ALPHA / (2 * len(WATCHED) - 1)
"""Of one series: there is the difference of each, and the primary's own level of each but the ratio."""
PLANNED_PAIRS = 2000.0
"""n* of the sequences: early ones count most, and a change is to be seen soon. Any value is valid."""
MOST_BLOCKS = 360
"""More are merged first: the search looks at all pairs of blocks, for each metric of each candidate."""
MOST_CHANGES = 5
"""Of one series, the surest."""
LOOKS = 10
"""The test of weekdays is for one look; reports are made again and again, so it is made so many times stricter."""


@dataclass(frozen=True, slots=True, eq=False)
class _Series:
    """What is watched for one metric; cycles taken out."""

    watched: Watched
    blocks: Influence
    value: float

    def changes(self) -> Changes | None:
        """None: too little to look at."""
        size = max(math.ceil(self.blocks.groups / MOST_BLOCKS), 1)
        return find_changes(self.blocks.coarser(size), self.value, planned=PLANNED_PAIRS, alpha=ALPHA)

    @property
    def is_short(self) -> bool:
        """Too short to tell a daily cycle from a change."""
        return covered_s(self.blocks) < 2 * DAY_S


def drift(
    compared: Compared, control: Compared | None, estimates: Mapping[tuple[str, str], Estimate], level: float
) -> Drift:
    """All changes that are found.

    Args:
        compared: one candidate.
        control: the primary against itself; None: there is no such stream.
        estimates: of the candidate, by (metric, estimand).
        level: of the test of weekdays.
    """
    changes: list[Change] = []
    looked_at = [0]
    for watched in WATCHED:
        found = estimates.get(watched.key)
        series = None if found is None or found.obstacle is not None else _difference(watched, found)
        if found is None or series is None:
            continue
        result = series.changes()
        if result is not None:
            looked_at.append(result.blocks)
            witnesses = _Witnesses(watched, compared, control)
            changes += [_change(series, point, witnesses) for point in _surest(result)]
        changes += _of_weekdays(watched, weekdays(found.blocks, found.difference), level)
    for watched in WATCHED:
        own = None if watched.estimand == "log_ratio" else _primary(watched, compared)
        result = None if own is None or own.is_short else own.changes()
        if own is not None and result is not None:
            looked_at.append(result.blocks)
            changes += [_change_of_primary(own, point) for point in _surest(result)]
    changes += [_of_names(change) for change in renamed(compared.surroundings.models)]
    return Drift(tuple(changes), max(looked_at))


def _surest(changes: Changes) -> list[ChangePoint]:
    kept = sorted(changes.points, key=lambda point: -point.log_e)[:MOST_CHANGES]
    return sorted(kept, key=lambda point: point.at)


def _difference(watched: Watched, found: Estimate) -> _Series | None:
    if found.blocks.groups == 0:
        return None
    return _Series(watched, without_cycles(found.blocks), found.difference)


def _primary(watched: Watched, compared: Compared) -> _Series | None:
    """The primary's own level."""
    sums = paired_sums(compared.blocks, watched.metric)
    if sums is None:
        return None
    mean = float(sums.primary.sum()) / float(sums.n.sum())
    blocks = without_cycles(Influence(sums.n, sums.primary - sums.n * mean, sums.keys))
    return _Series(watched, blocks, mean)


def _control(watched: Watched, control: Compared) -> _Series | None:
    metric = named(METRICS, *watched.key)
    found = None if metric is None else estimate(metric, control)
    return None if found is None else _difference(watched, found)


@dataclass(frozen=True, slots=True)
class _Witnesses:
    watched: Watched
    compared: Compared
    control: Compared | None

    def sentence(self, point: ChangePoint) -> str:
        """Who changed, as far as they can say."""
        change = point.after.value - point.before.value
        setup = self._of_control(point.at, change)
        own = self._of_primary(point.at, None if self.watched.estimand == "log_ratio" else change)
        if setup is not None and setup.moved:
            moved = f"{self.watched.difference(setup.before)} to {self.watched.difference(setup.after)}"
            return f"The control's difference changed at the same time ({moved}): the setup changed."
        if own is not None and own.moved:
            moved = f"{self.watched.level(own.before)} to {self.watched.level(own.after)}"
            return (
                f"{self._setup(setup)} The primary's own level went from {moved}: the primary or the traffic changed."
            )
        if setup is not None and setup.moved is False:
            unmoved = " nor did the primary's own level" if own is not None and own.moved is False else ""
            return f"The control's difference did not change{unmoved and ','}{unmoved}: only the candidate did."
        return f"{self._setup(setup)} The primary's own level shows no clear change: most likely the candidate did."

    def _setup(self, testimony: Testimony | None) -> str:
        if self.control is None:
            return "There is no control to tell whether the setup changed."
        if testimony is None or testimony.moved is None:
            return "The control has too few pairs to tell whether the setup changed."
        return "The control's difference did not change."

    def _of_control(self, at: int, change: float) -> Testimony | None:
        series = None if self.control is None else _control(self.watched, self.control)
        return None if series is None else hear(series.blocks, series.value, at, change)

    def _of_primary(self, at: int, change: float | None) -> Testimony | None:
        series = _primary(self.watched, self.compared)
        return None if series is None else hear(series.blocks, series.value, at, change)


def _change(series: _Series, point: ChangePoint, witnesses: _Witnesses) -> Change:
    watched = series.watched
    before, after = watched.difference(point.before.value), watched.difference(point.after.value)
    text = (
        f"The difference in {watched.title} changed about {moment(point.at)}, from {before} to {after} "
        f"(candidate minus primary). {witnesses.sentence(point)}"
    )
    if series.is_short:
        text += " The window is too short to tell a change from the time of day."
    return _of_point("difference", watched, point, text)


def _change_of_primary(series: _Series, point: ChangePoint) -> Change:
    watched = series.watched
    before, after = watched.level(point.before.value), watched.level(point.after.value)
    text = f"The primary's own {watched.title} changed about {moment(point.at)}, from {before} to {after}."
    return _of_point("primary", watched, point, text)


def _of_point(what: str, watched: Watched, point: ChangePoint, sentence: str) -> Change:
    at = datetime.fromtimestamp(point.at, UTC)
    levels = point.before.value, point.after.value
    return Change(what, watched.metric, watched.estimand, at, *levels, point.log_e, sentence)


def _of_weekdays(watched: Watched, found: Weekdays | None, level: float) -> Iterator[Change]:
    if found is None or found.p_value > (1 - level) / len(WATCHED) / LOOKS:
        return
    days = ", ".join(f"{watched.difference(m)} on {d}s" for m, d in zip(found.means, NAMES, strict=True))
    text = f"The difference in {watched.title} depends on the day of the week (p = {found.p_value:.1g}): {days} (UTC)."
    yield Change("weekday", watched.metric, watched.estimand, None, None, None, None, text)


def _of_names(change: Renamed) -> Change:
    whose = f"The {change.arm}'s answers"
    text = (
        f"{whose} name the model {change.come} since {moment(change.first_s)}; the name {change.gone} was last seen in "
        f"the hour from {moment(change.last_s)}."
    )
    at = datetime.fromtimestamp(change.first_s, UTC)
    return Change("model", f"{change.arm}_model", "name", at, None, None, None, text)
