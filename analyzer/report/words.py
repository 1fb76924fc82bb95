"""How numbers, windows and verdicts read: for people who did not make them."""

import math
from datetime import datetime, timedelta

from analyzer.measures import Measure
from analyzer.stats.interval import Interval
from analyzer.verdict import Verdict

ABSENT = "-"

STYLE = {
    Verdict.BETTER: "bold green",
    Verdict.WORSE: "bold red",
    Verdict.NOT_WORSE: "green",
    Verdict.EQUIVALENT: "green",
    Verdict.UNDECIDED: "yellow",
}
WORD = {
    Verdict.BETTER: "better",
    Verdict.WORSE: "worse",
    Verdict.NOT_WORSE: "not worse",
    Verdict.EQUIVALENT: "equivalent",
    Verdict.UNDECIDED: "undecided",
}
"""The word says it all; colour only helps the eye."""


def heading(measure: Measure) -> str:
    """`time to last byte, ms`: numbers beside it need no unit."""
    return f"{measure.shown.title}, {measure.shown.unit}"


def value(measure: Measure, number: float | None) -> str:
    """A level of one arm."""
    return ABSENT if number is None else digits(number * measure.shown.times)


def difference(measure: Measure, number: float | None, interval: Interval | None) -> str:
    """Signed, to the digits that its interval leaves any meaning; of shares in percentage points."""
    return ABSENT if number is None else _signed(number * measure.shown.times, _decimals(measure, number, interval))


def ends(measure: Measure, interval: Interval | None) -> str:
    """`-190 to -154`."""
    if interval is None:
        return ABSENT
    decimals = _decimals(measure, None, interval)
    return " to ".join(_signed(end * measure.shown.times, decimals) for end in (interval.low, interval.high))


def _decimals(measure: Measure, number: float | None, interval: Interval | None) -> int:
    """Two significant digits of the interval's half width; without one, three of the number."""
    if interval is not None:
        return _places((interval.high - interval.low) / 2 * measure.shown.times, 2)
    return _places((number or 0.0) * measure.shown.times, 3)


def relative(share: float | None) -> str:
    """`-21.2 %` of the primary's value."""
    return ABSENT if share is None or not math.isfinite(share) else f"{share * 100:+,.1f} %"


def digits(number: float) -> str:
    """Three significant digits at least, thousands marked."""
    return f"{number:,.{_places(number, 3)}f}" if math.isfinite(number) else ABSENT


def _places(number: float, significant: int) -> int:
    """Decimals that show so many significant digits."""
    if number == 0 or not math.isfinite(number):
        return 0
    # Rounded first: 9.996 shows as 10.0, not as 10.00.
    rounded = float(f"{abs(number):.{significant - 1}e}")
    return min(max(significant - 1 - math.floor(math.log10(rounded)), 0), 12)


def _signed(number: float, decimals: int) -> str:
    """Never `-0`."""
    if not math.isfinite(number):
        return ABSENT
    text = f"{number:+,.{decimals}f}"
    return text[1:] if float(text.replace(",", "")) == 0 else text


def moment(when: datetime | None) -> str:
    """To the second, UTC."""
    return ABSENT if when is None else f"{when:%Y-%m-%d %H:%M:%S}"


def span(length: timedelta) -> str:
    """`24 h`, `20 s`: in the largest unit of which there are two at least."""
    seconds = length.total_seconds()
    for name, size in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {name}"
    return f"{seconds:.3g} s"
