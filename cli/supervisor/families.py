"""Metric families from samples: counters, gauges and histograms, told apart by their names, in Prometheus' units."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

from cli.supervisor.catalogue import help_text

_FIGURE = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>.*)\})?", re.DOTALL)
_LABEL = re.compile(r'\s*(?P<key>[a-zA-Z_][a-zA-Z0-9_]*)="(?P<value>(?:[^"\\]|\\.)*)"\s*,?', re.DOTALL)
_ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}
_NS_PER_S = 1e9
_INFINITY = "+Inf"

Labels = tuple[tuple[str, str], ...]


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


class _Cells:
    """One histogram: what each bucket counts above the one before it, and the sum of all values, in seconds."""

    def __init__(self) -> None:
        self.counts: dict[float, float] = defaultdict(float)
        """Upper bound -> count."""
        self.sum = 0.0

    def samples(self) -> list[tuple[str, float]]:
        """(bound, values up to it), in order."""
        total, found = 0.0, []
        for bound, count in sorted(self.counts.items()):
            total += count
            found.append((_go_text(bound), total))
        return found


class Families:
    """Metric families by name, in the order in which they first come."""

    def __init__(self) -> None:
        self._by_name: dict[str, Metric] = {}
        self._histograms: dict[str, dict[Labels, _Cells]] = {}

    def add(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """One sample; a name that ends in `_total` is a counter, any other a gauge."""
        kind = "counter" if name.endswith("_total") else "gauge"
        self._family(name, name.removesuffix("_total") if kind == "counter" else name, kind).add_sample(
            name, dict(labels), value
        )

    def _family(self, name: str, shown: str, kind: str) -> Metric:
        family = self._by_name.get(name)
        if family is None:
            family = self._by_name[name] = Metric(shown, help_text(name), kind)
        return family

    def add_figure(self, figure: str, labels: Mapping[str, str], value: float) -> None:
        """A sample whose name brings labels, as boards and roles report it; nanoseconds become seconds.

        Cells of histograms add up over all workers: what one worker sees is no story of its own, and the page stays
        short. A figure that cannot be read is left out, not the whole page.
        """
        try:
            name, own = parse_figure(figure)
        except ValueError:
            return
        if name.endswith("_bucket") and "le" in own:
            self._add_bucket(name.removesuffix("_bucket"), own, value)
        elif name.endswith("_sum"):
            shown, seconds = _in_seconds(name.removesuffix("_sum"), value)
            self._cells(shown, own).sum += seconds
        else:
            shown, shown_value = _in_seconds(name, value)
            self.add(shown, {**own, **labels}, shown_value)

    def _add_bucket(self, name: str, own: dict[str, str], count: float) -> None:
        le = own.pop("le")
        try:
            bound = float("inf") if le == _INFINITY else float(le)
        except ValueError:
            return
        shown, bound = _in_seconds(name, bound)
        self._cells(shown, own).counts[bound] += count

    def _cells(self, name: str, labels: Mapping[str, str]) -> _Cells:
        self._family(name, name, "histogram")
        return self._histograms.setdefault(name, {}).setdefault(tuple(sorted(labels.items())), _Cells())

    def all(self) -> Sequence[Metric]:
        """The families; call it once, at the end."""
        for name, histograms in self._histograms.items():
            for labels, cells in histograms.items():
                _add_histogram(self._by_name[name], dict(labels), cells)
        return list(self._by_name.values())


def _go_text(bound: float) -> str:
    text: str = floatToGoString(bound)  # type: ignore[no-untyped-call]
    return text


def _in_seconds(name: str, value: float) -> tuple[str, float]:
    if "_nanoseconds" not in name:
        return name, value
    return name.replace("_nanoseconds", "_seconds"), value / _NS_PER_S


def _add_histogram(family: Metric, labels: dict[str, str], cells: _Cells) -> None:
    samples = cells.samples()
    if not samples or samples[-1][0] != _INFINITY:
        return  # a board that was cut off: without its last bucket it is no histogram
    for le, count in samples:
        family.add_sample(f"{family.name}_bucket", {**labels, "le": le}, count)
    family.add_sample(f"{family.name}_count", labels, samples[-1][1])
    family.add_sample(f"{family.name}_sum", labels, cells.sum)
