"""Metrics that rollups do not hold: of judges, and of plug-ins. Sums of numerators and denominators by group."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analyzer.figures import OtherMetric, WeighedSums
from analyzer.filed.columns import Floats
from analyzer.filed.exact import Index
from analyzer.filed.summing import Grouping
from analyzer.measures import Measure, Row


@dataclass(slots=True)
class Judgements:
    """What judges said of some of the pairs, one row per pair and judge; shapes (j,)."""

    pair: NDArray[np.int64]
    """Number of the pair."""
    preference: Floats
    """-1 to 1, positive: the candidate is better; NaN: none was given, here and below."""
    score_primary: Floats
    score_candidate: Floats
    longer: Floats
    """Characters of the candidate's answer less those of the primary's."""
    judge: NDArray[np.int64]
    """Place in `judges`."""
    judges: tuple[str, ...]

    def of(self, measure: Measure) -> "Taken | None":
        """What a metric of judgements takes from each judged pair; None: it is none of them.

        Of a pair's judges the mean counts, in each score by itself.
        """
        if measure.metric == "judge_score":
            return self._taken(self._mean(self.score_candidate), self._mean(self.score_primary))
        preference = self._mean(self.preference)
        as_good = np.zeros_like(preference)
        if measure.metric == "judge_preference":
            return self._taken(preference, as_good)
        if measure.metric == "win_rate":
            return self._taken((1 + np.sign(preference)) / 2, as_good + 0.5)
        return None

    def _mean(self, values: Floats) -> Floats:
        """Over the judges of each pair; shape (k,), pairs ascending."""
        pairs, at = np.unique(self.pair, return_inverse=True)
        known = ~np.isnan(values)
        judges = np.bincount(at[known], minlength=len(pairs))
        sums = np.bincount(at[known], weights=values[known], minlength=len(pairs))
        means: Floats = np.divide(sums, judges, out=np.full(len(pairs), np.nan), where=judges > 0)
        return means

    def _taken(self, candidate: Floats, primary: Floats) -> "Taken":
        known = ~np.isnan(candidate) & ~np.isnan(primary)
        ones = np.ones(int(known.sum()))
        values = np.stack([candidate[known], ones, primary[known], ones], axis=1)
        return Taken(np.unique(self.pair)[known].astype(np.intp), values, has_ones=True)


@dataclass(frozen=True, slots=True)
class Taken:
    """Of some pairs."""

    pair: Index
    """Shape (k,), ascending."""
    values: Floats
    """Shape (k, 4): x_c, y_c, x_p, y_p."""
    has_ones: bool
    """All y are 1."""

    def within(self, rows: Index) -> "Taken":
        """Those among some rows, which are ascending."""
        at = np.searchsorted(rows, self.pair)
        there = at < len(rows)
        there[there] = rows[at[there]] == self.pair[there]
        return Taken(self.pair[there], self.values[there], self.has_ones)


@dataclass(slots=True)
class TakenBuilder:
    """What a plug-in's metric takes, row by row."""

    measure: Measure
    pair: list[int] = field(default_factory=list)
    values: list[tuple[float, ...]] = field(default_factory=list)

    def add(self, pair: int, row: Row) -> None:
        """One more pair, in ascending order."""
        found = self.measure.taken(row)
        if found is None:
            return
        self.pair.append(pair)
        self.values.append(found if len(found) == 4 else (found[0], 1.0, found[1], 1.0))

    def taken(self) -> Taken:
        """All so far."""
        values = np.array(self.values, dtype=np.float64).reshape(-1, 4)
        return Taken(np.array(self.pair, dtype=np.intp), values, has_ones=self.measure.per is None)


def of_rows(measures: Sequence[Measure], rows: Iterable[tuple[int, Row]]) -> list[Taken]:
    """What each metric takes from complete rows: (number of the pair, row)."""
    builders = [TakenBuilder(measure) for measure in measures]
    for pair, row in rows:
        for builder in builders:
            builder.add(pair, row)
    return [builder.taken() for builder in builders]


def other_metric(metric: str, taken: Taken, groupings: tuple[Grouping, Grouping]) -> OtherMetric:
    """Sums by time and by conversation bucket, of one pair at least.

    Args:
        metric: name.
        taken: k pairs.
        groupings: of these k.
    """
    blocks, buckets = (_weighed(taken, grouping) for grouping in groupings)
    return OtherMetric(metric, blocks, buckets)


def _weighed(taken: Taken, grouping: Grouping) -> WeighedSums:
    sums = [np.bincount(grouping.of, weights=column, minlength=len(grouping.keys)) for column in taken.values.T]
    n = np.bincount(grouping.of, minlength=len(grouping.keys))
    cubes = float(((taken.values[:, 0] - taken.values[:, 2]) ** 3).sum()) if taken.has_ones else None
    return WeighedSums(
        grouping.keys,
        tuple(int(x) for x in n),
        tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in zip(*sums, strict=True)),
        tuple(tuple(float(x) for x in row) for row in taken.values.T @ taken.values),
        cubes,
    )
