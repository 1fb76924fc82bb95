"""Metrics of texts of other packages.

A package declares an entry point of the group `shadowbench.text_metrics` that names a `TextMetric`, or a sequence of
them, or a function without arguments that gives either. `judge.metrics` says which are scored; the report has them all.
"""

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points

from analyzer.entry_points import PluginError, given_by, in_order, where
from analyzer.metrics import METRICS
from analyzer.text_metrics.declared import TextMetric

GROUP = "shadowbench.text_metrics"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def plugged() -> tuple[TextMetric, ...]:
    """Of all installed packages.

    Raises:
        PluginError: one cannot be loaded, gives something else, or something that cannot be scored or reported.
    """
    return plugged_of(entry_points(group=GROUP))


def plugged_of(points: Iterable[EntryPoint]) -> tuple[TextMetric, ...]:
    """Of given entry points; see `plugged`."""
    found: dict[str, TextMetric] = {}
    taken = {metric.name for metric in METRICS}
    for point in in_order(points):
        for metric in given_by(point, TextMetric):
            for fault in _faults(metric, taken | set(found)):
                raise PluginError(f"the metric {metric.name!r} of {where(point)} {fault}")
            found[metric.name] = metric
    return tuple(found.values())


def _faults(metric: TextMetric, taken: set[str]) -> Iterator[str]:
    if not _NAME.fullmatch(metric.name):
        yield "needs a name of lower-case letters, digits and underscores"
    if metric.name in taken:
        yield "has a name that is taken"
    if (metric.score is None) == (metric.score_vectors is None):
        yield "has to have one of score and score_vectors"
    if metric.kind not in {"mean", "rate"} or metric.better not in {"lower", "higher", None}:
        yield "writes kind 'mean' or 'rate', and better 'lower', 'higher' or None"
    if not metric.margin >= 0:
        yield "needs a margin of 0 or more"
    if metric.bounds is not None and not metric.bounds[0] < metric.bounds[1]:
        yield "needs bounds of which the first is smaller"
