"""Weighted sums of judgements -> means and differences with all that an interval needs."""

import numpy as np

from analyzer.estimation import of_ratio
from analyzer.quality.figures import Groups, Weighted
from analyzer.stats.estimate import Estimate
from analyzer.stats.moments import FloatArray, floats
from analyzer.stats.ratio import RatioSums


def against(of: Weighted, level: float) -> Estimate | None:
    """Mean of the first values; the primary stands for a constant.

    Args:
        of: at least one pair.
        level: what is as good: 1/2 of wins, 0 of preferences.
    """
    aa, _, aw, _, _, ww = of.products
    products = [
        [aa, aw, level * aw, aw],
        [aw, ww, level * ww, ww],
        [level * aw, level * ww, level**2 * ww, level * ww],
        [aw, ww, level * ww, ww],
    ]
    return of_ratio(*(_sums(g, np.array(g.w) * level, np.array(products)) for g in (of.blocks, of.buckets)))


def difference(of: Weighted) -> Estimate | None:
    """Mean of the first values less that of the second, on the same pairs."""
    aa, ab, aw, bb, bw, ww = of.products
    products = [[aa, aw, ab, aw], [aw, ww, bw, ww], [ab, bw, bb, bw], [aw, ww, bw, ww]]
    return of_ratio(*(_sums(g, np.array(g.b), np.array(products)) for g in (of.blocks, of.buckets)))


def _sums(groups: Groups, second: FloatArray, products: FloatArray) -> RatioSums:
    w = np.array(groups.w)
    columns = np.stack([np.array(groups.a), w, second, w], axis=1)
    return RatioSums(floats(groups.n), columns, products, np.array(groups.keys, dtype=np.int64))
