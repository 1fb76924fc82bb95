"""Values of labels in which a candidate stands out: found by search, hence exploratory.

Every value of every label is asked about, so some differ by chance. Benjamini and Hochberg (1995) hold the share of
false ones among those found; of always-valid p-values (1 / e) this is the e-BH procedure of Wang and Ramdas (2022),
which needs no assumption about how segments depend on each other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from analyzer.estimation import paired_sums
from analyzer.figures import Compared, GroupTable, LabelTable
from analyzer.inference import Asked, compare
from analyzer.metrics import Metric
from analyzer.plan import Plan
from analyzer.results import Comparison, Segment
from analyzer.stats.estimate import Estimate
from analyzer.stats.mean import paired_mean
from analyzer.stats.multiple import benjamini_hochberg

METRICS = ("total_ms", "ttft_ms", "output_tokens", "cost_usd", "error_rate", "refusal_rate")
"""Of these, label tables keep sums."""
_PREFIXES = {"error_rate": "error", "refusal_rate": "refusal"}
MAX_SHOWN = 200
"""Of one candidate; those that stand out most."""


def segments(compared: Compared, plan: Plan) -> tuple[Segment, ...]:
    """Of one candidate, those that stand out most first."""
    asked = Asked(plan.kind, plan.level, plan.planned_pairs)
    found = [
        (table, row)
        for table in compared.labels
        for metric in _asked(plan.metrics)
        if (estimate := _estimate(metric, table)) is not None
        and (row := compare(metric, estimate, asked).row).p_value is not None
    ]
    q_values = benjamini_hochberg([_p(row) for _, row in found])
    made = [
        Segment(compared.experiment.candidate, table.label, table.value, row, q, q < 1 - plan.level)
        for (table, row), q in zip(found, q_values, strict=True)
    ]
    return tuple(sorted(made, key=_standing_out)[:MAX_SHOWN])


def _asked(metrics: Sequence[Metric]) -> Iterator[Metric]:
    return (m for m in metrics if m.name in METRICS and m.estimand in {"mean", "rate"})


def _p(row: Comparison) -> float:
    return 1.0 if row.p_value is None else row.p_value


def _standing_out(segment: Segment) -> tuple[float, str, str, str]:
    q = 1.0 if segment.q_value is None else segment.q_value
    return q, segment.label, segment.value, segment.comparison.metric.name


def _estimate(metric: Metric, table: LabelTable) -> Estimate | None:
    blocks, buckets = (paired_sums(part, metric.name) for part in (table.blocks, table.buckets))
    mean = None if blocks is None else paired_mean(blocks)
    if blocks is None or buckets is None or mean is None:
        return None
    made = Estimate(
        mean.n, mean.primary, mean.candidate, mean.difference, None, blocks.influence(), buckets.influence()
    )
    return made if metric.measure.kind != "rate" else replace(made, discordant=_discordant(metric, table.blocks))


def _discordant(metric: Metric, table: GroupTable) -> tuple[int, int]:
    prefix = _PREFIXES[metric.name]
    candidate, primary, both = (sum(table.sums[f"{prefix}_{end}"]) for end in ("candidate", "primary", "both"))
    return candidate - both, primary - both
