"""Do the metrics of a policy exist, and do its rules ask what their metrics can answer?

The configuration knows no metrics: their table is the analyzer's, and plug-ins add to it. So this is asked by whoever
loads a policy and knows them all.
"""

from collections.abc import Iterator, Sequence

from analyzer.metrics import Metric, named
from config.policy import MetricRule, Policy
from config.source import KeyPath, key_text
from config.wording import nearest_key


def placed_faults(policy: Policy, metrics: Sequence[Metric]) -> list[tuple[KeyPath, str]]:
    """Every fault as (path below the policy, what is wrong there), in the order of the policy.

    Args:
        policy: valid by itself.
        metrics: all that there are, those of plug-ins among them.
    """
    faults: list[tuple[KeyPath, str]] = []
    seen: dict[tuple[str, str], str] = {}
    for place, rule in policy.rules():
        wrong = [((*place, key), text) for key, text in _wrong(rule, metrics)]
        metric = named(tuple(metrics), rule.metric, rule.estimand)
        if metric is not None and not wrong:
            first = seen.setdefault(metric.key, key_text(place))
            if first != key_text(place):
                wrong.append(((*place, "metric"), f"{' '.join(metric.key)} is what {first} asks already; keep one"))
        faults += wrong
    return faults


def metric_of(rule: MetricRule, metrics: Sequence[Metric]) -> Metric | None:
    """The metric that a rule speaks of; None: there is none."""
    return named(tuple(metrics), rule.metric, rule.estimand)


def _wrong(rule: MetricRule, metrics: Sequence[Metric]) -> Iterator[tuple[str, str]]:
    """(key, what is wrong)"""
    own = [metric for metric in metrics if metric.name == rule.metric]
    if not own:
        names = list(dict.fromkeys(metric.name for metric in metrics))
        yield "metric", f"there is no metric {rule.metric!r}{nearest_key(rule.metric, names)}"
        return
    estimands = [metric.estimand for metric in own]
    if rule.estimand is not None and rule.estimand not in estimands:
        one = "is only" if len(estimands) == 1 else "are"
        yield "estimand", f"{rule.metric} has no {rule.estimand}; there {one} {', '.join(estimands)}"
    if own[0].better is None and rule.require != "equivalent":
        yield "require", f"neither direction of {rule.metric} is better by itself; write `require: equivalent`"
    if own[0].measure.unit == "share" and rule.margin is not None and _is_percentage_by_mistake(rule):
        said = f"{rule.metric} is a share from 0 to 1, so a margin of {rule.margin.value:g} allows everything"
        yield "margin", f"{said}; write {rule.margin.value / 100:g} for {rule.margin.value:g} percentage points"


def _is_percentage_by_mistake(rule: MetricRule) -> bool:
    return rule.margin is not None and not rule.margin.relative and rule.margin.value >= 1
