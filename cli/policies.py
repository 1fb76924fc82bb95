"""A configuration's policy: do its metrics exist, and what does it say in words?"""

from collections.abc import Sequence

import click

from analyzer.metric_words import demand
from analyzer.metrics import Metric
from analyzer.plugins import PluginError, all_metrics
from analyzer.policy_names import metric_of, placed_faults
from cli.settings import Loaded
from config.model import Config
from config.policy import MetricRule, Policy
from config.source import ConfigError, Fault, KeyPath, key_text


def require_known_metrics(loaded: Loaded) -> None:
    """Looks at the names in a configuration's policy, if it has one.

    Raises:
        ConfigError: with every rule that asks for what there is not.
        click.UsageError: a plug-in with metrics cannot be used.
    """
    if loaded.config.policy is None:
        return
    faults = []
    for place, text in placed_faults(loaded.config.policy, _known_metrics()):
        path: KeyPath = ("policy", *place)
        faults.append(Fault(loaded.source.where(path), key_text(path), text))
    if faults:
        raise ConfigError(faults)


def policy_lines(config: Config) -> list[str]:
    """What it decides by, and what keeps it from that, a line each. All metrics are known."""
    policy = config.policy
    if policy is None:
        return []
    metrics = _known_metrics()
    declared = [(rule, metric) for _, rule in policy.rules() if (metric := metric_of(rule, metrics)) is not None]
    least = policy.minimum
    days = f" over {least.days:g} days" if least.days else ""
    lines = [
        f"policy: promotes who passes all of these: {'; '.join(demand(rule, metric) for rule, metric in declared)}",
        (
            f"policy: bounds at {policy.level * 100:g} %, planned for {policy.planned_pairs:,} pairs; "
            f"decides nothing before {least.pairs:,} pairs{days}"
        ),
    ]
    if config.control.sample == 0 and (why := _why_control(policy, declared)):
        lines.append(f"policy: promotes nobody while `control.sample` is 0: {why}")
    return lines


def _known_metrics() -> tuple[Metric, ...]:
    try:
        return all_metrics()
    except PluginError as error:
        raise click.UsageError(str(error)) from None


def _why_control(policy: Policy, declared: Sequence[tuple[MetricRule, Metric]]) -> str | None:
    """What cannot be decided without a control leg."""
    if policy.control.required:
        return "it requires a control leg"
    joint = next((metric.name for _, metric in declared if metric.measure.joint), None)
    return None if joint is None else f"{joint} says something only beside the primary's agreement with itself"
