"""What pairing is worth, and what looking at any time costs."""

import math

import numpy as np
from scipy import stats

from analyzer.stats import anytime
from analyzer.stats.anytime import Horizon
from analyzer.stats.estimate import Estimate
from tests.calibration import traffic
from tests.calibration.false_alarms import made
from tests.calibration.gates import SD, scores
from tests.calibration.ledgers import MeanLedger
from tests.calibration.looking import ANYTIME, FIXED, LEVEL, PLANNED, first_look, metric, row
from tests.calibration.replicated import Outcome, Results, Run
from tests.calibration.tables import Bar, Section, Share, Table, count, median
from tests.calibration.traffic import Rng

EFFECTS = (0.05, 0.10, 0.20)
"""Of the standard deviation of a difference."""
POWER_PAIRS = 5000


def one_look(rng: Rng, slower: float, n: int) -> Outcome:
    """Lognormal times, the candidate slower: is it found at n pairs?"""
    pairs = traffic.IID(rng, n).scaled(1 + slower)
    ledger, of = made("mean", pairs)
    estimate = ledger.at(ledger.blocks)
    fixed, always = row(of, estimate, FIXED), row(of, estimate, ANYTIME)
    welch = stats.ttest_ind(pairs.candidate, pairs.primary, equal_var=False)
    low, high = welch.confidence_interval(LEVEL)
    if fixed.interval is None or estimate is None or estimate.independent_error is None:
        raise ValueError("too few pairs for an interval")
    plain = 2 * 1.96 * estimate.independent_error
    wide = math.nan if always.interval is None else always.interval.high - always.interval.low
    return {
        "paired": float(fixed.interval.low > 0),
        "anytime": float(always.interval is not None and always.interval.low > 0),
        "unpaired": float(low > 0),
        "paired_width": (fixed.interval.high - fixed.interval.low) / plain,
        "anytime_width": wide / plain,
        "over_fixed": wide / (fixed.interval.high - fixed.interval.low),
        "unpaired_width": (high - low) / plain,
    }


def stop(rng: Rng, effect: float) -> Outcome:
    """Pairs until a difference is found, looking after every block; nan: not found."""
    ledger, of = MeanLedger(scores(rng, POWER_PAIRS, effect * SD)), metric("judge_score", "mean")

    def is_found(estimate: Estimate) -> bool:
        said = row(of, estimate, ANYTIME)
        return said.interval is not None and said.interval.low > 0

    found = first_look(ledger, is_found)
    return {"n": math.nan if found is None else found}


_LOOKS = ((0.02, 2000), (0.02, 5000), (0.03, 5000), (0.05, 5000))
RUNS = (
    *(Run(f"power {slower} {n}", one_look, (slower, n), 0.5) for slower, n in _LOOKS),
    *(Run(f"stop {effect}", stop, (effect,), 0.5) for effect in EFFECTS),
)


def section(results: Results) -> Section:
    """Tables and bars."""
    rows = []
    for slower, n in _LOOKS:
        found = results[f"power {slower} {n}"]
        shares = [str(Share.where(found[key])) for key in ("paired", "unpaired", "anytime")]
        widths = [
            f"{np.nanmean(found[key]):.2f}" for key in ("paired_width", "unpaired_width", "anytime_width", "over_fixed")
        ]
        rows.append([f"{100 * slower:g} %", f"{n:,}", *shares, *widths])
    stops = []
    for effect in EFFECTS:
        stopped = results[f"stop {effect}"]["n"]
        fixed = ((1.959964 + 0.841621) / effect) ** 2
        stops.append([f"{effect}", f"{fixed:,.0f}", str(Share.where(~np.isnan(stopped))), count(median(stopped))])
    at_plan = float(np.nanmean(results["power 0.02 5000"]["over_fixed"]))
    exact = anytime.two_sided_multiplier(Horizon(PLANNED, PLANNED), 1 - LEVEL) / 1.959964
    return Section(
        "Power, and the price of looking at any time",
        "Lognormal times of correlation 0.5 with a slower candidate; one look at the end. `unpaired` is Welch's test "
        "on the same numbers. Widths are over that of the normal interval of independent pairs (1.96 standard errors).",
        (
            Table(
                [
                    "slower by",
                    "pairs",
                    "paired, one look, %",
                    "unpaired, %",
                    f"anytime (n* {PLANNED:,}), %",
                    "width paired",
                    "width unpaired",
                    "width anytime",
                    "anytime over fixed",
                ],
                rows,
            ),
            Table(
                [
                    "effect, sd",
                    "pairs for 80 % at one look",
                    f"found by {POWER_PAIRS:,} pairs, %",
                    "median stop, pairs",
                ],
                stops,
            ),
        ),
        (
            Bar("multiplier at n = n*, over 1.96: at most 1.56 (theory 1.549)", f"{exact:.3f}", exact <= 1.56),
            Bar("width at n = n*, over the fixed interval: at most 1.56", f"{at_plan:.3f}", at_plan <= 1.56),
        ),
    )
