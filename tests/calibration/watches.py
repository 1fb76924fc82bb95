"""Alarms that run for weeks: drift of a difference, and the share that is sampled."""

import math

import numpy as np

from analyzer.stats.drift import DEFAULT_ALPHA, find_changes
from analyzer.stats.influence import Influence
from analyzer.stats.sample_ratio import chi_square
from analyzer.stats.sequential import log_e_sample_ratio
from tests.calibration.looking import PLANNED
from tests.calibration.replicated import Outcome, Results, Run
from tests.calibration.tables import Bar, Section, Share, Table, count, median
from tests.calibration.traffic import FloatArray, Rng, load

DRIFT_BLOCKS, DRIFT_SIZE, CHANGE_AT = 300, 500, 150
SHIFT = 0.15
"""Of the standard deviation of a difference."""
HOURS, REQUESTS, SAMPLED = 200, 10_000, 0.05
"""Hours, requests in each, share to be sampled."""
ALARM = math.log(1000)
NAIVE_LEVEL = 0.05


def _means(rng: Rng, shift: float, loaded: float) -> FloatArray:
    """Mean of each block, of pairs with standard deviation 1; `loaded`: part of a block's variance that lasts."""
    noise = rng.normal(size=DRIFT_BLOCKS) * math.sqrt(1 - loaded) + math.sqrt(loaded) * load(rng, DRIFT_BLOCKS, 0.6)
    return noise / math.sqrt(DRIFT_SIZE) + np.where(np.arange(DRIFT_BLOCKS) >= CHANGE_AT, shift, 0.0)


def drift(rng: Rng, shift: float, loaded: float) -> Outcome:
    """Looked for at the end; the alarm is the block with which it was sure."""
    means = _means(rng, shift, loaded)
    mean = float(means.mean())
    blocks = Influence.of(np.full(DRIFT_BLOCKS, float(DRIFT_SIZE)), (means - mean) * DRIFT_SIZE)
    found = find_changes(blocks, mean, planned=PLANNED)
    if found is None:
        raise ValueError("too few blocks for a detector")
    after = [point for point in found.points if point.alarm >= CHANGE_AT]
    early = [point for point in found.points if point.alarm < CHANGE_AT]
    is_seen = bool(after) and shift != 0.0
    return {
        "false": float(len(found.points) if shift == 0.0 else len(early)),
        "delay": after[0].alarm - CHANGE_AT + 1 if is_seen else math.nan,
        "off": abs(after[0].at - CHANGE_AT) if is_seen else math.nan,
    }


def sample_ratio(rng: Rng, share: float) -> Outcome:
    """Hour by hour: first alarm of the e-process, and of a chi-square test at the same looks."""
    taken = rng.binomial(REQUESTS, share, HOURS).cumsum()
    alarm, naive = math.nan, math.nan
    for hour, sampled in enumerate(taken, 1):
        counts, shares = (float(sampled), float(hour * REQUESTS - sampled)), (SAMPLED, 1 - SAMPLED)
        if math.isnan(alarm) and log_e_sample_ratio(counts, shares) > ALARM:
            alarm = hour
        if math.isnan(naive) and chi_square(counts, shares)[1] < NAIVE_LEVEL:
            naive = hour
    return {"alarm": alarm, "naive": naive}


_DRIFTS = ((0.0, 0.0), (0.0, 0.5), (SHIFT, 0.0), (SHIFT, 0.5))
_SHARES = (0.05, 0.0525, 0.055)
RUNS = (
    *(Run(f"drift {shift} {loaded}", drift, (shift, loaded), 0.5) for shift, loaded in _DRIFTS),
    *(Run(f"sample ratio {share}", sample_ratio, (share,), 0.5) for share in _SHARES),
)


def section(results: Results) -> Section:
    """Tables and bars."""
    drifts, ratios, bars = [], [], []
    bound = DRIFT_BLOCKS * DEFAULT_ALPHA
    for shift, loaded in _DRIFTS:
        found = results[f"drift {shift} {loaded}"]
        false, seen = Share.where(found["false"] > 0), Share.where(~np.isnan(found["delay"]))
        traffic = "independent blocks" if not loaded else "half of a block's variance is load AR(1) 0.6"
        drifts.append([traffic, f"{shift}", str(false)])
        drifts[-1] += (
            ["", "", ""] if not shift else [str(seen), count(median(found["delay"])), count(median(found["off"]))]
        )
        if not shift:
            says = f"drift, {traffic}: at most {100 * bound:.0f} % false alarms in {DRIFT_BLOCKS} blocks"
            bars.append(Bar(says, f"{false} %", false.value <= bound))
    for share in _SHARES:
        found = results[f"sample ratio {share}"]
        alarm, naive = (Share.where(~np.isnan(found[key])) for key in ("alarm", "naive"))
        ratios.append([f"{100 * share:g} %", str(alarm), count(median(found["alarm"])), str(naive)])
        if share == SAMPLED:
            bars.append(
                Bar("sample ratio: at most 0.1 % alarms in healthy windows", f"{alarm} %", alarm.value <= 0.001)
            )
        if share == 0.0525:
            bars.append(Bar("sample ratio: 5 % sampled as 5.25 % is found", f"{alarm} %", alarm.value >= 0.95))
    return Section(
        "Drift, and the share that is sampled",
        f"Drift: {DRIFT_BLOCKS} blocks of {DRIFT_SIZE} pairs, sequences of level 1 - 1/{1 / DEFAULT_ALPHA:,.0f} each; "
        "a shift (in standard deviations of a pair's difference) after block "
        f"{CHANGE_AT}. Sample ratio: {HOURS} hours of {REQUESTS:,} requests of which {100 * SAMPLED:g} % are to be "
        "sampled, a look every hour, alarm at E > 1,000.",
        (
            Table(
                ["drift", "shift", "false alarms, %", "found, %", "median delay, blocks", "median error of its place"],
                drifts,
            ),
            Table(["sampled", "e-process alarms, %", "median hour", "chi-square at 5 % every hour, %"], ratios),
        ),
        bars,
    )
