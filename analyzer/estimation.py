"""From sums and counts to an estimate of each metric.

Every estimate carries what each time block and each conversation bucket adds to it (`Influence`), so that one routine
makes errors for all of them (`inference`), and estimates can be compared and weighed together group by group.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from analyzer.figures import Compared, GroupTable, OtherMetric, WeighedSums
from analyzer.metrics import Metric
from analyzer.quality.corrected import corrected
from analyzer.quantiles import quantile_difference
from analyzer.stats.estimate import Estimate
from analyzer.stats.mean import PairedSums, paired_mean
from analyzer.stats.moments import Moments, floats
from analyzer.stats.ratio import (
    MIN_DENOMINATOR_Z,
    RatioSums,
    primary_ratio_influence,
    ratio_difference,
    ratio_influence,
)
from store.rollups.measures import BY_METRIC

MIN_SUCCESSES = 50
"""Of each arm, for a cost per success."""
_LOG_SCALE = 10**6


def estimate(metric: Metric, compared: Compared) -> Estimate | None:
    """The metric's estimate; None when no pair has it."""
    if metric.estimand == "corrected":
        return corrected(metric.name, compared.quality)
    if metric.measure.origin != "rollups":
        other = next((o for o in compared.others if o.metric == metric.name), None)
        return None if other is None else of_other(metric, other)
    if metric.quantile is not None:
        return quantile_difference(metric, compared, metric.quantile)
    if metric.estimand == "log_ratio":
        return _log_ratio(metric, compared)
    if metric.measure.kind == "ratio":
        return _ratio(metric, compared)
    if metric.measure.joint:
        return _agreement(metric, compared)
    return _mean(metric, compared)


def paired_sums(table: GroupTable, metric: str) -> PairedSums | None:
    """One metric's sums by group, in its unit; None where the table holds no pair of it."""
    kept = BY_METRIC[metric]
    names = [f"{kept.prefix}{end}" for end in ("_n", "_primary", "_candidate")]
    if any(name not in table.sums for name in names):
        return None
    n, primary, candidate = (table.sums[name] for name in names)
    return _paired(table.keys, n, primary, candidate, scale=kept.per_unit)


def _paired(
    keys: Sequence[int], n: Sequence[int], primary: Sequence[int], candidate: Sequence[int], *, scale: int
) -> PairedSums | None:
    """Differences are of whole numbers, before anything is rounded."""
    held = [i for i, count in enumerate(n) if count > 0]
    if not held:
        return None
    return PairedSums(
        keys=np.array([keys[i] for i in held], dtype=np.int64),
        n=floats([n[i] for i in held]),
        primary=floats([primary[i] for i in held]) / scale,
        candidate=floats([candidate[i] for i in held]) / scale,
        difference=floats([candidate[i] - primary[i] for i in held]) / scale,
    )


def _mean(metric: Metric, compared: Compared) -> Estimate | None:
    blocks, buckets = (paired_sums(table, metric.name) for table in (compared.blocks, compared.buckets))
    mean = None if blocks is None else paired_mean(blocks)
    if blocks is None or buckets is None or mean is None:
        return None
    is_rate = metric.measure.kind == "rate"
    spread = _rate_spread(metric, compared) if is_rate else _spread(metric, compared)
    return Estimate(
        mean.n,
        mean.primary,
        mean.candidate,
        mean.difference,
        spread.error(),
        blocks.influence(),
        buckets.influence(),
        skewness=None if is_rate else spread.skewness,
        discordant=_discordant(metric, compared) if is_rate else None,
        primary_blocks=blocks.primary_influence(),
        primary_buckets=buckets.primary_influence(),
    )


def _spread(metric: Metric, compared: Compared) -> Moments:
    """Of the differences of single pairs."""
    kept, totals = BY_METRIC[metric.name], compared.totals
    prefix = kept.prefix
    squares = totals[f"{prefix}_candidate_2"] + totals[f"{prefix}_primary_2"] - 2 * totals[f"{prefix}_cross"]
    return Moments.of_sums(
        totals[f"{prefix}_n"],
        totals[f"{prefix}_candidate"] - totals[f"{prefix}_primary"],
        squares,
        totals[f"{prefix}_difference_3"],
        scale=kept.per_unit,
    )


def _discordant(metric: Metric, compared: Compared) -> tuple[int, int]:
    """(pairs with it in the candidate alone, in the primary alone)"""
    prefix, totals = BY_METRIC[metric.name].prefix, compared.totals
    both = totals[f"{prefix}_both"]
    return totals[f"{prefix}_candidate"] - both, totals[f"{prefix}_primary"] - both


def _rate_spread(metric: Metric, compared: Compared) -> Moments:
    """Differences are -1, 0 or 1."""
    more, less = _discordant(metric, compared)
    return Moments.of_sums(compared.totals[f"{BY_METRIC[metric.name].prefix}_n"], more - less, more + less)


def _log_ratio(metric: Metric, compared: Compared) -> Estimate | None:
    prefix, totals = BY_METRIC[metric.name].prefix, compared.totals
    sums = []
    for table in (compared.blocks, compared.buckets):
        n, logs = (table.sums.get(f"{prefix}_{name}", ()) for name in ("log_n", "log"))
        sums.append(_paired(table.keys, n, (0,) * len(n), logs, scale=_LOG_SCALE))
    blocks, buckets = sums
    mean = None if blocks is None else paired_mean(blocks)
    if blocks is None or buckets is None or mean is None:
        return None
    names = ("log_n", "log", "log_2", "log_3")
    spread = Moments.of_sums(*(totals[f"{prefix}_{name}"] for name in names), scale=_LOG_SCALE)
    return Estimate(
        mean.n, None, None, mean.difference, spread.error(), blocks.influence(), buckets.influence(), spread.skewness
    )


def _agreement(metric: Metric, compared: Compared) -> Estimate | None:
    """A level that both arms have together; `study` sets it against the control's."""
    kept, totals = BY_METRIC[metric.name], compared.totals
    sums = []
    for table in (compared.blocks, compared.buckets):
        n, agreed = (table.sums.get(f"{kept.prefix}{end}", ()) for end in ("_n", ""))
        sums.append(_paired(table.keys, n, (0,) * len(n), agreed, scale=kept.per_unit))
    blocks, buckets = sums
    mean = None if blocks is None else paired_mean(blocks)
    if blocks is None or buckets is None or mean is None:
        return None
    total = totals[kept.prefix]
    squares = total if metric.measure.kind == "rate" else totals[f"{kept.prefix}_2"]
    spread = Moments.of_sums(totals[f"{kept.prefix}_n"], total, squares, scale=kept.per_unit)
    return Estimate(
        mean.n, None, mean.candidate, mean.candidate, spread.error(), blocks.influence(), buckets.influence()
    )


_RATIO_UNITS: Mapping[str, tuple[float, float]] = {
    "cost_per_1k_tokens": (1e9, 1e3),
    "cost_per_success": (1e9, 1.0),
}
"""Nano-dollars and tokens or successes to the metric's dollars and denominators."""
_RATIO_PARTS = ("x_candidate", "y_candidate", "x_primary", "y_primary")
_PRODUCT_ORDER = ("x_primary", "x_candidate", "y_primary", "y_candidate")


def _ratio(metric: Metric, compared: Compared) -> Estimate | None:
    prefix = BY_METRIC[metric.name].prefix
    x, y = _RATIO_UNITS[metric.name]
    units = np.array([x, y, x, y])
    products = np.array(
        [[float(compared.totals[_product(prefix, a, b)]) for b in _RATIO_PARTS] for a in _RATIO_PARTS]
    ) / np.outer(units, units)
    sums = []
    for table in (compared.blocks, compared.buckets):
        n = table.sums.get(f"{prefix}_n", ())
        held = [i for i, count in enumerate(n) if count > 0]
        columns = [floats([table.sums[f"{prefix}_{part}"][i] for i in held]) for part in _RATIO_PARTS if held]
        if not columns:
            return None
        keys = np.array([table.keys[i] for i in held], dtype=np.int64)
        sums.append(RatioSums(floats([n[i] for i in held]), np.stack(columns, axis=1) / units, products, keys))
    return of_ratio(*sums, least_successes=MIN_SUCCESSES if metric.name == "cost_per_success" else 0)


def _product(prefix: str, a: str, b: str) -> str:
    first, second = sorted((a, b), key=_PRODUCT_ORDER.index)
    return f"{prefix}_{first}_{second}"


def of_ratio(blocks: RatioSums, buckets: RatioSums, *, least_successes: float = 0) -> Estimate | None:
    """The difference of two ratios of sums."""
    ratio = ratio_difference(blocks)
    if ratio is None:
        return None
    obstacle = None if ratio.denominator_z >= MIN_DENOMINATOR_Z else "the denominator is too uncertain yet"
    successes = float(min(blocks.sums[:, 1].sum(), blocks.sums[:, 3].sum()))
    if successes < least_successes:
        obstacle = f"{successes:.0f} successes in one arm; an interval needs {least_successes}"
    return Estimate(
        ratio.n,
        ratio.primary,
        ratio.candidate,
        ratio.difference,
        ratio.independent_error,
        ratio_influence(blocks),
        ratio_influence(buckets),
        obstacle=obstacle,
        primary_blocks=primary_ratio_influence(blocks),
        primary_buckets=primary_ratio_influence(buckets),
    )


def of_other(metric: Metric, other: OtherMetric) -> Estimate | None:
    """Of plug-ins, judgements and texts: a ratio of weighed sums, which for weights of 1 is the mean."""
    found = of_ratio(_ratio_sums(other.blocks), _ratio_sums(other.buckets))
    if found is None:
        return None
    if not metric.measure.joint:
        skewness, discordant = _other_skewness(metric, other.blocks), _other_discordant(metric, other.blocks)
        return replace(found, skewness=skewness, discordant=discordant)
    return Estimate(
        found.n, None, found.candidate, found.difference, found.independent_error, found.blocks, found.buckets
    )


def _other_skewness(metric: Metric, sums: WeighedSums) -> float | None:
    """Of the differences of single pairs, for a mean of values that all weigh the same."""
    if metric.measure.origin == "judgements" or metric.measure.kind != "mean" or sums.cubes is None:
        return None
    of = _ratio_sums(sums)
    candidate, _, primary, _ = of.sums.sum(axis=0)
    squares = of.products[0, 0] + of.products[2, 2] - 2 * of.products[0, 2]
    known = [float(candidate - primary), float(squares), sums.cubes]
    return Moments.of_sums(sum(sums.n), *known).skewness if all(map(math.isfinite, known)) else None


def _other_discordant(metric: Metric, sums: WeighedSums) -> tuple[int, int] | None:
    """(pairs with it in the candidate alone, in the primary alone), where each pair is a yes or no and weighs 1."""
    if metric.measure.origin == "judgements" or metric.measure.kind != "rate" or metric.measure.per is not None:
        return None
    candidate, weights, primary, _ = (math.fsum(column) for column in zip(*sums.sums, strict=True))
    both = sums.products[0][2]
    # The squares of 0 and 1 are themselves.
    is_yes_or_no = sums.products[0][0] == candidate and sums.products[2][2] == primary
    return (round(candidate - both), round(primary - both)) if is_yes_or_no and weights == sum(sums.n) else None


def _ratio_sums(sums: WeighedSums) -> RatioSums:
    return RatioSums(
        floats(sums.n),
        np.array(sums.sums, dtype=np.float64).reshape(-1, 4),
        np.array(sums.products, dtype=np.float64).reshape(4, 4),
        np.array(sums.keys, dtype=np.int64),
    )
