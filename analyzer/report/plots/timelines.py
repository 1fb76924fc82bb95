"""Both arms over time: means of neighbouring time blocks, gaps where there was nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from analyzer.estimation import paired_sums
from analyzer.figures import Compared
from analyzer.metrics import Metric
from analyzer.report import words
from analyzer.report.plots import svg
from analyzer.report.plots.scales import Linear, ticks
from analyzer.stats.mean import PairedSums

WIDTH, HEIGHT = 460.0, 170.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 448.0, 12.0, 132.0
MOST_POINTS = 120
_FEWEST = 2


@dataclass(frozen=True, slots=True)
class _Points:
    """Stretches of time; None: no pair."""

    starts_s: Sequence[float]
    primary: Sequence[float | None]
    candidate: Sequence[float | None]


def timeline(compared: Compared, metric: Metric, names: tuple[str, str]) -> str | None:
    """A metric's mean in each stretch of time; None with fewer than two.

    Args:
        compared: of one candidate.
        metric: a mean or a rate that the rollups hold.
        names: of the primary and of the candidate.
    """
    sums = paired_sums(compared.blocks, metric.name)
    points = None if sums is None else _points(sums)
    if points is None:
        return None
    times = metric.measure.shown.times
    values = [value * times for arm in (points.primary, points.candidate) for value in arm if value is not None]
    high = max(values) or 1.0
    x = Linear(points.starts_s[0], points.starts_s[-1], _LEFT, _RIGHT)
    y = Linear(0.0, high * 1.08, _BOTTOM, _TOP)
    parts = [*_grid(x, y), *_lines(points, x, y, times), *_legend(names)]
    return svg.image(_label(metric, points, names), WIDTH, HEIGHT, parts, class_="plot timeline")


def _points(sums: PairedSums) -> _Points | None:
    keys = [int(key) for key in sums.keys]
    if len(keys) < _FEWEST:
        return None
    step = max(1, min(later - earlier for earlier, later in pairwise(keys)))
    length = step * max(1, -(-((keys[-1] - keys[0]) // step + 1) // MOST_POINTS))
    stretches = (keys[-1] - keys[0]) // length + 1
    if stretches < _FEWEST:
        return None
    n, primary, candidate = ([0.0] * stretches for _ in range(3))
    for i, key in enumerate(keys):
        at = (key - keys[0]) // length
        n[at] += float(sums.n[i])
        primary[at] += float(sums.primary[i])
        candidate[at] += float(sums.candidate[i])
    starts = [keys[0] + at * length for at in range(stretches)]
    return _Points(
        starts, *([s / k if k else None for s, k in zip(arm, n, strict=True)] for arm in (primary, candidate))
    )


def _grid(x: Linear, y: Linear) -> Iterator[str]:
    for value in ticks(y.low, y.high, 4):
        yield svg.element("line", x1=_LEFT, x2=_RIGHT, y1=y(value), y2=y(value), class_="grid")
        yield svg.text(words.digits(value), _LEFT - 6, y(value) + 3.5, text_anchor="end", class_="tick")
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        at = x.low + share * (x.high - x.low)
        yield svg.text(_clock(at, x.high - x.low), x(at), _BOTTOM + 14, text_anchor=anchor, class_="tick")


def _clock(at_s: float, span_s: float) -> str:
    form = "%H:%M:%S" if span_s < 600 else "%H:%M" if span_s < 86400 else "%m-%d %H:%M"
    return datetime.fromtimestamp(at_s, UTC).strftime(form)


def _lines(points: _Points, x: Linear, y: Linear, times: float) -> Iterator[str]:
    for arm, values in (("primary", points.primary), ("candidate", points.candidate)):
        drawn = [
            None if value is None else (x(start), y(value * times))
            for start, value in zip(points.starts_s, values, strict=True)
        ]
        yield svg.path(drawn, class_=f"line {arm}")


def _legend(names: tuple[str, str]) -> Iterator[str]:
    for i, (arm, name) in enumerate(zip(("primary", "candidate"), names, strict=True)):
        left, bottom = _LEFT + i * 205, HEIGHT - 6
        yield svg.path([(left, bottom - 4), (left + 16, bottom - 4)], class_=f"line {arm}")
        yield svg.text(name[:24], left + 22, bottom, class_="legend")


def _label(metric: Metric, points: _Points, names: tuple[str, str]) -> str:
    said = []
    for name, values in zip(names, (points.primary, points.candidate), strict=True):
        known = [value for value in values if value is not None]
        low, high, last = (words.value(metric, v) for v in (min(known), max(known), known[-1]))
        said.append(f"{name} between {low} and {high}, {last} at the end")
    span = f"{_clock(points.starts_s[0], 1e9)} to {_clock(points.starts_s[-1], 1e9)} UTC"
    return f"{words.heading(metric)}, over time, {span}: {'; '.join(said)}"
