"""What a file of pairs says about its judgements: verdicts and lengths; it knows of no orders, calls or labels."""

from collections import Counter
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from analyzer.filed.columns import Floats, PairColumns
from analyzer.filed.exact import Index
from analyzer.filed.judged import Judgements
from analyzer.filed.summing import Grouping, by_bucket, by_time
from analyzer.quality.figures import Groups, JudgeFigures, JudgePair, Lengths, QualityFigures, Verdicts, Weighted
from store.judging.quality import SAMPLED_ROWS

MOST_JUDGES = 12


def quality_of(judgements: Judgements, pairs: PairColumns, rows: Index, *, step_s: int) -> QualityFigures | None:
    """Of one candidate; None without judgements.

    Args:
        judgements: of the whole file.
        pairs: of the whole file.
        rows: the candidate's pairs, ascending.
        step_s: length of a time step.
    """
    of = _Filed(judgements, pairs, np.isin(judgements.pair, rows), step_s)
    judges = [judge for judge in range(len(judgements.judges)) if len(of.rows(judge))]
    if not judges:
        return None
    sets = combinations(judges, 2) if len(judges) <= MOST_JUDGES else ()
    return QualityFigures(
        rubric="",
        rungs=(("judge", len(np.unique(judgements.pair[of.mine]))),),
        judges=tuple(of.figures(judge, most=SAMPLED_ROWS // len(judges)) for judge in judges),
        between=tuple(found for two in sets if (found := of.between(*two)) is not None),
    )


class _Filed:
    """Judgements of one candidate."""

    def __init__(self, judgements: Judgements, pairs: PairColumns, mine: NDArray[np.bool_], step_s: int) -> None:
        self._all = judgements
        self._pairs = pairs
        self.mine = mine
        self._step_s = step_s

    def rows(self, judge: int) -> Index:
        """Numbers of a judge's judgements."""
        return np.flatnonzero(self.mine & (self._all.judge == judge))

    def figures(self, judge: int, *, most: int) -> JudgeFigures:
        """Of one judge; `most`: verdicts of which lengths are kept."""
        rows = self.rows(judge)
        preference = self._all.preference[rows]
        known = rows[~np.isnan(preference)]
        won = (1 + np.sign(self._all.preference[known])) / 2
        scores = self._all.score_primary[rows], self._all.score_candidate[rows]
        scored = ~np.isnan(scores[0]) & ~np.isnan(scores[1])
        said = Counter(None if np.isnan(x) else int(np.sign(x)) for x in preference.tolist())
        return JudgeFigures(
            judge=self._all.judges[judge],
            verdicts=tuple(Verdicts(sign, None, None, n) for sign, n in said.items()),
            scored=int(scored.sum()),
            score_primary=float(scores[0][scored].sum()),
            score_candidate=float(scores[1][scored].sum()),
            wins=self._weighted(known, won, np.zeros(len(won))) if len(known) else None,
            lengths=self._lengths(rows, known, most),
        )

    def _lengths(self, rows: Index, known: Index, most: int) -> Lengths | None:
        there = known[~np.isnan(self._all.longer[known])]
        if not len(there):
            return None
        if len(there) > most:
            # Spread evenly over the file.
            there = there[np.linspace(0, len(there) - 1, most).astype(np.intp)]
        won = (1 + np.sign(self._all.preference[there])) / 2
        bucket = self._pairs.bucket[self._all.pair[there]]
        return Lengths(
            len(rows),
            tuple(won.tolist()),
            tuple(int(x) for x in self._all.longer[there]),
            (1.0,) * len(there),
            tuple(bucket.tolist()),
        )

    def between(self, first: int, second: int) -> JudgePair | None:
        """On the pairs that both judged; None without any."""
        one, other = (self._known(judge) for judge in (first, second))
        _, here, there = np.intersect1d(self._all.pair[one], self._all.pair[other], return_indices=True)
        if not len(here):
            return None
        one, other = one[here], other[there]
        preferences = self._weighted(one, self._all.preference[one], self._all.preference[other])
        return JudgePair(self._all.judges[first], self._all.judges[second], preferences)

    def _known(self, judge: int) -> Index:
        rows = self.rows(judge)
        found: Index = rows[~np.isnan(self._all.preference[rows])]
        return found

    def _weighted(self, rows: Index, a: Floats, b: Floats) -> Weighted:
        """Of some judgements, which all stand for themselves."""
        pair = self._all.pair[rows]
        groupings = by_time(self._pairs.block_s[pair], self._step_s), by_bucket(self._pairs.bucket[pair])
        products = (float(a @ a), float(a @ b), float(a.sum()), float(b @ b), float(b.sum()), float(len(a)))
        blocks, buckets = (_groups(grouping, a, b) for grouping in groupings)
        return Weighted(blocks, buckets, products)


def _groups(grouping: Grouping, a: Floats, b: Floats) -> Groups:
    most = len(grouping.keys)
    n = np.bincount(grouping.of, minlength=most)
    sums = (np.bincount(grouping.of, weights=values, minlength=most) for values in (a, b))
    w = tuple(float(x) for x in n)
    return Groups(grouping.keys, tuple(int(x) for x in n), w, *(tuple(float(x) for x in of) for of in sums))
