"""Metrics of other packages.

A package declares an entry point of the group `shadowbench.metrics` that names a `Metric`, or a sequence of them, or a
function without arguments that gives either. Its measure has `origin="pairs"`: its sums are read from the pairs
themselves, since the rollups know only the project's own. Metrics of texts have a group of their own
(`text_metrics.plugged`), and each is a metric of reports, too.
"""

from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points

from analyzer.entry_points import PluginError, given_by, in_order, where
from analyzer.metrics import METRICS, Metric, of_texts
from analyzer.text_metrics.declared import TextMetric
from analyzer.text_metrics.plugged import plugged

__all__ = ["GROUP", "PluginError", "all_metrics", "with_plugins"]

GROUP = "shadowbench.metrics"


def all_metrics() -> tuple[Metric, ...]:
    """The project's own, then those of installed packages.

    Raises:
        PluginError: one cannot be loaded, gives something else, or takes a name that is taken.
    """
    return with_plugins(entry_points(group=GROUP), plugged())


def with_plugins(points: Iterable[EntryPoint], of_other_texts: Sequence[TextMetric] = ()) -> tuple[Metric, ...]:
    """The project's own, then those of other packages; see `all_metrics`.

    Args:
        points: that give metrics of pairs.
        of_other_texts: metrics of texts.
    """
    found = [*METRICS, *map(of_texts, of_other_texts)]
    taken = {metric.name for metric in found}
    for point in in_order(points):
        added = given_by(point, Metric)
        for metric in added:
            if metric.measure.origin != "pairs" or metric.quantile is not None:
                raise PluginError(
                    f"metric {metric.name!r} of {where(point)}: write origin='pairs', and a mean, rate or ratio"
                )
            if metric.name in taken:
                raise PluginError(f"metric {metric.name!r} of {where(point)} has a name that is taken")
        taken |= {metric.name for metric in added}
        found += added
    return tuple(found)
