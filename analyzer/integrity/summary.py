"""Was the sample what it should be, what is missing, whose fault that is: what to know before believing a number."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from analyzer.figures import Compared, Figures
from analyzer.integrity import estimates
from analyzer.integrity.control import Target, control_checks
from analyzer.integrity.missing import missing
from analyzer.integrity.population import population
from analyzer.integrity.results import ControlCheck, Integrity, Missing, SampleRatio, Skew, SkipBias
from analyzer.integrity.sample_ratio import inflation, sample_ratio
from analyzer.integrity.skips import ALARM_P, skip_bias
from analyzer.integrity.start import limit_ms, start_skew
from analyzer.integrity.states import states_with_rows
from analyzer.measures import BY_NAME
from analyzer.plan import Plan
from analyzer.quality import failures
from analyzer.results import Comparison
from analyzer.source import Experiment
from config.policy import ControlRule
from record.pair import CONTROL
from record.states import State

OURS_ALARM_SHARE = 0.01
FAILURES_ALARM_SHARE = 0.01
BUSY_ALARM_SHARE = 0.05
SMALLEST_P = 1e-12
"""Said as such; further digits say nothing."""
NAMED = 4
"""Metrics in one sentence."""
OPEN_ALARM_SHARE = 0.01
"""Of admitted requests: under way, with nobody to say up to when all is there."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Everything about one candidate's sample."""

    states: Mapping[str, int]
    experiments: Sequence[Experiment]
    compared: Compared | None
    ratio: SampleRatio
    missing: Missing
    skips: tuple[SkipBias, ...]
    skew: Skew | None
    control: tuple[ControlCheck, ...] | None
    control_pairs: int
    control_required: bool
    watermark_known: bool
    vanished: tuple[str, ...]

    @property
    def obstacles(self) -> Iterator[str]:
        """Gravest first."""
        if self.ratio.finding == "failed":
            yield _mismatch(self.ratio)
        yield from self._of_control()
        if self.skew is not None and self.skew.finding == "failed" and self.compared is not None:
            yield (
                f"copies start {self.skew.mean_ms:.3g} ms after the primary on average, "
                f"more than {limit_ms(self.compared):.3g} ms: latencies are not compared alike"
            )
        yield from self._of_open()

    def _of_control(self) -> Iterator[str]:
        if self.control is None:
            if self.control_required:
                yield "the policy requires a control leg (primary against itself), and there is none with pairs"
            return
        failed = [check for check in self.control if check.finding == "failed"]
        undecided = [check for check in self.control if check.finding == "open"]
        if failed:
            yield (
                f"the control (primary against itself) differs in {_titles(failed)} beyond "
                "what the policy allows it: the setup favours an arm there"
            )
        if undecided:
            yield (
                "the control (primary against itself) is not yet shown to be equivalent in "
                f"{_titles(undecided)}: {self.control_pairs:,} control pairs are too few"
            )

    def _of_open(self) -> Iterator[str]:
        """Behind a watermark nothing is under way; without one, or with workers given up, nobody knows."""
        open_now, pairs = self.states.get(State.OPEN, 0), self.states.get(State.PAIR, 0)
        if self.watermark_known and not self.vanished:
            return
        if open_now > OPEN_ALARM_SHARE * (open_now + pairs):
            yield (
                f"{open_now:,} of {open_now + pairs:,} admitted requests are still under way, and nothing says up to "
                "when all are there"
            )

    @property
    def warnings(self) -> Iterator[str]:
        """Gravest first; the obstacles are the first of them."""
        yield from self.obstacles
        if self.missing.ours_share is not None and self.missing.ours_share > OURS_ALARM_SHARE:
            yield (
                f"shadowbench itself lost {self.missing.ours} sampled requests ({_percent(self.missing.ours_share)})"
            )
        if self.vanished:
            named = ", ".join(self.vanished)
            yield (
                f"nothing was heard of the capture log of {named} for over an hour: its last requests may be missing"
            )
        if open_now := self.states.get(State.OPEN, 0):
            yield f"{open_now} requests are still under way; slow answers among them are not in yet"
        for bias in self.skips:
            yield from _of_bias(bias)
        if self.experiments and self.ratio.expected is None and self.ratio.observed is not None:
            yield "the share changed within the window, so the sample ratio is not tested"
        if others := sum(e.pairs for e in self.experiments[:-1]):
            yield f"{others} pairs of earlier experiments are left out: models, params, addresses or the policy changed"
        if self.skew is not None and (self.skew.busy_share or 0.0) > BUSY_ALARM_SHARE:
            yield (
                f"the event loop of the proxy was late during {_percent(self.skew.busy_share)} of the pairs: "
                "latencies of both arms hold some of its own time; add workers"
            )
        if self.experiments:
            yield from _of_failures(self.experiments[-1])
            yield from estimates.warnings(self.experiments[-1])
        yield from self._of_judges()

    def _of_judges(self) -> Iterator[str]:
        if self.compared is not None and self.compared.quality is not None:
            larger = inflation(self.compared.conduct.buckets) or 1.0
            yield from failures.warnings(self.compared.quality, larger)


def assess(
    name: str, figures: Figures, plan: Plan, control_rows: Sequence[Comparison], targets: Sequence[Target]
) -> Integrity:
    """Everything about the sample of one candidate.

    Args:
        name: of the candidate.
        figures: of the report.
        plan: what was asked.
        control_rows: the control's results; empty without a control leg, and for the control itself.
        targets: metrics that decide, with the candidate's margins in their units.
    """
    counted = figures.states.get(name, {})
    experiments = figures.experiments.get(name, ())
    compared = figures.compared.get(name)
    lost = missing(counted)
    rule = ControlRule() if plan.policy is None else plan.policy.control
    control = figures.compared.get(CONTROL) if name != CONTROL else None
    pairs = sum(e.pairs for e in experiments)
    found = _Found(
        states=states_with_rows(counted, pairs),
        experiments=experiments,
        compared=compared,
        ratio=sample_ratio(counted, experiments, () if compared is None else compared.conduct.buckets, plan.kind),
        missing=lost,
        skips=() if compared is None else skip_bias(compared),
        skew=None if compared is None else start_skew(compared),
        control=control_checks(control_rows, targets, rule.within) if control and control_rows else None,
        control_pairs=0 if control is None else control.experiment.pairs,
        control_required=rule.required and name != CONTROL,
        watermark_known=figures.watermark is not None,
        vanished=figures.vanished,
    )
    return Integrity(
        sample_ratio=found.ratio,
        missing=lost,
        control=found.control,
        control_pairs=found.control_pairs,
        skip_bias=found.skips,
        population=population(lost, pairs + lost.candidate, compared) if counted else None,
        skew=found.skew,
        warnings=tuple(found.warnings),
        obstacles=tuple(found.obstacles),
    )


def _mismatch(ratio: SampleRatio) -> str:
    p_value = ratio.p_value or 0.0
    said = f"p = {p_value:.2g}" if p_value > SMALLEST_P else f"p < {SMALLEST_P:g}"
    return (
        f"sampled {_percent(ratio.observed)} instead of {_percent(ratio.expected)} ({said}): "
        "the sample is not a random one"
    )


def _titles(checks: Sequence[ControlCheck]) -> str:
    def title(check: ControlCheck) -> str:
        measure = BY_NAME.get(check.metric)
        shown = check.metric if measure is None else measure.shown.title
        return shown if check.estimand in {"rate", "ratio"} else f"{shown} ({check.estimand})"

    titles = [title(check) for check in checks]
    if len(titles) <= NAMED:
        return ", ".join(titles)
    return f"{', '.join(titles[: NAMED - 1])} and {len(titles) - NAMED + 1} other metrics"


def _of_bias(bias: SkipBias) -> Iterator[str]:
    if bias.finding != "failed":
        return
    told = [
        f"{_percent(abs(change))} {more if change > 0 else less}"
        for p_value, skipped, kept, more, less in (
            (bias.p_tokens, bias.skipped_tokens, bias.kept_tokens, "longer", "shorter"),
            (bias.p_ms, bias.skipped_ms, bias.kept_ms, "slower", "faster"),
        )
        if p_value is not None and p_value < ALARM_P and skipped is not None and kept
        if (change := skipped / kept - 1)
    ]
    if told:
        yield (
            f"{bias.skips:,} requests skipped for {bias.reason} are not like the others: the primary's answers to them "
            f"are {' and '.join(told)}"
        )
    for label, value, kept_share, skipped_share in bias.labels:
        yield (
            f"requests skipped for {bias.reason} come from other labels: {label}={value} has "
            f"{_percent(skipped_share)} of them and {_percent(kept_share)} of the kept"
        )


def _of_failures(experiment: Experiment) -> Iterator[str]:
    failed = max(experiment.failures_primary, experiment.failures_candidate)
    if failed > FAILURES_ALARM_SHARE * experiment.pairs:
        yield (
            f"the primary failed in {experiment.failures_primary:,} and the candidate in "
            f"{experiment.failures_candidate:,} of {experiment.pairs:,} pairs: in means of latency a time-out counts "
            "as the limit and other failures are left out, in quantiles every failure is longer than all answers"
        )


def _percent(share: float | None) -> str:
    return "an unknown share" if share is None else f"{share * 100:.3g} %"
