"""The metrics of a report: what is estimated of each measure, declared once.

`total_ms` alone is no question: its mean, its median and its 99th percentile may fall on different sides. Each row here
is one question, with the margin that holds where a policy names none, and the method that answers it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from analyzer.measures import BY_NAME, Better, Measure
from analyzer.measures import of_texts as measure_of_texts
from analyzer.text_metrics.built_in import BUILT_IN
from analyzer.text_metrics.declared import TextMetric

Estimand = Literal["mean", "log_ratio", "p50", "p95", "p99", "rate", "ratio", "win_rate", "corrected"]
QUANTILES: Mapping[str, float] = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class DefaultMargin:
    """How much worse is acceptable where the policy says nothing."""

    value: float
    """In the metric's unit, or a share."""
    relative: bool
    """A share of the primary's value."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One question."""

    measure: Measure
    estimand: Estimand
    margin: DefaultMargin
    method: str
    """How the estimate is made, in words."""

    @property
    def name(self) -> str:
        """`total_ms`"""
        return self.measure.metric

    @property
    def key(self) -> tuple[str, str]:
        """(metric, estimand): unique."""
        return self.measure.metric, self.estimand

    @property
    def better(self) -> Better | None:
        """Which direction is better; None: neither by itself."""
        return self.measure.better

    @property
    def quantile(self) -> float | None:
        """0.95 for p95; None where it is none."""
        return QUANTILES.get(self.estimand)


_MEAN = "mean of paired differences"
_CAPPED = "mean of paired differences; a leg that timed out counts as the time-out (restricted mean)"
_LOG = "mean of ln(candidate / primary) over pairs in which both answered"
_QUANTILE = "difference of quantiles of dependent samples (Bahadur); a failure is longer than everything"
_RATIO = "difference of two ratios of sums (delta method)"
_RATE = "difference of two proportions in the same pairs"
_AGREEMENT = "share of the candidate's answers that agree with the primary's, less the primary's own with itself"
_JUDGED = "mean over judged pairs, each weighted by 1 / its probability of being judged, as judges see it"
_CORRECTED = (
    "what people would say of all judged pairs: mean of their labels, sharpened by the judges (PPI++); n is labels"
)
_SCORED = "each scored pair weighted by 1 / its probability of being scored"
_LATENCY_MARGIN = DefaultMargin(0.05, relative=True)
_SHARE_MARGIN = DefaultMargin(0.01, relative=False)
_RARE_MARGIN = DefaultMargin(0.005, relative=False)


def _rows(metric: str, margin: DefaultMargin, *estimands: tuple[Estimand, str]) -> list[Metric]:
    return [Metric(BY_NAME[metric], estimand, margin, method) for estimand, method in estimands]


def _quantiles() -> list[tuple[Estimand, str]]:
    return [("p50", _QUANTILE), ("p95", _QUANTILE), ("p99", _QUANTILE)]


def of_texts(metric: TextMetric) -> Metric:
    """The question that a report asks of a metric of texts."""
    how = "difference of two proportions in the same pairs" if metric.kind == "rate" else _MEAN
    if metric.joint:
        how = "mean over both arms' answers, less that over the primary's own with itself"
    margin = DefaultMargin(metric.margin, relative=False)
    return Metric(measure_of_texts(metric), metric.kind, margin, f"{how}, {_SCORED}")


METRICS: tuple[Metric, ...] = (
    *_rows("total_ms", _LATENCY_MARGIN, ("mean", _CAPPED), *_quantiles()),
    Metric(BY_NAME["total_ms"], "log_ratio", DefaultMargin(0.05, relative=False), _LOG),
    *_rows("ttft_ms", _LATENCY_MARGIN, ("mean", _CAPPED), *_quantiles()),
    Metric(BY_NAME["ttft_ms"], "log_ratio", DefaultMargin(0.05, relative=False), _LOG),
    *_rows("itl_ms", _LATENCY_MARGIN, ("mean", _MEAN), *_quantiles()),
    Metric(BY_NAME["itl_ms"], "log_ratio", DefaultMargin(0.05, relative=False), _LOG),
    *_rows("tokens_per_second", _LATENCY_MARGIN, ("mean", _MEAN)),
    *_rows("output_tokens", DefaultMargin(0.10, relative=True), ("mean", _MEAN)),
    *_rows("cost_usd", _LATENCY_MARGIN, ("mean", _MEAN)),
    *_rows("cost_per_1k_tokens", _LATENCY_MARGIN, ("ratio", _RATIO)),
    *_rows("cost_per_success", _LATENCY_MARGIN, ("ratio", _RATIO)),
    *_rows("error_rate", _RARE_MARGIN, ("rate", _RATE)),
    *_rows("timeout_rate", _RARE_MARGIN, ("rate", _RATE)),
    *_rows("refusal_rate", _SHARE_MARGIN, ("rate", _RATE)),
    *_rows("truncation_rate", _SHARE_MARGIN, ("rate", _RATE)),
    *_rows("valid_json_rate", _SHARE_MARGIN, ("rate", _RATE)),
    *_rows("exact_match", DefaultMargin(0.05, relative=False), ("rate", _AGREEMENT)),
    *_rows("tool_call_agreement", DefaultMargin(0.05, relative=False), ("mean", _AGREEMENT)),
    *map(of_texts, BUILT_IN),
    *_rows("judge_preference", DefaultMargin(0.05, relative=False), ("mean", _JUDGED), ("corrected", _CORRECTED)),
    *_rows("win_rate", DefaultMargin(0.025, relative=False), ("win_rate", _JUDGED), ("corrected", _CORRECTED)),
    *_rows("judge_score", DefaultMargin(0.25, relative=False), ("mean", _JUDGED)),
)
"""In the order of reports. Those of plug-ins follow them (`plugins`)."""


def named(metrics: "tuple[Metric, ...]", name: str, estimand: Estimand | None = None) -> Metric | None:
    """The metric of a name: of its estimands the one that is asked for, else its first."""
    return next((m for m in metrics if m.name == name and estimand in {None, m.estimand}), None)
