"""How long both arms take, as cumulative shares of the pairs over a logarithmic axis: p50 and p95 can be read off.

A failure is longer than everything, so a line that ends below 100 % shows how many failed.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from analyzer.figures import Compared, Histogram
from analyzer.report import words
from analyzer.report.plots import svg
from analyzer.report.plots.scales import Linear, Log, log_ticks
from analyzer.stats.histogram import LogHistogram
from analyzer.stats.quantile import quantile_rank
from store.rollups.vectors import FAILED_BIN, GAMMA, ZERO_BIN

WIDTH, HEIGHT = 460.0, 210.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 40.0, 448.0, 12.0, 172.0
_POINTS = 160
"""Of a line; more cannot be told apart."""
_MS = 1000.0
_QUANTILES = (("p50", 0.50), ("p95", 0.95), ("p99", 0.99))
_ARMS = ("primary", "candidate")


@dataclass(frozen=True, slots=True)
class _Line:
    arm: str
    name: str
    values_ms: Sequence[float]
    shares: Sequence[float]
    n: int
    failed: int
    at: Sequence[tuple[str, float]]
    """Quantiles, in ms; infinity among failures."""


def cumulative(compared: Compared, prefix: str, title: str, names: tuple[str, str]) -> str | None:
    """Both arms' times; None where no pair has any.

    Args:
        compared: of one candidate.
        prefix: of the series: `total_us`, say; see `store.rollups.vectors.SERIES`.
        title: what is measured.
        names: of the primary and of the candidate.
    """
    lines = [
        line
        for arm, name in zip(_ARMS, names, strict=True)
        if (found := compared.histograms.get(f"{prefix}_{arm}")) and (line := _line(arm, name, found))
    ]
    values = [value for line in lines for value in line.values_ms if value > 0]
    if len(lines) < len(_ARMS) or not values:
        return None
    low, high = min(values), max(values)
    if high < low * 2:
        low, high = low / 1.5, high * 1.5
    x, y = Log(low, high, _LEFT, _RIGHT), Linear(0.0, 1.0, _BOTTOM, _TOP)
    parts = [*_grid(x, y), *(_drawn(line, x, y) for line in lines), *_legend(lines)]
    return svg.image(_label(title, lines), WIDTH, HEIGHT, parts, class_="plot cumulative")


def _line(arm: str, name: str, histogram: Histogram) -> _Line | None:
    n = sum(histogram.pairs)
    if not n:
        return None
    failed = sum(count for number, count in zip(histogram.bins, histogram.pairs, strict=True) if number == FAILED_BIN)
    ends = [(_upper_ms(number), count) for number, count in zip(histogram.bins, histogram.pairs, strict=True)]
    known = [(value, count) for value, count in ends if math.isfinite(value)]
    up_to = list(accumulate(count for _, count in known))
    chosen = _thinned(up_to, n)
    values = LogHistogram(histogram.bins, histogram.pairs, gamma=GAMMA, zero=ZERO_BIN, beyond=FAILED_BIN)
    at = [(title, values.at_rank(quantile_rank(n, p)) / _MS) for title, p in _QUANTILES]
    return _Line(arm, name, [known[i][0] for i in chosen], [up_to[i] / n for i in chosen], n, failed, at)


def _upper_ms(number: int) -> float:
    if number == FAILED_BIN:
        return math.inf
    return 1 / _MS if number == ZERO_BIN else float(GAMMA ** (number + 1)) / _MS


def _thinned(up_to: Sequence[int], n: int) -> list[int]:
    """Places at which the share has grown by a step, the first and the last among them."""
    chosen: list[int] = []
    reached = -1.0
    for i, count in enumerate(up_to):
        if count / n - reached >= 1 / _POINTS or i + 1 == len(up_to):
            chosen.append(i)
            reached = count / n
    return chosen


def _grid(x: Log, y: Linear) -> Iterator[str]:
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        yield svg.element("line", x1=_LEFT, x2=_RIGHT, y1=y(share), y2=y(share), class_="grid")
        yield svg.text(f"{share * 100:.0f} %", _LEFT - 6, y(share) + 3.5, text_anchor="end", class_="tick")
    for value in log_ticks(x.low, x.high):
        yield svg.element("line", x1=x(value), x2=x(value), y1=_TOP, y2=_BOTTOM, class_="grid")
        yield svg.text(milliseconds(value), x(value), _BOTTOM + 14, text_anchor="middle", class_="tick")


def _drawn(line: _Line, x: Log, y: Linear) -> str:
    points: list[tuple[float, float] | None] = [
        (x(max(value, x.low)), y(share)) for value, share in zip(line.values_ms, line.shares, strict=True)
    ]
    return svg.path(points, class_=f"line {line.arm}")


def _legend(lines: Sequence[_Line]) -> Iterator[str]:
    for i, line in enumerate(lines):
        left, bottom = _LEFT + i * 205, HEIGHT - 8
        yield svg.path([(left, bottom - 4), (left + 16, bottom - 4)], class_=f"line {line.arm}")
        failed = f", {words.percent(line.failed / line.n)} failed" if line.failed else ""
        yield svg.text(f"{line.name[:18]}{failed}", left + 22, bottom, class_="legend")


def _label(title: str, lines: Sequence[_Line]) -> str:
    said = [
        f"{line.name}: " + ", ".join(f"{name} {milliseconds(ms)}" for name, ms in line.at) + f" of {line.n:,} pairs"
        for line in lines
    ]
    return f"{title}, share of pairs that are done. {'; '.join(said)}"


def milliseconds(value: float) -> str:
    """`850 ms`, `1.2 s`; beyond everything: `failed`."""
    if not math.isfinite(value):
        return "failed"
    return f"{value:.3g} ms" if value < 1000 else f"{value / 1000:.3g} s"
