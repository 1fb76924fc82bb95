"""Are the requests that were skipped for one reason like those that were kept?

The primary answered both, so its figures are compared: mean time to the last byte, mean output tokens, labels. Load and
traffic change by the hour, so errors of the means are robust to what requests of one hour have in common:

    difference = mean of skipped - mean of kept,  u_h = (S_h - n_h mean)_skipped / n_skipped - the same of kept
    SE^2 = H / (H - 1) sum u_h^2     (Liang and Zeger 1986, for a difference of two means), t with H - 1 degrees

With few hours that error is hardly known; the larger p-value of it and of independent requests (Welch 1947) counts.
Shares of a label's values are compared by a chi-square test of homogeneity over the inflation that whole conversations
bring (Rao and Scott 1981), with Holm's correction over labels and reasons.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analyzer.figures import Compared, LabelTable
from analyzer.integrity.figures import MAX_VALUES, Conduct, HourSums
from analyzer.integrity.results import Finding, SkipBias
from analyzer.integrity.sample_ratio import inflation
from analyzer.stats.multiple import holm

ALARM_P = float(2 * stats.norm.sf(3))
"""|z| > 3."""
MIN_SKIPS = 30
"""Fewer skips of one reason bias nothing that matters, and their mean says little."""
LEAST_EXPECTED = 5.0
"""Values of a label that fewer requests are expected to have count as one (Cochran 1954)."""
Labels = tuple[tuple[str, str, float, float], ...]


@dataclass(frozen=True, slots=True)
class _Means:
    """One of the primary's figures, kept and skipped."""

    kept: float | None
    skipped: float | None
    p_value: float | None


def skip_bias(compared: Compared) -> tuple[SkipBias, ...]:
    """One row per reason, the most frequent first.

    Args:
        compared: of a candidate; its labels and what was read of its sample.
    """
    conduct = compared.conduct
    pairs = 0 if conduct.kept is None else sum(conduct.kept.sums["rows"])
    mixes = _label_mixes(conduct, compared.labels, pairs)
    rows = [_bias(reason, of, conduct.kept, mixes.get(reason, ())) for reason, of in conduct.skipped.items()]
    return tuple(sorted(rows, key=lambda row: (-row.skips, row.reason)))


def _bias(reason: str, skipped: HourSums, kept: HourSums | None, labels: Labels) -> SkipBias:
    total, tokens = (_compared(skipped, kept, figure) for figure in ("total_us", "output_tokens"))
    known = [p for p in (total.p_value, tokens.p_value) if p is not None]
    finding: Finding = "open"
    if known or labels:
        finding = "failed" if labels or min(known) < ALARM_P else "passed"
    return SkipBias(
        reason,
        sum(skipped.sums["rows"]),
        None if total.kept is None else total.kept / 1000,
        None if total.skipped is None else total.skipped / 1000,
        total.p_value,
        tokens.kept,
        tokens.skipped,
        tokens.p_value,
        labels,
        finding,
    )


def _compared(skipped: HourSums, kept: HourSums | None, figure: str) -> _Means:
    n_s, n_k = sum(skipped.sums[f"{figure}_n"]), 0 if kept is None else sum(kept.sums[f"{figure}_n"])
    mean_s = sum(skipped.sums[figure]) / n_s if n_s else None
    mean_k = sum(kept.sums[figure]) / n_k if kept is not None and n_k else None
    if mean_s is None or mean_k is None or kept is None or n_s < MIN_SKIPS or n_k < MIN_SKIPS:
        return _Means(mean_k, mean_s, None)
    difference = mean_s - mean_k
    ways = (_by_hour(skipped, kept, figure, difference), _independent(skipped, kept, figure, difference))
    return _Means(mean_k, mean_s, max((p for p in ways if p is not None), default=None))


def _by_hour(skipped: HourSums, kept: HourSums, figure: str, difference: float) -> float | None:
    """p-value with an error robust to dependence within hours; None with a single hour."""
    hours = sorted({*skipped.hours, *kept.hours})
    if len(hours) < 2:
        return None
    place = {hour: i for i, hour in enumerate(hours)}
    moved = np.zeros(len(hours))
    for of, sign in ((skipped, 1.0), (kept, -1.0)):
        n = sum(of.sums[f"{figure}_n"])
        mean = sum(of.sums[figure]) / n
        for hour, count, total in zip(of.hours, of.sums[f"{figure}_n"], of.sums[figure], strict=True):
            moved[place[hour]] += sign * (total - count * mean) / n
    error = math.sqrt(len(hours) / (len(hours) - 1) * float(moved @ moved))
    return _p(difference, error, len(hours) - 1)


def _independent(skipped: HourSums, kept: HourSums, figure: str, difference: float) -> float | None:
    """p-value as if requests were independent of each other."""
    variance = 0.0
    for of in (skipped, kept):
        n, total, squares = (sum(of.sums[f"{figure}{end}"]) for end in ("_n", "", "_2"))
        # Whole numbers: nothing is lost where squares are large and alike.
        variance += (n * squares - total * total) / n / (n - 1) / n
    return _p(difference, math.sqrt(variance), None)


def _p(difference: float, error: float, degrees: int | None) -> float | None:
    """Two-sided; None when nothing varies, and so nothing can be said."""
    if error <= 1e-12 * abs(difference) or error == 0:
        return 1.0 if difference == 0 else None
    z = abs(difference) / error
    return float(2 * (stats.norm.sf(z) if degrees is None else stats.t.sf(z, degrees)))


def _label_mixes(conduct: Conduct, tables: Sequence[LabelTable], pairs: int) -> dict[str, Labels]:
    """Reason -> labels whose values are spread otherwise than among the kept, each with the value that differs most."""
    kept = _kept_values(tables)
    larger = inflation(conduct.buckets) or 1.0
    tested: list[tuple[str, tuple[str, str, float, float], float]] = []
    looked_at = {c.reason: c.requests for c in conduct.skipped_labels if not c.label}
    for reason, label in sorted({(c.reason, c.label) for c in conduct.skipped_labels if c.label}):
        counts = {c.value: c.requests for c in conduct.skipped_labels if (c.reason, c.label) == (reason, label)}
        skips = looked_at.get(reason, 0)
        found = _mix(counts, skips, kept.get(label, {}), pairs, larger)
        if found is not None:
            tested.append((reason, (label, *found[0]), found[1]))
    mixes: dict[str, Labels] = {}
    for (reason, row, _), p_value in zip(tested, holm([p for _, _, p in tested]), strict=True):
        if p_value < ALARM_P:
            mixes[reason] = (*mixes.get(reason, ()), row)
    return mixes


def _kept_values(tables: Sequence[LabelTable]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for table in tables:
        found.setdefault(table.label, {})[table.value] = sum(table.blocks.sums.get("pairs", ()))
    return found


def _mix(
    skipped: Mapping[str, int], skips: int, kept: Mapping[str, int], pairs: int, larger: float
) -> tuple[tuple[str, float, float], float] | None:
    """((value, share of the kept, share of the skipped), p-value) of the value that differs most; None: too few."""
    # Beyond the most frequent values nobody counted: they are one, with what has no such label.
    values = [v for v in kept if v in skipped or len(skipped) < MAX_VALUES]
    if skips < MIN_SKIPS or pairs < MIN_SKIPS or not values:
        return None
    table = np.array([[kept[v], skipped.get(v, 0)] for v in values], dtype=np.float64)
    share = skips / (skips + pairs)
    is_common = table.sum(axis=1) * min(share, 1 - share) >= LEAST_EXPECTED
    names = [v for v, common in zip(values, is_common, strict=True) if common]
    counts = table[is_common]
    rest = np.maximum(np.array([pairs, skips]) - counts.sum(axis=0), 0)
    if rest.sum():
        counts = np.vstack([counts, rest])
    if len(counts) < 2 or not names:
        return None
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    statistic = float(((counts - expected) ** 2 / expected).sum()) / larger
    shares = counts / counts.sum(axis=0)
    most = int(np.argmax(np.abs(shares[: len(names), 1] - shares[: len(names), 0])))
    row = names[most], float(shares[most, 0]), float(shares[most, 1])
    return row, float(stats.chi2.sf(statistic, len(counts) - 1))
