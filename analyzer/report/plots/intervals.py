"""One metric's difference as a strip: interval, bound, what is allowed, and the primary against itself behind it.

What decides is what is drawn: the one-sided bound against the margin. Every strip has its own scale, since metrics have
different units; 0, no difference, stands in the middle of all of them.
"""

import math
from collections.abc import Iterator

from analyzer.report import words
from analyzer.report.plots import svg
from analyzer.report.plots.scales import Linear
from analyzer.results import Comparison
from analyzer.stats.interval import Interval

WIDTH, HEIGHT = 240.0, 30.0
_TOP, _BOTTOM, _MIDDLE = 3.0, 27.0, 15.0
_EDGE = 8.0
_ROOM = 1.12
"""Beyond the farthest mark."""


def strip(row: Comparison, control: Interval | None = None) -> str | None:
    """The strip of one metric; None without an interval.

    Args:
        row: what it shows.
        control: interval of the same metric for the primary against itself.
    """
    if row.interval is None:
        return None
    half = half_width(row, control)
    place = Linear(-half, half, _EDGE, WIDTH - _EDGE)
    parts = [*_allowed(row, place), *_control(control, place), *_axis(place), *_marks(row, place, half)]
    return svg.image(label(row, control), WIDTH, HEIGHT, parts, class_="strip")


def label(row: Comparison, control: Interval | None = None) -> str:
    """The same in words."""
    metric = row.metric
    said = [f"{words.heading(metric)}: difference {words.difference(metric, row.difference, row.interval)}"]
    said.append(f"{words.level_text(row.level)} interval {words.ends(metric, row.interval)}")
    if row.bound is not None:
        said.append(f"bound {words.bound(row)}")
    if row.require is not None:
        said.append(f"allowed {words.allowed(row)}")
    if control is not None:
        said.append(f"primary against itself {words.ends(metric, control)}")
    return f"{', '.join(said)}: {words.WORD[row.verdict]}"


def half_width(row: Comparison, control: Interval | None) -> float:
    """Of a scale with 0 in its middle that has room for every mark."""
    marks = [row.difference, row.margin if row.require is not None else None]
    for interval in (row.interval, control):
        marks += [] if interval is None else [interval.low, interval.high]
    marks += [] if row.bound is None else [row.bound.value]
    known = [abs(mark) for mark in marks if mark is not None and math.isfinite(mark)]
    return _ROOM * (max(known, default=0.0) or 1.0)


def _band(place: Linear, low: float, high: float, class_: str, inset: float = 0.0) -> str:
    start, end = place(low), place(high)
    top, bottom = _TOP + inset, _BOTTOM - inset
    return svg.element("rect", x=start, y=top, width=max(end - start, 1.0), height=bottom - top, class_=class_)


def limits(row: Comparison) -> tuple[float, ...]:
    """Where what is allowed ends: one edge, or two where both arms have to be equivalent; none without a rule."""
    limit = 0.0 if row.require == "better" else row.margin
    if row.require is None or limit is None or (row.metric.better is None and row.require != "equivalent"):
        return ()
    if row.require == "equivalent":
        return -limit, limit
    return (limit,) if row.metric.better == "lower" else (-limit,)


def _allowed(row: Comparison, place: Linear) -> Iterator[str]:
    """Where the bound, or the interval, has to lie; and its edge."""
    edges = limits(row)
    if not edges:
        return
    starts_at_edge = row.require == "equivalent" or row.metric.better == "higher"
    ends_at_edge = row.require == "equivalent" or row.metric.better == "lower"
    low, high = edges[0] if starts_at_edge else place.low, edges[-1] if ends_at_edge else place.high
    yield _band(place, low, high, "allowed")
    for edge in edges:
        x = place(edge)
        yield svg.element("line", x1=x, x2=x, y1=_TOP, y2=_BOTTOM, class_="margin")


def _control(control: Interval | None, place: Linear) -> Iterator[str]:
    if control is not None:
        yield _band(place, control.low, control.high, "control-band", 5.0)


def _axis(place: Linear) -> Iterator[str]:
    x = place(0.0)
    yield svg.element("line", x1=x, x2=x, y1=_TOP, y2=_BOTTOM, class_="zero")


def _marks(row: Comparison, place: Linear, half: float) -> Iterator[str]:
    assert row.interval is not None  # noqa: S101 - asked before
    ends = (row.interval.low, row.interval.high)
    start, end = (place(value) for value in ends)
    yield svg.element("line", x1=start, x2=end, y1=_MIDDLE, y2=_MIDDLE, class_="interval")
    for value, x, outward in ((ends[0], start, -5.0), (ends[1], end, 5.0)):
        if abs(value) > half:  # it goes on beyond the edge
            arrow = [(x - outward, _MIDDLE - 4), (x, _MIDDLE), (x - outward, _MIDDLE + 4)]
            yield svg.path(arrow, class_="interval-end")
        else:
            yield svg.element("line", x1=x, x2=x, y1=_MIDDLE - 4, y2=_MIDDLE + 4, class_="interval-end")
    if row.bound is not None and math.isfinite(row.bound.value):
        x = place(row.bound.value)
        yield svg.path([(x, _MIDDLE - 8.0), (x, _MIDDLE + 8.0)], class_="bound")
    if row.difference is not None and math.isfinite(row.difference):
        yield svg.element("circle", cx=place(row.difference), cy=_MIDDLE, r=3.6, class_="estimate")
