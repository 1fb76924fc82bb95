"""`/metrics`: statuses of the roles, totals of the boards and reported figures, in Prometheus' text format."""

import re
from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from cli.supervisor.boards import BoardTotals
from cli.supervisor.catalogue import help_text
from cli.supervisor.keeper import RoleStatus

_FIGURE = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>.*)\})?", re.DOTALL)
_LABEL = re.compile(r'\s*(?P<key>[a-zA-Z_][a-zA-Z0-9_]*)="(?P<value>(?:[^"\\]|\\.)*)"\s*,?', re.DOTALL)
_ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}


def parse_figure(figure: str) -> tuple[str, dict[str, str]]:
    """`name{key="value"}` -> name and labels.

    Raises:
        ValueError: it is not of that form.
    """
    match = _FIGURE.fullmatch(figure)
    if match is None:
        raise ValueError(f"{figure!r} is no metric")
    labels: dict[str, str] = {}
    text, at = match["labels"] or "", 0
    while at < len(text):
        label = _LABEL.match(text, at)
        if label is None:
            raise ValueError(f"{figure!r} has labels that cannot be read")
        labels[label["key"]] = re.sub(r"\\[n\"\\]", lambda m: _ESCAPES[m[0]], label["value"])
        at = label.end()
    return match["name"], labels


class _Families:
    """Metric families by name, in the order in which they first come."""

    def __init__(self) -> None:
        self._by_name: dict[str, Metric] = {}

    def add(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """One sample; a name that ends in `_total` is a counter, any other a gauge."""
        family = self._by_name.get(name)
        if family is None:
            kind = "counter" if name.endswith("_total") else "gauge"
            family = Metric(name.removesuffix("_total") if kind == "counter" else name, help_text(name), kind)
            self._by_name[name] = family
        family.add_sample(name, dict(labels), value)

    def add_figure(self, figure: str, labels: Mapping[str, str], value: float) -> None:
        """The same for a name that brings labels; one that cannot be read is left out, not the whole page."""
        try:
            name, own = parse_figure(figure)
        except ValueError:
            return
        self.add(name, {**own, **labels}, value)

    def all(self) -> Sequence[Metric]:
        return list(self._by_name.values())


def families(version: str, roles: Iterable[RoleStatus], boards: BoardTotals) -> Sequence[Metric]:
    """Everything that `/metrics` shows."""
    found = _Families()
    found.add("shadowbench_build_info", {"version": version}, 1)
    for status in roles:
        labels = {"role": status.spec.role, "name": status.spec.name}
        found.add("shadowbench_role_up", labels, float(status.is_ready))
        found.add("shadowbench_role_restarts_total", labels, status.restarts)
        for figure, value in status.figures.items():
            found.add_figure(figure, {"name": status.spec.name}, value)
    for (worker, candidate, state), count in sorted(boards.states.items()):
        found.add("shadowbench_requests_total", {"worker": worker, "candidate": candidate, "state": state}, count)
    for (worker, figure), value in sorted(boards.figures.items()):
        found.add_figure(figure, {"worker": worker}, value)
    if boards.read_at:
        found.add("shadowbench_boards_read_timestamp_seconds", {}, boards.read_at)
        found.add("shadowbench_boards_unreadable", {}, boards.unreadable)
    return found.all()


class _Once(Collector):
    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def page(metrics: Sequence[Metric]) -> bytes:
    """The text format that Prometheus reads."""
    registry = CollectorRegistry()
    registry.register(_Once(metrics))
    return generate_latest(registry)
