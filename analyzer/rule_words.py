"""What was found of a rule, in words."""

import math
from datetime import timedelta

from analyzer.metric_words import amount, number
from analyzer.metrics import Metric
from analyzer.results import Comparison, Needed


def found(row: Comparison, *, is_failed: bool) -> str:
    """The bounds that decide, against what the rule allows."""
    if row.require == "equivalent":
        return f"{_between(row)}, {_allowed(row)} either way"
    text = _at_least(row) if is_failed else _at_most(row)
    if row.require != "better":
        return f"{text}, {_allowed(row)}"
    return text if text.endswith("better") else f"{text}, and has to be better"


def still_needed(needed: Needed | None) -> str:
    """`; about 1,200 more pairs (3 h)`, or why that cannot be said; empty where nothing is known."""
    if needed is None:
        return ""
    if not needed.pairs:
        return f"; {needed.reason}" if needed.reason else ""
    time = "" if needed.eta_seconds is None else f", {_span(needed.eta_seconds)} at the present rate"
    money = "" if needed.usd is None else f", ${number(needed.usd)}"
    return f"; about {needed.pairs:,} more pair{'' if needed.pairs == 1 else 's'}{time}{money}"


def _allowed(row: Comparison) -> str:
    return "nothing" if row.margin is None else f"{amount(row.metric, row.margin)} allowed"


def _at_most(row: Comparison) -> str:
    """How much worse it is at most."""
    if row.bound is None:
        return "unknown"
    worse = _worse(row.metric, row.bound.value)
    size = amount(row.metric, row.bound.value)
    return f"at least {size} better" if worse < 0 else f"at most {size} worse"


def _at_least(row: Comparison) -> str:
    """How much worse it is at least."""
    if row.surely is None:
        return "unknown"
    worse = _worse(row.metric, row.surely)
    size = amount(row.metric, row.surely)
    return f"at most {size} better" if worse < 0 else f"at least {size} worse"


def _between(row: Comparison) -> str:
    if row.interval is None:
        return "unknown"
    low, high = (
        f"{amount(row.metric, end)} {'less' if end < 0 else 'more'}" for end in (row.interval.low, row.interval.high)
    )
    return f"between {low} and {high}"


def _worse(metric: Metric, value: float) -> float:
    return -value if metric.better == "higher" else value


def _span(seconds: float) -> str:
    length = timedelta(seconds=seconds)
    if length >= timedelta(days=2):
        days = length / timedelta(days=1)
        return f"{days:,.0f} days" if days >= 999.5 else f"{days:.3g} days"
    if length >= timedelta(hours=2):
        return f"{length / timedelta(hours=1):.3g} h"
    return f"{max(1, math.ceil(length / timedelta(minutes=1)))} min"
