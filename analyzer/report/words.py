"""How numbers, windows and verdicts read: for people who did not make them."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from analyzer.metrics import Metric
from analyzer.results import Comparison, Decision, Kind, Role
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
DECISION_STYLE: dict[Decision, str] = {"promote": "bold green", "reject": "bold red", "wait": "bold yellow"}
FINDING_STYLE = {"passed": "green", "failed": "bold red", "open": "yellow"}
ROLE_ORDER: dict[Role, int] = {"primary": 0, "guardrail": 1, "other": 2}
_SIGN = {"upper": "≤", "lower": "≥"}
_MOST = 700.0
"""exp() of more is not finite."""


def heading(metric: Metric) -> str:
    """`time to last byte, p95, ms`: numbers beside it need no unit."""
    unit = "%" if metric.estimand == "log_ratio" else metric.measure.shown.unit
    return f"{title(metric)}, {unit}"


def title(metric: Metric) -> str:
    """`time to last byte, p95`"""
    name = metric.measure.shown.title
    if metric.estimand == "log_ratio":
        return f"{name}, typical change"
    if metric.estimand == "corrected":
        return f"{name}, corrected by people"
    # Of other metrics there is one estimand, and their title says which.
    is_time = metric.measure.unit == "ms"
    return f"{name}, {metric.estimand}" if metric.quantile is not None or is_time else name


def value(metric: Metric, number: float | None) -> str:
    """A level of one arm."""
    return ABSENT if number is None else digits(number * metric.measure.shown.times)


def difference(metric: Metric, number: float | None, interval: Interval | None) -> str:
    """Signed, to the digits that its interval leaves any meaning; of shares in percentage points."""
    return ABSENT if number is None else _signed(_scaled(metric, number), _decimals(metric, number, interval))


def ends(metric: Metric, interval: Interval | None) -> str:
    """`-190 to -154`."""
    if interval is None:
        return ABSENT
    decimals = _decimals(metric, None, interval)
    return " to ".join(_signed(_scaled(metric, end), decimals) for end in (interval.low, interval.high))


def bound(row: Comparison) -> str:
    """`≤ +155`: how much worse the candidate may be, at most."""
    return ABSENT if row.bound is None else f"{_SIGN[row.bound.side]} {_one(row, row.bound.value)}"


def allowed(row: Comparison) -> str:
    """`< +200`: where the bound, or both ends of the interval, must lie for the policy's rule to hold."""
    if row.require is None or (row.metric.better is None and row.require != "equivalent"):
        return ABSENT
    if row.require == "better":
        return "< 0" if row.metric.better == "lower" else "> 0"
    if row.margin is None:
        return ABSENT
    if row.require == "equivalent":
        return f"{_one(row, -row.margin)} to {_one(row, row.margin)}"
    return f"< {_one(row, row.margin)}" if row.metric.better == "lower" else f"> {_one(row, -row.margin)}"


def _one(row: Comparison, number: float) -> str:
    return _signed(_scaled(row.metric, number), _decimals(row.metric, number, row.interval))


def _scaled(metric: Metric, number: float) -> float:
    """A difference as it is shown: a mean log ratio as the change of a typical request, in percent."""
    if metric.estimand == "log_ratio":
        return math.expm1(min(number, _MOST)) * 100
    return number * metric.measure.shown.times


def _decimals(metric: Metric, number: float | None, interval: Interval | None) -> int:
    """Two significant digits of the interval's half width; without one, three of the number."""
    if interval is not None and math.isfinite(interval.high - interval.low):
        return _places((_scaled(metric, interval.high) - _scaled(metric, interval.low)) / 2, 2)
    return _places(_scaled(metric, number or 0.0), 3)


def relative_of(row: Comparison) -> str:
    """Difference as a share of the primary's value; of a log ratio the difference is that already."""
    return ABSENT if row.metric.estimand == "log_ratio" else relative(row.relative)


def relative(share: float | None) -> str:
    """`-21.2 %` of the primary's value."""
    return ABSENT if share is None or not math.isfinite(share) else f"{share * 100:+,.1f} %"


def percent(share: float) -> str:
    """`95 %`, `9.98 %`."""
    return f"{share * 100:.3g} %" if math.isfinite(share) else ABSENT


def level_text(level: float) -> str:
    """`95 %`, `99.99 %`."""
    return f"{level * 100:.10g} %"


def p_text(p_value: float | None) -> str:
    """`p = 0.71`, `p < 0.0001`."""
    if p_value is None or not math.isfinite(p_value):
        return "p not known"
    return "p < 0.0001" if p_value < 0.0001 else f"p = {p_value:.2g}"


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
    if math.isinf(number):
        return "+∞" if number > 0 else "-∞"
    if math.isnan(number):
        return ABSENT
    text = f"{number:+,.{decimals}f}"
    return text[1:] if float(text.replace(",", "")) == 0 else text


def counted(number: int, noun: str) -> str:
    """`1 pair`, `1,000 pairs`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(parts: Sequence[str]) -> str:
    """`a, b and c`"""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def moment(when: datetime | None) -> str:
    """To the second, UTC."""
    return ABSENT if when is None else f"{when:%Y-%m-%d %H:%M:%S}"


def span(length: timedelta) -> str:
    """`24 h`, `20 s`: in the largest unit of which there are two at least."""
    seconds = length.total_seconds()
    for name, size in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            amount = seconds / size
            return f"{amount:,.0f} {name}" if amount >= 999.5 else f"{amount:.3g} {name}"
    return f"{seconds:.3g} s"


def kind_sentence(kind: Kind, level: float, planned_pairs: int) -> str:
    """What an interval of this kind promises."""
    each = "for each metric by itself"
    if kind == "fixed":
        return (
            f"Intervals ({level_text(level)}) are fixed-horizon ones: they hold for one look at a time chosen "
            f"beforehand, {each}. Do not look again and again until one fits."
        )
    return (
        f"Intervals ({level_text(level)}) are anytime-valid: they hold however often one looks, {each}; they are "
        f"narrowest near {counted(planned_pairs, 'pair')}."
    )


def needed(row: Comparison) -> str | None:
    """`3,400 more pairs, $12.40, 5 h`; None where it is not known: why, is said beside the verdict."""
    if row.needed is None or not row.needed.pairs:
        return None
    parts = [counted(row.needed.pairs, "more pair")]
    if row.needed.usd is not None and math.isfinite(row.needed.usd):
        parts.append(f"${digits(row.needed.usd) if row.needed.usd < 10 else f'{row.needed.usd:,.2f}'}")
    if row.needed.eta_seconds is not None and math.isfinite(row.needed.eta_seconds):
        parts.append(_waiting(row.needed.eta_seconds))
    return ", ".join(parts)


def _waiting(seconds: float) -> str:
    days = seconds / 86400
    return f"{days:,.0f} days" if days >= 10_000 else span(timedelta(seconds=seconds))
