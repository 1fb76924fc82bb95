"""Numbers in the sentences about surroundings: short, with a sign where they are differences."""

import math
from datetime import UTC, datetime

from analyzer.stats.interval import Interval

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def digits(number: float) -> str:
    """Three digits, or all before the point; never an exponent.

    >>> digits(1234.5), digits(12.345), digits(0.000123), digits(0.0)
    ('1234', '12.3', '0.000123', '0')
    """
    if number == 0 or not math.isfinite(number):
        return f"{number:g}"
    # Rounded first: 99.99 has the digits of 100.
    decimals = max(0, 2 - math.floor(math.log10(float(f"{abs(number):.3g}"))))
    return f"{number:.{min(decimals, 9)}f}"


def signed(number: float) -> str:
    """With + or -."""
    text = digits(abs(number))
    return f"{'-' if number < 0 and float(text) else '+'}{text}"


def percent(share: float, decimals: int = 0) -> str:
    """`95 %`"""
    return f"{100 * share:.{decimals}f} %"


def confidence(level: float) -> str:
    """`95 % interval`, `99.5 % interval`"""
    return f"{100 * level:g} % interval"


def span(interval: Interval, *, times: float = 1.0) -> str:
    """`-3.1 to +12.0`"""
    return f"{signed(interval.low * times)} to {signed(interval.high * times)}"


def counted(n: int, thing: str) -> str:
    """`1 period`, `2 periods`"""
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def duration(seconds: float) -> str:
    """In the unit in which it is a small number."""
    for unit_s, name in ((_DAY_S, "day"), (_HOUR_S, "hour"), (_MINUTE_S, "minute")):
        if seconds >= 2 * unit_s:
            return counted(round(seconds / unit_s), name)
    return counted(round(seconds), "second")


def moment(unix_s: float) -> str:
    """`2026-03-01 10:00 UTC`"""
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
