"""`docs/measures.md`: every question that a report answers."""

from analyzer.metrics import METRICS, Metric

_INTRODUCTION = (
    "What a report compares, per candidate. Differences are candidate minus primary over pairs of answers to the same "
    "request; a share as margin is one of the primary's value. The margin here holds where a policy names none. "
    "A mean under a time-out is ruled by rare time-outs, of which a few thousand pairs may show none: to decide, take "
    "a quantile or the log ratio, together with `timeout_rate`. "
    "Metrics of judges are as judges see them; `corrected` is what people would say, from labels of a random part of "
    "the judged pairs: shown from 100 labels on, deciding from 300 on (`docs/judging.md`). "
    "Metrics of texts are there for pairs that the judge role has scored, as `judge.metrics` says. "
    "Packages add metrics with the entry point `shadowbench.metrics` (`analyzer/plugins.py`), and metrics of texts "
    "with `shadowbench.text_metrics` (`analyzer/text_metrics/plugged.py`)."
)


def measures_page(made: str) -> str:
    """One row per metric and estimand."""
    lines = [
        "# What is compared",
        made,
        "",
        _INTRODUCTION,
        "",
        "| metric | estimand | what | unit | better | margin | how |",
        "|---|---|---|---|---|---|---|",
        *map(_row, METRICS),
    ]
    return "\n".join(lines) + "\n"


def _row(metric: Metric) -> str:
    margin = f"{metric.margin.value:.3g}" if not metric.margin.relative else f"{metric.margin.value * 100:.3g} %"
    cells = (
        f"`{metric.name}`",
        metric.estimand,
        metric.measure.shown.title,
        "ln" if metric.estimand == "log_ratio" else metric.measure.unit,
        metric.better or "neither",
        margin,
        metric.method,
    )
    return f"| {' | '.join(cells)} |"
