"""Pairs that judges could not judge: how many, and whether some kinds of requests fail more often than others.

Long answers, tool calls or one tenant's language may be what a judge fails on; then what is judged is not like what is
not. For each value of each label the failures are set against those of all other pairs: by the exact test (Fisher 1922)
where few are expected, else by the normal approximation of the same hypergeometric distribution, whose variance is
inflated by what whole conversations have in common (Rao and Scott 1981); Holm's correction over all values.
"""

import math
from collections.abc import Iterator, Sequence

from scipy import stats

from analyzer.quality.figures import LabelFailures, QualityFigures
from analyzer.quality.results import LabelFailure
from analyzer.stats.multiple import holm

MOST_ROWS = 20
"""Of values that are shown."""
ALARM_SHARE = 0.01
"""Of pairs that judges were asked about."""
ALARM_P = 0.0005
_FEW_EXPECTED = 5.0


def label_failures(failures: Sequence[LabelFailures], inflation: float) -> tuple[LabelFailure, ...]:
    """The surest deviations first, then the largest.

    Args:
        failures: by label and value; that of an empty label is about all pairs.
        inflation: of the variance, 1 or above.
    """
    whole = next((f for f in failures if not f.label), None)
    values = [f for f in failures if f.label and f.failed + f.judged]
    if whole is None or not whole.failed:
        return ()
    p_values = holm([_p(f, whole, inflation) for f in values])
    rows = [_row(f, whole, p) for f, p in zip(values, p_values, strict=True)]
    ordered = sorted(rows, key=lambda r: (r.p_value, -abs(r.share - r.elsewhere), r.label, r.value))
    return tuple(ordered[:MOST_ROWS])


def _row(found: LabelFailures, whole: LabelFailures, p_value: float) -> LabelFailure:
    others = whole.failed - found.failed, whole.judged - found.judged
    rest = max(sum(others), 0)
    return LabelFailure(
        found.label,
        found.value,
        found.failed,
        found.judged,
        found.failed / (found.failed + found.judged),
        others[0] / rest if rest else 0.0,
        p_value,
    )


def _p(found: LabelFailures, whole: LabelFailures, inflation: float) -> float:
    """Two-sided p-value of "failures are spread evenly"."""
    n, total = found.failed + found.judged, whole.failed + whole.judged
    if n >= total:
        return 1.0
    expected = n * whole.failed / total
    if min(expected, n - expected, whole.failed - expected) < _FEW_EXPECTED:
        table = [[found.failed, found.judged], [whole.failed - found.failed, whole.judged - found.judged]]
        return float(stats.fisher_exact(table).pvalue)
    variance = expected * (1 - n / total) * whole.judged / (total - 1)
    return float(2 * stats.norm.sf(abs(found.failed - expected) / math.sqrt(variance * inflation)))


def warnings(figures: QualityFigures, inflation: float) -> Iterator[str]:
    """What to know before believing judged metrics, one sentence each.

    Args:
        figures: of one candidate.
        inflation: of the variance, for labels.
    """
    share = unjudged_share(figures)
    if share is not None and share > ALARM_SHARE:
        yield (
            f"judges failed for good on {figures.unjudged:,} pairs ({share * 100:.3g} %{_reasons(figures)}): for these "
            "the worst is assumed"
        )
    for row in label_failures(figures.failures, inflation):
        if row.p_value < ALARM_P:
            yield (
                f"what judges fail on differs by label: {row.label}={row.value} has {row.share * 100:.3g} % failures, "
                f"the other pairs {row.elsewhere * 100:.3g} %"
            )
            return


def unjudged_share(figures: QualityFigures) -> float | None:
    """Of judged and unjudged pairs, each standing for as many as its probability says; None where nothing was asked."""
    parts = figures.corrections[0].parts if figures.corrections else {}
    judged = sum(sum(of.buckets.w) for part, of in parts.items() if part != "settled")
    whole = judged + figures.unjudged_weight
    return figures.unjudged_weight / whole if whole > 0 else None


def _reasons(figures: QualityFigures) -> str:
    counted: dict[str, int] = {}
    for judge in figures.judges:
        for reason, pairs in judge.failures:
            counted[reason] = counted.get(reason, 0) + pairs
    return f", most often {max(counted, key=counted.__getitem__)}" if counted else ""
