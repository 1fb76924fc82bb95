"""What the rollups should hold, worked out from rows in Python's whole numbers and by the metrics' own definitions."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from analyzer.measures import BY_NAME, Arm, Measure

Row = Mapping[str, Any]
UNITS = {"total_ms": 1000, "ttft_ms": 1000, "itl_ms": 1000, "tokens_per_second": 1000, "cost_usd": 10**9}
PREFIXES = {
    "total_ms": "total_us",
    "ttft_ms": "ttft_us",
    "itl_ms": "itl_us",
    "tokens_per_second": "millitokens_per_second",
    "cost_usd": "cost_nanousd",
}
LATENCIES = ("total_ms", "ttft_ms", "itl_ms")
HOUR_US = 3_600_000_000


def as_outcome(skip: Row) -> Row:
    """A copy that the candidate was not there for: a pair whose candidate failed."""
    primary = {name: value for name, value in skip.items() if not name.startswith("candidate_")}
    return {
        **primary,
        "candidate_outcome": "unavailable",
        "held_ms": 0.0,
        "gateway_cache": False,
        "stream": None,
        "changed": [],
    }


def statistics(pairs: Iterable[Row], unavailable: Iterable[Row] = ()) -> dict[str, int]:
    """Every statistic of `store.rollups.vectors.OF_PAIRS`, by name."""
    found: Counter[str] = Counter()
    for row in pairs:
        found["pairs"] += 1
        found.update(_states(row))
        found.update(_kept(row))
        found.update(of_row(row))
    for skip in unavailable:
        found["unavailable"] += 1
        found.update(of_row(as_outcome(skip)))
    return dict(found)


def of_row(row: Row) -> Counter[str]:
    """What one pair adds."""
    found: Counter[str] = Counter()
    for measure in (m for m in BY_NAME.values() if m.origin == "rollups"):
        if measure.origin == "rollups" and (taken := measure.taken(row)) is not None:
            _ADDERS[_kind(measure)](found, measure, taken)
    for metric in LATENCIES:
        _add_failures(found, metric, row)
    return found


def _kind(measure: Measure) -> str:
    return "agreement" if measure.joint else measure.kind


def _whole(value: float, unit: int, most: float = math.inf) -> int:
    return int(min(round(value * unit), most))


def _add_mean(found: Counter[str], measure: Measure, taken: Sequence[float]) -> None:
    name, unit = PREFIXES.get(measure.metric, measure.metric), UNITS.get(measure.metric, 1)
    most = HOUR_US if measure.metric in LATENCIES else math.inf
    c, p = (_whole(value, unit, most) for value in taken)
    found[f"{name}_n"] += 1
    for arm, x in (("primary", p), ("candidate", c)):
        found[f"{name}_{arm}"] += x
        found[f"{name}_{arm}_2"] += x**2
    found[f"{name}_cross"] += p * c
    found[f"{name}_difference_3"] += (c - p) ** 3
    if measure.metric in LATENCIES and p > 0 and c > 0:
        log = round((math.log(c) - math.log(p)) * 10**6)
        found[f"{name}_log_n"] += 1
        for power, end in ((1, ""), (2, "_2"), (3, "_3")):
            found[f"{name}_log{end}"] += log**power


def _add_ratio(found: Counter[str], measure: Measure, taken: Sequence[float]) -> None:
    name = {"cost_per_1k_tokens": "cost_per_token"}.get(measure.metric, measure.metric)
    per = 1000 if measure.metric == "cost_per_1k_tokens" else 1
    parts = {
        "x_primary": _whole(taken[2], 10**9),
        "x_candidate": _whole(taken[0], 10**9),
        "y_primary": _whole(taken[3], per),
        "y_candidate": _whole(taken[1], per),
    }
    found[f"{name}_n"] += 1
    names = list(parts)
    for i, a in enumerate(names):
        found[f"{name}_{a}"] += parts[a]
        for b in names[i:]:
            found[f"{name}_{a}_{b}"] += parts[a] * parts[b]


def _add_rate(found: Counter[str], measure: Measure, taken: Sequence[float]) -> None:
    name = measure.metric.removesuffix("_rate")
    c, p = (int(value) for value in taken)
    found.update({f"{name}_n": 1, f"{name}_primary": p, f"{name}_candidate": c, f"{name}_both": p * c})


def _add_agreement(found: Counter[str], measure: Measure, taken: Sequence[float]) -> None:
    name, unit = ("exact_match", 1) if measure.metric == "exact_match" else ("tool_call_agreement_ppm", 10**6)
    x = _whole(taken[0], unit)
    found.update({f"{name}_n": 1, name: x})
    if unit > 1:
        found[f"{name}_2"] += x**2


_ADDERS = {"mean": _add_mean, "ratio": _add_ratio, "rate": _add_rate, "agreement": _add_agreement}


def _own_time(row: Row) -> bool:
    outcomes = {row["primary_outcome"], row["candidate_outcome"]}
    is_alone = not row["held_ms"] and not row["gateway_cache"] and "n" not in row["changed"]
    return not outcomes & {"client_abort", ""} and is_alone


def time_us(row: Row, arm: Arm, metric: str) -> int | None:
    """Of an arm that answered; None: it failed, or the time is not known."""
    value = row.get(f"{arm}_{metric}")
    if row[f"{arm}_outcome"] != "ok" or value is None or not math.isfinite(value):
        return None
    return _whole(value, 1000, HOUR_US)


def latencies(row: Row, metric: str) -> tuple[float, float] | None:
    """(primary, candidate), µs, infinite for an arm that failed; None where the pair says nothing about this time."""
    if not _own_time(row):
        return None
    arms: tuple[Arm, Arm] = ("primary", "candidate")
    failed = [row[f"{arm}_outcome"] != "ok" for arm in arms]
    times = [time_us(row, arm, metric) for arm in arms]
    if all(failed):
        return (math.inf, math.inf) if metric == "total_ms" or row.get("stream") else None
    if any(time is None and not f for time, f in zip(times, failed, strict=True)):
        return None
    p, c = (math.inf if time is None else float(time) for time in times)
    return p, c


def _add_failures(found: Counter[str], metric: str, row: Row) -> None:
    if (both := latencies(row, metric)) is None or all(math.isfinite(x) for x in both):
        return
    name = PREFIXES[metric]
    if not any(math.isfinite(x) for x in both):
        found[f"{name}_neither_n"] += 1
        return
    arm, x = ("primary", both[0]) if math.isfinite(both[0]) else ("candidate", both[1])
    found[f"{name}_{arm}_only_n"] += 1
    for power, end in ((1, ""), (2, "_2"), (3, "_3")):
        found[f"{name}_{arm}_only{end}"] += int(x) ** power


def _states(row: Row) -> dict[str, int]:
    p, c = row["primary_outcome"], row["candidate_outcome"]
    stayed = "client_abort" not in {p, c}
    return {
        "held": int(row["held_ms"] > 0),
        "gateway_cached": int(row["gateway_cache"]),
        "client_aborts": int(not stayed),
        "failures_primary": int(stayed and p != "ok"),
        "failures_candidate": int(stayed and c != "ok"),
    }


def _kept(row: Row) -> dict[str, int]:
    """The primary's figures."""
    found: Counter[str] = Counter()
    estimated = row.get("primary_tokens_estimated") or row.get("candidate_tokens_estimated")
    tokens = row.get("primary_estimated_output_tokens" if estimated else "primary_output_tokens")
    if row["primary_outcome"] != "ok":
        tokens = None
    for name, value in (("total_us", time_us(row, "primary", "total_ms")), ("output_tokens", tokens)):
        if value is not None:
            found.update({f"kept_{name}_n": 1, f"kept_{name}": value, f"kept_{name}_2": value**2})
    return found


def bins(rows: Iterable[Row], gamma: float) -> Counter[tuple[str, int]]:
    """(series, bin) -> pairs; a value on the edge of a bin may be off by one there."""
    found: Counter[tuple[str, int]] = Counter()
    for row in rows:
        for metric in LATENCIES:
            if (both := latencies(row, metric)) is None:
                continue
            for arm, x in zip(("primary", "candidate"), both, strict=True):
                place = 32_767 if math.isinf(x) else -1 if x == 0 else math.floor(math.log(x) / math.log(gamma))
                found[f"{PREFIXES[metric]}_{arm}", place] += 1
    return found


def hour_of(moment: datetime) -> datetime:
    """Its begin."""
    return moment.replace(minute=0, second=0, microsecond=0)


def restricted(rows: Iterable[Row], cap_us: int) -> dict[str, int]:
    """What restricted means are made of: each arm answered or timed out, and nothing is longer than the cap."""
    found: Counter[str] = Counter()
    for row in rows:
        for metric in ("total_ms", "ttft_ms"):
            p, c = (_capped(row, arm, metric, cap_us) for arm in ("primary", "candidate"))
            if p is not None and c is not None and _own_time(row):
                parts = {"n": 1, "primary": p, "candidate": c, "primary_2": p * p, "candidate_2": c * c}
                parts |= {"cross": p * c, "difference_3": (c - p) ** 3}
                found.update({f"{PREFIXES[metric]}_{name}": value for name, value in parts.items()})
    return dict(found)


def _capped(row: Row, arm: str, metric: str, cap_us: int) -> int | None:
    found = row.get(f"{arm}_{metric}")
    known = found is not None and math.isfinite(found)
    value = float(found or 0.0) if known else 0.0
    if row[f"{arm}_outcome"] == "ok":
        return min(_whole(value, 1000, HOUR_US), cap_us) if known else None
    if row[f"{arm}_outcome"] != "timeout":
        return None
    if metric == "total_ms" or (not known and row.get("stream")):
        return cap_us
    return min(_whole(value, 1000, HOUR_US), cap_us) if known else None


def below(rows: Iterable[Row], metric: str, primary_ms: float, candidate_ms: float) -> tuple[int, int, int, int]:
    """(pairs that count, primary at or below, candidate at or below, both); a failure is longer than everything."""
    n = at_p = at_c = both = 0
    for row in rows:
        if latencies(row, metric) is not None:
            p, c = (
                row[f"{arm}_outcome"] == "ok" and row[f"{arm}_{metric}"] <= limit
                for arm, limit in (("primary", primary_ms), ("candidate", candidate_ms))
            )
            n, at_p, at_c, both = n + 1, at_p + p, at_c + c, both + (p and c)
    return n, at_p, at_c, both
