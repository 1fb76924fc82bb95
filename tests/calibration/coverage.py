"""How often an interval for one look holds the true difference, where there is one."""

import math
from dataclasses import replace

import numpy as np

from tests.calibration import traffic
from tests.calibration.false_alarms import made
from tests.calibration.looking import FIXED, row
from tests.calibration.replicated import Outcome, Results, Run
from tests.calibration.tables import Bar, Section, Share, Table
from tests.calibration.traffic import LATENCIES, TYPICAL_MS, Draw, Pairs, Rng, Shape

SLOWER = 0.10
"""The candidate takes so much longer, or costs so much more."""
_SD = Shape().sd_log
_Z = {"p50": 0.0, "p95": 1.6448536269514722, "p99": 2.3263478740408408}
MORE_FAILURES = (0.03, 0.02)


def truth(kind: str) -> float:
    """Of the lognormal arms of `traffic`, with the candidate slower by `SLOWER`; closed forms."""
    if kind == "mean":
        return SLOWER * TYPICAL_MS * math.exp(_SD**2 / 2)
    if kind == "log_ratio":
        return math.log1p(SLOWER)
    if kind == "rate":
        return MORE_FAILURES[0] - MORE_FAILURES[1]
    if kind == "ratio":
        return SLOWER * traffic.TOKEN_USD * math.exp(traffic.PRICE_SD_LOG**2 / 2)
    return SLOWER * TYPICAL_MS * math.exp(_SD * _Z[kind])


def _draw(kind: str, name: str) -> Draw:
    if kind == "rate":
        return traffic.failures(only_candidate=MORE_FAILURES[0], only_primary=MORE_FAILURES[1])
    if kind == "ratio":
        return traffic.costs() if name == "iid" else traffic.STRADDLING_COSTS
    return LATENCIES[name][1]


CELLS: tuple[tuple[str, str, int], ...] = (
    ("mean", "iid", 2000),
    ("mean", "load-95", 20_000),
    ("mean", "conversations", 5000),
    ("mean", "straddling", 5000),
    ("log_ratio", "iid", 2000),
    ("log_ratio", "straddling", 5000),
    ("ratio", "iid", 2000),
    ("ratio", "straddling", 5000),
    ("rate", "iid", 5000),
    ("p50", "iid", 2000),
    ("p95", "iid", 2000),
    ("p95", "iid", 5000),
    ("p95", "straddling", 5000),
    ("p99", "iid", 5000),
    ("p99", "iid", 20_000),
)


def replicate(rng: Rng, kind: str, name: str, n: int) -> Outcome:
    """One look at the end."""
    pairs = _draw(kind, name)(rng, n)
    if kind != "rate":
        pairs = pairs.scaled(1 + SLOWER)
    return _one_look(kind, pairs, truth(kind))


def skewed(rng: Rng, kind: str, n: int) -> Outcome:
    """Equal means with a heavier tail of the candidate: which side errs?"""
    pairs = traffic.heavier_candidate(rng, n)
    return _one_look(kind, pairs, 0.0 if kind == "mean" else traffic.SKEWED_LOG_RATIO)


def _one_look(kind: str, pairs: Pairs, true: float) -> Outcome:
    ledger, of = made(kind, pairs)
    estimate = ledger.at(ledger.blocks)
    said = row(of, estimate, FIXED)
    if estimate is None or said.interval is None or said.bound is None or said.surely is None:
        return dict.fromkeys(("covers", "naive", "too_low", "too_high", "plain_too_low", "width"), math.nan)
    error = estimate.independent_error or math.nan
    plain = row(of, replace(estimate, skewness=None), FIXED)
    return {
        "covers": float(said.interval.low <= true <= said.interval.high),
        "naive": float(abs(estimate.difference - true) <= 1.96 * error),
        "too_low": float(said.bound.value < true),
        "too_high": float(said.surely > true),
        "plain_too_low": float(plain.bound is not None and plain.bound.value < true),
        "width": (said.interval.high - said.interval.low) / (2 * 1.96 * error),
    }


_SKEWED = tuple((kind, n) for kind in ("mean", "log_ratio") for n in (3000, 5000, 20_000))
RUNS = (
    *(Run(f"coverage {kind} {name} {n}", replicate, (kind, name, n)) for kind, name, n in CELLS),
    *(Run(f"skewed {kind} {n}", skewed, (kind, n)) for kind, n in _SKEWED),
)


def section(results: Results) -> Section:
    """Tables and bars."""
    rows, bars = [], []
    for kind, name, n in CELLS:
        found = results[f"coverage {kind} {name} {n}"]
        covers = Share.where(found["covers"])
        width = float(np.nanmean(found["width"]))
        rows.append([kind, name, f"{n:,}", str(covers), str(Share.where(found["naive"])), f"{width:.2f}"])
        low, high = (0.94, 0.975) if kind == "p99" else (0.94, 0.96)
        bars.append(
            Bar(
                f"{kind}, {name}, {n:,} pairs: {100 * low:.0f} to {100 * high:g} %",
                f"{covers} %",
                low <= covers.value <= high,
            )
        )
    sides = []
    for kind, n in _SKEWED:
        found = results[f"skewed {kind} {n}"]
        shares = [Share.where(found[key]) for key in ("too_low", "too_high", "plain_too_low")]
        shares.append(Share.where(np.isnan(found["covers"])))
        sides.append([kind, f"{n:,}", *map(str, shares)])
    return Section(
        "Coverage of intervals for one look",
        f"The candidate is {100 * SLOWER:.0f} % slower or dearer (fails in 4 % of requests, the primary in 3 %): the "
        "truth is not 0. `naive` takes pairs for independent; `width` is against that of `naive`. The larger of two "
        "errors is right or too large, never too small where one of them is right: a share above the bar costs width, "
        "a share below it would cost trust. Intervals that are valid at all looks at once are in the table above: "
        "their coverage is what is left of its false alarms.",
        (
            Table(["metric", "traffic", "pairs", "covers, %", "naive covers, %", "width"], rows),
            Table(
                [
                    "skewed (skewness 9)",
                    "pairs",
                    "upper bound too low, %",
                    "lower bound too high, %",
                    "too low, plain t",
                    "no statement yet",
                ],
                sides,
            ),
        ),
        bars,
        "In the second table both means are equal and the candidate's tail is heavier; one-sided bounds are to err in "
        "5 %. `plain t` has no correction for skewness. A mean that few extreme values rule is not stated at all.",
    )
