"""What a rule of a policy asks of its metric, in words."""

import math

from analyzer.metrics import METRICS, DefaultMargin, Metric
from config.policy import Margin, MetricRule


def label_of(metric: Metric) -> str:
    """`total_ms p95`, `error_rate`; of money how much is spoken of, since nobody sees the cost of one request."""
    of_many = f" ({metric.measure.shown.title})" if metric.measure.shown.unit == "$" else ""
    is_said = metric.estimand == "corrected" or has_estimands(metric.name)
    estimand = f" {metric.estimand}" if is_said else ""
    return f"{metric.name}{estimand}{of_many}"


def has_estimands(name: str) -> bool:
    """Must words say which estimand of a metric is meant? Of most there is one, which their name says.

    A correction by people is told from what it corrects by its own word alone.
    """
    return sum(metric.name == name and metric.estimand != "corrected" for metric in METRICS) > 1


def demand(rule: MetricRule, metric: Metric) -> str:
    """`total_ms p95 not worse by 200 ms or more`"""
    if rule.require == "better":
        return f"{label_of(metric)} better"
    declared: Margin | DefaultMargin = rule.margin or metric.margin
    margin = f"{declared.value * 100:g} %" if declared.relative else amount(metric, declared.value)
    if declared.relative and metric.measure.shown.unit == "%":
        margin += " of the primary's"  # of a share, `1 %` could as well be a percentage point
    by_default = " (the metric's own margin)" if rule.margin is None else ""
    if rule.require == "equivalent":
        return f"{label_of(metric)} equivalent within {margin}{by_default}"
    return f"{label_of(metric)} not worse by {margin} or more{by_default}"


def amount(metric: Metric, value: float) -> str:
    """The size of a difference, in the unit that people read it in."""
    if not math.isfinite(value):
        return "any amount"
    if metric.estimand == "log_ratio":
        return f"{number(abs(math.expm1(value)) * 100)} %"
    shown = metric.measure.shown
    size = number(abs(value) * shown.times)
    if shown.unit == "$":
        return f"${size}"
    if shown.unit == "%":
        return f"{size} percentage points"
    return size if any(c.isdigit() for c in shown.unit) else f"{size} {shown.unit}"


def number(value: float) -> str:
    """Three significant digits; thousands whole and marked."""
    return f"{value:,.0f}" if value >= 999.5 else f"{value:.3g}"
