"""Both arms on one axis of time: from each leg's own begin to its last byte, in the stretches that are known.

Places are percent of the axis, as SVG takes them, so that a drawing is as wide as its place and letters stay as large
as they are.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from analyzer.dashboard.pairs.amounts import duration
from analyzer.report.plots.scales import ticks
from store.browsing.pairs import Arm

Kind = Literal["connecting", "waiting", "opening", "thinking", "answering", "unknown"]
MOST_TICKS = 6
_OPEN_SHARE = 0.08
"""Of the axis, behind the last thing that is known of a leg whose end is not."""
_LEAST_SHARE = 0.003
"""A stretch that is shorter could not be seen."""


_NEVER_BEGAN = {"unavailable": "never sent", "connect_error": "no connection"}
"""Outcome -> what is said of a leg of which there are no times."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of a leg."""

    kind: Kind
    begin_ms: float
    """From t0: the last byte of the request has left."""
    end_ms: float
    x: str
    """Place and width, percent."""
    width: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One leg."""

    stretches: tuple[Stretch, ...]
    end: str
    """When it ended, in words."""
    end_x: str
    """Where its last stretch ends, percent."""
    is_open: bool
    """Nobody knows when it ended."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on the axis."""

    x: str
    text: str
    anchor: Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Timing:
    """The drawing."""

    primary: Bar
    candidate: Bar
    ticks: tuple[Tick, ...]
    zero: str
    """Where both legs begin, percent."""
    kinds: tuple[Kind, ...]
    """Kinds of stretches that occur, in the order of time."""
    said: str
    """The same in words."""


_KINDS: tuple[Kind, ...] = ("connecting", "waiting", "opening", "thinking", "answering", "unknown")


def timing(primary: Arm, candidate: Arm) -> Timing | None:
    """Both legs; None: no time is known of either."""
    legs = [list(_stretches(arm)) for arm in (primary, candidate)]
    known = [edge for leg in legs for _, begin, end in leg for edge in (begin, end) if edge is not None]
    if not known or max(known) <= 0:
        return None
    low, high = min(*known, 0.0), max(known)
    if any(end is None for leg in legs for _, _, end in leg):
        high += (high - low) * _OPEN_SHARE
    scale = _Scale(low, high)
    bars = [_bar(leg, scale, arm.outcome) for leg, arm in zip(legs, (primary, candidate), strict=True)]
    kinds = {stretch.kind for bar in bars for stretch in bar.stretches}
    return Timing(
        bars[0],
        bars[1],
        tuple(_ticks(scale)),
        scale.place(0.0),
        tuple(kind for kind in _KINDS if kind in kinds),
        f"From the request's last byte to the answer's: the primary {_said(bars[0])}, the candidate {_said(bars[1])}.",
    )


_Known = tuple[Kind, float, float | None]
"""Kind, begin and end; no end: it is not known."""


def _stretches(arm: Arm) -> Iterator[_Known]:
    """In the order of time; where a mark is missing, what lies around it is one stretch."""
    if arm.connect_ms is not None and _is_time(arm.connect_ms) and arm.connect_ms > 0:
        yield "connecting", -arm.connect_ms, 0.0
    marks: list[tuple[Kind, float | None]] = [("opening", arm.ttfb_ms), ("thinking", arm.ttfr_ms)]
    marks.append(("answering", arm.ttft_ms))
    is_streamed = arm.ttft_ms is not None or arm.ttfr_ms is not None
    kind: Kind = "waiting"
    at = 0.0
    for following, mark in marks:
        if mark is None or not _is_time(mark):
            continue
        if mark > at:
            yield kind, at, mark
        # Without tokens that came one by one, all that follows the first byte is the answer.
        kind = following if is_streamed or following != "opening" else "answering"
        at = max(mark, at)
    if arm.total_ms is not None and _is_time(arm.total_ms):
        yield kind, at, max(arm.total_ms, at)
    elif at or arm.outcome not in _NEVER_BEGAN:
        yield "unknown", at, None


def _is_time(ms: float) -> bool:
    return math.isfinite(ms) and ms >= 0


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float

    def share(self, ms: float) -> float:
        return (ms - self.low) / (self.high - self.low)

    def place(self, ms: float) -> str:
        return percent(self.share(ms))


def percent(share: float) -> str:
    """`12.34%` of 0.1234."""
    return f"{100 * min(max(share, 0.0), 1.0):.2f}".rstrip("0").rstrip(".") + "%"


def _bar(leg: Sequence[_Known], scale: _Scale, outcome: str) -> Bar:
    drawn: list[Stretch] = []
    end_ms = 0.0
    for kind, begin, end in leg:
        until = scale.high if end is None else end
        width = max(scale.share(until) - scale.share(begin), _LEAST_SHARE)
        x = min(scale.share(begin), 1 - width)
        drawn.append(Stretch(kind, begin, until, percent(x), percent(width)))
        end_ms = until
    is_open = not leg or leg[-1][2] is None
    said = "end not known" if leg else _NEVER_BEGAN.get(outcome, outcome)
    return Bar(tuple(drawn), said if is_open else duration(end_ms), scale.place(end_ms), is_open)


def _ticks(scale: _Scale) -> Iterator[Tick]:
    found = ticks(scale.low, scale.high, MOST_TICKS)
    in_seconds = scale.high >= 2000
    for ms in found:
        share = scale.share(ms)
        text = f"{ms / 1000:g} s" if in_seconds else f"{ms:g} ms"
        yield Tick(
            percent(share),
            text.replace("-", "−"),
            "start" if share < 0.03 else "end" if share > 0.97 else "middle",
        )


_IN_WORDS = {
    "connecting": "connecting",
    "waiting": "until the first byte",
    "opening": "until the first word",
    "thinking": "thinking",
    "answering": "answering",
    "unknown": "not known how long after that",
}


def _said(bar: Bar) -> str:
    if not bar.stretches:
        return bar.end
    parts = [
        _IN_WORDS[one.kind] if one.kind == "unknown" else f"{duration(one.end_ms - one.begin_ms)} {_IN_WORDS[one.kind]}"
        for one in bar.stretches
    ]
    return f"{bar.end} ({', '.join(parts)})"
