"""Metrics of other packages.

A package declares an entry point of the group `shadowbench.metrics` that names a `Metric`, or a sequence of them, or a
function without arguments that gives either. Its measure has `origin="pairs"`: its sums are read from the pairs
themselves, since the rollups know only the project's own.
"""

from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points

from analyzer.metrics import METRICS, Metric

GROUP = "shadowbench.metrics"


class PluginError(Exception):
    """A plug-in cannot be used; the message says which and why."""


def all_metrics() -> tuple[Metric, ...]:
    """The project's own, then those of installed packages.

    Raises:
        PluginError: one cannot be loaded, gives something else, or takes a name that is taken.
    """
    return with_plugins(entry_points(group=GROUP))


def with_plugins(points: Iterable[EntryPoint]) -> tuple[Metric, ...]:
    """The project's own, then those of given entry points; see `all_metrics`."""
    found = list(METRICS)
    taken = {metric.name for metric in METRICS}
    for point in sorted(points, key=lambda p: (p.name, p.value)):
        added = _metrics_of(point)
        for metric in added:
            if metric.name in taken:
                raise PluginError(f"metric {metric.name!r} of {_where(point)} has a name that is taken")
        taken |= {metric.name for metric in added}
        found += added
    return tuple(found)


def _metrics_of(point: EntryPoint) -> Sequence[Metric]:
    try:
        loaded = point.load()
        made = loaded() if callable(loaded) else loaded
    except Exception as error:
        raise PluginError(f"{_where(point)} cannot be loaded: {type(error).__name__}: {error}") from error
    metrics = [made] if isinstance(made, Metric) else list(made) if isinstance(made, Iterable) else [made]
    for metric in metrics:
        if not isinstance(metric, Metric):
            raise PluginError(
                f"{_where(point)} gives a {type(metric).__name__}; it has to give analyzer.metrics.Metric"
            )
        if metric.measure.origin != "pairs" or metric.quantile is not None:
            raise PluginError(
                f"metric {metric.name!r} of {_where(point)}: write origin='pairs', and a mean, rate or ratio"
            )
    return metrics


def _where(point: EntryPoint) -> str:
    return f"the entry point {point.name} = {point.value} ({GROUP})"
