"""What mirroring does to the primary itself: periods with copies against random periods without (switchback).

Switchback draws each period's arm from a seed and its number alone, so whatever else differs between the arms differs
by chance (Bojinov, Simchi-Levi and Zhao 2023). But load drifts, and neighbouring periods are alike. Time is therefore
cut into stretches of so many periods that one of the rarer kind falls into each; within stretch s, the arms' ratios of
sums (all milliseconds over all requests) give d_s = R_on,s - R_off,s, and

    d = sum w_s d_s / sum w_s,    w_s = y_on,s y_off,s / (y_on,s + y_off,s),    y: requests

The lengths depend only on how many periods of each kind there are, and given these every place in a stretch was as
likely to be either: each d_s is fair by randomisation alone, however load moves. Stretches are the independent units of
the error (CR2 and Satterthwaite degrees of freedom when they are few; see `stats.robust`). Stretches with one kind only
say nothing and drop out; so does the time before switchback was configured.

Why not the plain difference of all on and all off periods with Welch's degrees of freedom: in 17,000 simulated windows
of 60 to 1,008 periods, 10 to 50 % of them off, 95 % intervals of either held the truth in 93 to 96 % of cases. Under
autocorrelated load, a daily cycle or a trend those of the stretches were 0.4 to 0.85 times as wide; under load that
never drifts, 1.05 to 1.25 times.

The length of a period has to be the same over the window; where it was changed, shorter parts of a longer period would
pass for periods of their own. What will be false first: copies that are still under way when an off period begins load
the primary in it, too. So the effect shown is a little smaller than the real one, unless periods are long beside the
requests.

The anytime interval is the asymptotic confidence sequence of `stats.anytime` with n = periods; it is approximate while
periods are few.
"""

import math
from dataclasses import dataclass

import numpy as np

from analyzer.results import Kind
from analyzer.stats import anytime, interval
from analyzer.stats.anytime import Horizon
from analyzer.stats.influence import Influence
from analyzer.stats.interval import Interval
from analyzer.stats.moments import FloatArray
from analyzer.stats.robust import StandardError, robust_error
from analyzer.surroundings.figures import Periods, Surroundings
from analyzer.surroundings.results import Effect, Interference
from analyzer.surroundings.wording import confidence, counted, digits, duration, percent, signed, span

LEAST_PERIODS = 10
"""Of each kind, for an interval."""
LEAST_STRETCHES = 4
"""With both kinds of periods, for an interval."""
SHORTEST_STRETCH = 4
"""Periods. Where half of them are off, one stretch of two in two would have one kind only."""
PLANNED_PERIODS = 1000.0
"""n* of the anytime interval: a week of ten-minute periods. Any value is valid."""


@dataclass(frozen=True, slots=True, eq=False)
class _Arms:
    """Periods of one kind each; shapes (periods,)."""

    numbers: FloatArray
    is_on: FloatArray
    """1 or 0."""

    @property
    def on(self) -> int:
        return int(self.is_on.sum())

    @property
    def off(self) -> int:
        return len(self.is_on) - self.on

    def stretch(self) -> FloatArray:
        """Of each period the number of its stretch; periods without a request take up their place."""
        rarer = min(self.on, self.off) / len(self.is_on)
        length = max(SHORTEST_STRETCH, math.ceil(1 / rarer))
        stretch: FloatArray = np.floor((self.numbers - self.numbers[0]) / length)
        return stretch


def interference(s: Surroundings, level: float, kind: Kind) -> Interference | None:
    """The effect of mirroring on the primary's latency and error rate.

    Args:
        s: of one candidate.
        level: of the intervals.
        kind: of the intervals.

    Returns:
        None where switchback kept no request back.
    """
    if s.periods is None or not any(s.periods.off):
        return None
    kept, arms = _of_one_kind(s.periods)
    requests = np.array(s.periods.requests, dtype=np.float64)[kept]

    def effect(values: tuple[int, ...], weights: tuple[int, ...], unit: float) -> Effect | None:
        x, y = (np.array(column, dtype=np.float64)[kept] for column in (values, weights))
        return _effect(arms, x / unit, y, level, kind)

    latency = effect(s.periods.total_us, s.periods.total_us_n, 1000.0)
    errors = effect(s.periods.failed, s.periods.stayed_n, 1.0)
    return Interference(
        periods_on=arms.on,
        periods_off=arms.off,
        requests_on=int(requests @ arms.is_on),
        requests_off=int(requests @ (1 - arms.is_on)),
        latency_ms=latency,
        error_rate=errors,
        sentence=_sentence(s.periods, arms, latency, errors, level),
    )


def _of_one_kind(periods: Periods) -> tuple[np.ndarray, _Arms]:
    """Which periods count: in some, requests were copied and kept back, because the configuration changed."""
    off, requests = (np.array(column, dtype=np.int64) for column in (periods.off, periods.requests))
    kept = ((off == 0) | (off == requests)) & (requests > 0)
    numbers = np.array(periods.numbers, dtype=np.float64)[kept]
    return kept, _Arms(numbers, (off[kept] == 0).astype(np.float64))


def _effect(arms: _Arms, x: FloatArray, y: FloatArray, level: float, kind: Kind) -> Effect | None:
    """Ratio of sums of x over y, with copies and without."""
    if not (y @ arms.is_on and y @ (1 - arms.is_on)):
        return None
    _, place = np.unique(arms.stretch(), return_inverse=True)

    def sums(column: FloatArray, which: FloatArray) -> FloatArray:
        return np.bincount(place, column * which).astype(np.float64)

    on, off = arms.is_on, 1 - arms.is_on
    y_on, y_off = sums(y, on), sums(y, off)
    both = (y_on > 0) & (y_off > 0)
    if not both.any():
        ratio_on, ratio_off = (float(x @ which) / float(y @ which) for which in (on, off))
        return Effect(ratio_off, ratio_on, ratio_on - ratio_off, None)
    y_on, y_off = y_on[both], y_off[both]
    r_on, r_off = sums(x, on)[both] / y_on, sums(x, off)[both] / y_off
    weights = y_on * y_off / (y_on + y_off)
    share = weights / weights.sum()
    level_on, level_off = float(share @ r_on), float(share @ r_off)
    difference = level_on - level_off
    influence = Influence.of(weights, weights * (r_on - r_off - difference))
    return Effect(level_off, level_on, difference, _interval(arms, influence, difference, level, kind))


def _interval(arms: _Arms, influence: Influence, difference: float, level: float, kind: Kind) -> Interval | None:
    if min(arms.on, arms.off) < LEAST_PERIODS or influence.groups < LEAST_STRETCHES:
        return None
    error = robust_error(influence)
    # Where nothing varies (no request ever failed), there is no spread to judge by.
    if error is None or error.value == 0.0:
        return None
    return _of_kind(difference, error, len(arms.is_on), level, kind)


def _of_kind(difference: float, error: StandardError, periods: int, level: float, kind: Kind) -> Interval:
    if kind == "fixed":
        return interval.two_sided(difference, error, level)
    return anytime.two_sided(difference, error, Horizon(periods, PLANNED_PERIODS), level)


def _sentence(periods: Periods, arms: _Arms, latency: Effect | None, errors: Effect | None, level: float) -> str:
    few = _too_few(periods, arms)
    if few is not None:
        return few
    parts = []
    if latency is not None:
        parts.append(_of_latency(latency, level))
    if errors is not None:
        parts.append(_of_errors(errors, level))
    seen = f"{counted(arms.on, 'period')} with copies, {arms.off:,} without"
    return f"{' '.join(parts) or 'The primary gave no answer that could be compared.'} ({seen}.)"


def _too_few(periods: Periods, arms: _Arms) -> str | None:
    missing = {"with copies": LEAST_PERIODS - arms.on, "without copies": LEAST_PERIODS - arms.off}
    more = {name: n for name, n in missing.items() if n > 0}
    if not more:
        return None
    text = " and ".join(f"{n} more {name}" for name, n in more.items())
    have = f"{counted(arms.on, 'period')} with copies and {arms.off:,} without"
    return f"{have} are too few to see what mirroring does to the primary: {text} needed{_wait(periods, arms)}."


def _wait(periods: Periods, arms: _Arms) -> str:
    """How long that takes if the shares stay."""
    if not min(arms.on, arms.off):
        return ""
    most = max(LEAST_PERIODS - n for n in (arms.on, arms.off))
    seconds = most / (min(arms.on, arms.off) / len(arms.is_on)) * periods.length_s
    return f", about {duration(seconds)} of traffic at the present share"


def _of_latency(effect: Effect, level: float) -> str:
    levels = f"{digits(effect.off)} ms without copies, {digits(effect.on)} ms with them"
    if effect.interval is None:
        return (
            f"The primary took {levels}; without an interval, for the periods lie too close together or are all alike."
        )
    found = f"{levels}: {signed(effect.difference)} ms, {confidence(level)} {span(effect.interval)}"
    if effect.interval.low > 0:
        return f"Mirroring slows the primary: {found}."
    if effect.interval.high < 0:
        return f"The primary is faster while it is mirrored: {found}."
    return f"No effect of mirroring on the primary's latency is seen: {found}."


def _of_errors(effect: Effect, level: float) -> str:
    if effect.off == effect.on == 0:
        return "No request of the primary failed in either."
    levels = f"{percent(effect.off, 2)} without copies, {percent(effect.on, 2)} with them"
    if effect.interval is None:
        return f"Of its requests failed {levels}; without an interval, for the same reason."
    found = f"{levels}: {signed(100 * effect.difference)} points, interval {span(effect.interval, times=100)}"
    if effect.interval.low > 0:
        return f"Mirroring makes it fail more often: {found}."
    if effect.interval.high < 0:
        return f"It fails less often while it is mirrored: {found}."
    return f"No effect on its error rate is seen: {found}."
