"""Was the sample what it should be, what is missing, and whose fault that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from analyzer import estimates
from analyzer.audit import ADMITTED, RECEIVED
from analyzer.comparison import Comparison, adjusted
from analyzer.source import Experiment
from analyzer.stats.sample_ratio import sample_ratio_p
from record.states import CLASS_OF, LOST, SKIPS, UNCAPTURED, State, StateClass

SAMPLE_RATIO_ALARM = 0.0005
OURS_ALARM_SHARE = 0.01
FAILURES_ALARM_SHARE = 0.01

_NOT_ELIGIBLE = (State.NO_MATCH, State.OPT_OUT, State.LOOP, State.PAUSED, State.INCOMPLETE)
"""Decided before the draw: no part of what is sampled from."""


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Share that was drawn, against the share that should have been. Unknown is None."""

    expected: float | None = None
    observed: float | None = None
    p_value: float | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """Sampled requests without a pair, by what that means to a verdict."""

    by_design: int
    """Narrows the population that is spoken of."""
    candidate: int
    """Never sent because of the candidate: counted as its failures."""
    ours: int
    """Lost by shadowbench: missing data."""
    ours_share: float | None
    """Of all sampled requests; None without any."""


@dataclass(frozen=True, slots=True)
class Control:
    """The primary against itself: what two equal arms look like here."""

    experiment: str
    pairs: int
    comparisons: tuple[Comparison, ...]
    """Here `p_adjusted` is Holm's over the metrics."""
    differs_alone: tuple[str, ...]
    """Metrics whose own interval leaves out 0; of twenty without a difference one does so by chance at 95 %."""
    differs: tuple[str, ...]
    """Those among them that still differ after Holm over all metrics: the setup favours an arm."""

    @property
    def asked(self) -> tuple[Comparison, ...]:
        """Metrics of which enough is known for a test."""
        return tuple(row for row in self.comparisons if row.p_value is not None)


@dataclass(frozen=True, slots=True)
class Integrity:
    """What to know before believing a candidate's numbers."""

    sample_ratio: SampleRatio
    missing: Missing
    control: Control | None = None
    warnings: tuple[str, ...] = field(default=())


def states_with_rows(counted: Mapping[str, int], pairs: int) -> dict[str, int]:
    """`received` and every state that requests ended in: counts of the workers, and rows that are really there.

    What was admitted and is neither a row nor lost is `open`: still under way, in the proxy or to the store.
    """
    names = [RECEIVED, *(s.value for s in State)]
    states = {name: counted[name] for name in names if counted.get(name)}
    if counted.get(ADMITTED):
        states[State.OPEN] = max(0, counted[ADMITTED] - pairs - sum(counted.get(s, 0) for s in LOST))
    if pairs or counted:
        states[State.PAIR] = pairs
    return {str(name): count for name, count in states.items()}


def sample_ratio(
    counted: Mapping[str, int], experiments: Sequence[Experiment], requests_per_conversation: float | None
) -> SampleRatio:
    """Of a candidate's eligible requests, the share that was drawn.

    The test needs one share for the whole window, and the sizes of sampled conversations.
    """
    eligible = counted.get(RECEIVED, 0) - sum(counted.get(s, 0) for s in _NOT_ELIGIBLE)
    if eligible <= 0:
        return SampleRatio()
    sampled = eligible - counted.get(State.UNSAMPLED, 0)
    expected = _constant_share(experiments)
    p_value = None
    if expected is not None and requests_per_conversation is not None:
        p_value = sample_ratio_p(sampled, eligible, expected, requests_per_draw=requests_per_conversation)
    return SampleRatio(expected, sampled / eligible, p_value)


def _constant_share(experiments: Sequence[Experiment]) -> float | None:
    shares = {share for e in experiments for share in (e.share_low, e.share_high)}
    return shares.pop() if len(shares) == 1 else None


def missing(counted: Mapping[str, int]) -> Missing:
    """Counts by class of state."""

    def of(cls: StateClass) -> int:
        return sum(counted.get(s, 0) for s in (*SKIPS, *LOST) if CLASS_OF[s] is cls)

    sampled = counted.get(RECEIVED, 0) - sum(counted.get(s, 0) for s in UNCAPTURED)
    ours = of(StateClass.OURS)
    return Missing(
        of(StateClass.BY_DESIGN), of(StateClass.CANDIDATE), ours, min(1.0, ours / sampled) if sampled > 0 else None
    )


def control(experiment: Experiment, comparisons: Sequence[Comparison]) -> Control:
    """Judges the control leg; over its metrics the chance of a false alarm is in all what one interval has alone."""
    rows = tuple(adjusted(comparisons))
    alone = [row for row in rows if row.interval is not None and not row.interval.low <= 0 <= row.interval.high]
    differs = [row for row in alone if row.p_adjusted is not None and row.p_adjusted < 1 - row.level]
    return Control(
        experiment.id,
        experiment.pairs,
        rows,
        tuple(row.measure.metric for row in alone),
        tuple(row.measure.metric for row in differs),
    )


def warnings(
    ratio: SampleRatio,
    lost: Missing,
    control_leg: Control | None,
    experiments: Sequence[Experiment],
    states: Mapping[str, int],
) -> tuple[str, ...]:
    """What a reader should know first, one sentence each.

    Args:
        ratio: of this candidate.
        lost: of this candidate.
        control_leg: of the window.
        experiments: of this candidate in the window, the one that is reported last.
        states: from `states_with_rows`.
    """
    found = [
        *_sampling_warnings(ratio, experiments),
        *_missing_warnings(lost, states),
        *(_failure_warnings(experiments[-1]) if experiments else ()),
        *(estimates.warnings(experiments[-1]) if experiments else ()),
    ]
    if control_leg is not None and control_leg.differs:
        names = ", ".join(
            row.measure.shown.title for row in control_leg.asked if row.measure.metric in control_leg.differs
        )
        found.append(f"the control (primary against itself) differs in {names}: the setup favours an arm there")
    return tuple(found)


def _sampling_warnings(ratio: SampleRatio, experiments: Sequence[Experiment]) -> list[str]:
    found = []
    if ratio.p_value is not None and ratio.p_value < SAMPLE_RATIO_ALARM:
        found.append(
            f"sampled {_percent(ratio.observed)} instead of {_percent(ratio.expected)} (p = {ratio.p_value:.2g}): "
            "the sample is not a random one"
        )
    if experiments and ratio.expected is None and ratio.observed is not None:
        found.append("the share changed within the window, so the sample ratio is not tested")
    if others := sum(e.pairs for e in experiments[:-1]):
        found.append(f"{others} pairs of earlier experiments are left out: models, params or addresses changed")
    return found


def _missing_warnings(lost: Missing, states: Mapping[str, int]) -> list[str]:
    found = []
    if lost.ours_share is not None and lost.ours_share > OURS_ALARM_SHARE:
        found.append(f"shadowbench itself lost {lost.ours} sampled requests ({_percent(lost.ours_share)})")
    if open_requests := states.get(State.OPEN, 0):
        found.append(f"{open_requests} requests are still under way; slow answers among them are not in yet")
    return found


def _failure_warnings(experiment: Experiment) -> list[str]:
    failed = max(experiment.failures_primary, experiment.failures_candidate)
    if failed <= FAILURES_ALARM_SHARE * experiment.pairs:
        return []
    said = (
        f"latency speaks of pairs in which both arms answered; the primary failed in {experiment.failures_primary} "
        f"and the candidate in {experiment.failures_candidate} of {experiment.pairs}"
    )
    return [said]


def _percent(share: float | None) -> str:
    return "an unknown share" if share is None else f"{share * 100:.3g} %"
