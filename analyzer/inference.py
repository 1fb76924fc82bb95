"""One metric of one candidate: from an estimate to interval, bound, p-values and a word, or the reason for none.

Errors are robust in two ways, and the wider one counts: over blocks of time, neighbours merged until they are
uncorrelated (load drifts), and over conversation buckets (turns of one conversation resemble each other).
"""

import dataclasses
import math
from dataclasses import dataclass

from analyzer.evidence import Inference, Normal
from analyzer.metrics import DefaultMargin, Metric
from analyzer.rare import FEW_DISCORDANT, RareRate, Unanimous, cluster_size
from analyzer.results import Bound, Comparison, Kind, Require, Role
from analyzer.stats.anytime import least_pairs
from analyzer.stats.blocks import block_error, wider
from analyzer.stats.estimate import Estimate
from analyzer.stats.hall import pairs_for_display
from analyzer.stats.influence import Influence, combined
from analyzer.stats.interval import Interval
from analyzer.stats.robust import StandardError, robust_error
from analyzer.verdict import Evidence, Verdict, verdict
from config.policy import Margin, MetricRule

MIN_PAIRS = 30
"""For one look: below this a t interval of skewed values (latency, cost) is not to be trusted."""
MIN_GROUPS = 10
"""Time blocks, and conversation buckets: with fewer, the error itself is hardly known."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How a statement is to be made."""

    kind: Kind
    level: float
    planned: int
    """n* of anytime intervals."""
    role: Role = "other"
    rule: MetricRule | None = None
    """Of the policy; None: it says nothing of this metric."""
    counted: str = "pairs"
    """What n and n* are numbers of."""


@dataclass(frozen=True, slots=True)
class Inferred:
    """A row of a report, and the error that it rests on."""

    row: Comparison
    error: StandardError | None
    rare: RareRate | None = None
    """What it rests on instead, where a rate tells hardly anything."""


def margin_declared(metric: Metric, rule: MetricRule | None) -> Margin | DefaultMargin:
    """The rule's, else the metric's."""
    return metric.margin if rule is None or rule.margin is None else rule.margin


def margin_of(metric: Metric, rule: MetricRule | None, primary: float | None) -> float | None:
    """How much worse is acceptable, in the metric's unit; None when it is a share of an unknown or zero level."""
    declared = margin_declared(metric, rule)
    if not declared.relative:
        return declared.value
    if metric.estimand == "log_ratio":
        return math.log1p(declared.value)
    return declared.value * abs(primary) if primary else None


def compare(metric: Metric, estimate: Estimate | None, asked: Asked) -> Inferred:
    """The row of a metric."""
    if estimate is None:
        row = Comparison(metric, asked.kind, asked.level, 0, 0, role=asked.role, require=_required(asked))
        return Inferred(dataclasses.replace(row, reason=_nothing(metric)), None)
    row = Comparison(
        metric,
        asked.kind,
        asked.level,
        estimate.n,
        estimate.blocks.groups,
        clusters=estimate.buckets.groups,
        role=asked.role,
        require=_required(asked),
        primary=estimate.primary,
        candidate=estimate.candidate,
        difference=estimate.difference if math.isfinite(estimate.difference) else None,
        margin=margin_of(metric, asked.rule, estimate.primary),
    )
    obstacle = estimate.obstacle or _too_little(estimate, asked)
    error = None if obstacle else _error(estimate.blocks, estimate.buckets, asked.level)
    if error is None:
        return Inferred(dataclasses.replace(row, reason=obstacle or "the error cannot be estimated"), None)
    inference, method = _inference(metric, estimate, error, asked)
    if inference is None:
        told = dataclasses.replace(row, reason="all pairs differ by the same; there is no spread to judge by")
        return Inferred(told, None)  # what is left of the error is rounding: no number of pairs follows from it
    made = _doubted(_decided(row, estimate, error, inference, method), estimate.doubt)
    against_margin = inference.against_margin if isinstance(inference, Normal) else None
    return Inferred(made, against_margin or error, inference if isinstance(inference, RareRate) else None)


def _required(asked: Asked) -> Require | None:
    return None if asked.rule is None else asked.rule.require


def _nothing(metric: Metric) -> str:
    if metric.estimand == "corrected":
        return "no judged pair has a label by people"
    if metric.measure.origin == "judgements":
        return "no pair has been judged"
    if metric.measure.origin == "scores":
        return "no pair has been scored; judge.metrics names what is"
    return f"no pair has a known {metric.name}" + ("" if metric.measure.joint else " in both arms")


def _too_little(estimate: Estimate, asked: Asked) -> str | None:
    least = MIN_PAIRS if asked.kind == "fixed" else least_pairs(asked.planned)
    if estimate.n < (least if estimate.least is None else estimate.least):
        if asked.kind == "fixed":
            return f"{estimate.n:,} pairs count; one look needs {least:,}"
        return f"{estimate.n:,} pairs count; anytime intervals with {asked.planned:,} pairs planned begin at {least:,}"
    if estimate.skewness is not None and estimate.n < (needed := pairs_for_display(estimate.skewness)):
        return f"a few extreme values rule the mean; it needs {needed:,.0f} pairs (look at quantiles or the log ratio)"
    if estimate.blocks.groups < MIN_GROUPS:
        return f"{estimate.blocks.groups} time blocks; an interval needs {MIN_GROUPS}"
    if estimate.buckets.groups < MIN_GROUPS:
        return f"{estimate.buckets.groups} groups of conversations; an interval needs {MIN_GROUPS}"
    if (alike := estimate.buckets.effective_groups) < MIN_GROUPS:
        # What a conversation that holds most pairs has of its own is in the mean, and in no error.
        return f"a few conversations hold most pairs: they say as much as {alike:.1f} alike; it takes {MIN_GROUPS}"
    return None


def _error(blocks: Influence, buckets: Influence, level: float) -> StandardError | None:
    over_time = block_error(blocks, minimum=MIN_GROUPS, level=level)
    over_conversations = robust_error(buckets)
    return wider([error for error in (over_time, over_conversations) if error is not None], level)


def _against_margin(metric: Metric, estimate: Estimate, error: StandardError, asked: Asked) -> StandardError | None:
    """Error of the distance to a margin that is a share m of the primary's level p; None where the plain one is wider.

    Such a margin moves with the sample: "worse by less than m p" is a statement about d - m p (Fieller 1954), whose
    influence is that of d less m times the primary's own.
    """
    declared = margin_declared(metric, asked.rule)
    blocks, buckets, required = estimate.primary_blocks, estimate.primary_buckets, _required(asked)
    if not declared.relative or required == "better" or not estimate.primary or blocks is None or buckets is None:
        return None
    share = math.copysign(declared.value, estimate.primary)
    worse = 1.0 if metric.better == "higher" else -1.0
    errors = [error]
    for sign in (1.0, -1.0) if required == "equivalent" else (worse,):
        over_time = combined([(1.0, estimate.blocks), (sign * share, blocks)])
        over_conversations = combined([(1.0, estimate.buckets), (sign * share, buckets)])
        found = _error(over_time, over_conversations, asked.level)
        if found is not None and math.isfinite(found.value):
            errors.append(found)
    widest = wider(errors, asked.level)
    return None if widest is error else widest


def _decided(
    row: Comparison, estimate: Estimate, error: StandardError, inference: Inference, method: str
) -> Comparison:
    evidence = inference.evidence()
    better = row.metric.better
    word = Verdict.UNDECIDED if better is None else verdict(evidence, better, row.margin)
    return dataclasses.replace(
        row,
        interval=evidence.interval,
        bound=_bound(row, evidence),
        surely=_surely(row, evidence),
        p_value=inference.p_differs(),
        p_margin=_p_margin(row, inference),
        design_effect=_design_effect(estimate, error),
        verdict=word,
        reason=why_undecided(row, word),
        method=f"{row.metric.method}; {method}",
    )


def _doubted(row: Comparison, doubt: str | None) -> Comparison:
    return row if doubt is None else dataclasses.replace(row, verdict=Verdict.UNDECIDED, reason=doubt, doubt=doubt)


def _design_effect(estimate: Estimate, error: StandardError) -> float | None:
    return (error.value / estimate.independent_error) ** 2 if estimate.independent_error else None


def _inference(metric: Metric, estimate: Estimate, error: StandardError, asked: Asked) -> tuple[Inference | None, str]:
    """What fits, and its name; None: nothing can be said without spread."""
    planned = None if asked.kind == "fixed" else asked.planned
    if estimate.discordant is not None:
        if sum(estimate.discordant) < FEW_DISCORDANT:
            # Conversations are seen even where nothing failed; outages only in what did.
            size = max(cluster_size(estimate.buckets), _design_effect(estimate, error) or 1.0)
            rare = RareRate(*estimate.discordant, estimate.n, size, asked.level, is_anytime=planned is not None)
            return rare, rare.method
        if round(abs(estimate.difference), 9) == 1:
            units = min(estimate.blocks.groups, estimate.buckets.groups)
            all_alike = Unanimous(estimate.difference > 0, units, asked.level, is_anytime=planned is not None)
            return all_alike, all_alike.method
    # Rounding leaves a trace where all differences are equal; against their size it is nothing.
    if not math.isfinite(error.value) or error.value <= 1e-12 * abs(estimate.difference) or error.value == 0:
        return None, ""
    against_margin = _against_margin(metric, estimate, error, asked)
    skewness = estimate.skewness or 0.0
    normal = Normal(estimate.difference, error, asked.level, estimate.n, skewness, planned, against_margin)
    return normal, _normal_method(error, asked)


def _normal_method(error: StandardError, asked: Asked) -> str:
    how = (
        "fixed-horizon t interval, valid for one look"
        if asked.kind == "fixed"
        else f"asymptotic confidence sequence, {asked.planned} {asked.counted} planned, valid however often one looks"
    )
    return (
        f"{how}; {error.kind} error over {error.groups} groups, {error.degrees:.0f} degrees of freedom, the wider of "
        "time blocks and conversations"
    )


def _bound(row: Comparison, evidence: Evidence) -> Bound | None:
    if row.metric.better is None:
        return None
    if row.metric.better == "lower":
        return Bound("upper", evidence.upper_bound)
    return Bound("lower", evidence.lower_bound)


def _surely(row: Comparison, evidence: Evidence) -> float | None:
    if row.metric.better is None:
        return None
    return evidence.lower_bound if row.metric.better == "lower" else evidence.upper_bound


def _p_margin(row: Comparison, inference: Inference) -> float | None:
    """Of "the rule does not hold"; without a rule, that of `not_worse`."""
    if row.metric.better is None and row.require != "equivalent":
        return None
    lower_is_better = row.metric.better != "higher"

    def not_beyond(limit: float) -> float:
        """Small when the candidate is surely not worse by `limit`."""
        return inference.p_below(limit) if lower_is_better else inference.p_above(-limit)

    if row.require == "better":
        return not_beyond(0.0)
    if row.margin is None:
        return None
    if row.require == "equivalent":
        return max(inference.p_below(row.margin), inference.p_above(-row.margin))
    return not_beyond(row.margin)


def why_undecided(row: Comparison, word: Verdict) -> str | None:
    """None when it is decided."""
    if word is not Verdict.UNDECIDED:
        return None
    if row.metric.better is None:
        return "neither direction is better by itself"
    return "the interval holds 0" if row.margin is None else "the interval holds 0 and reaches the margin"


def with_missing(row: Comparison, shift: tuple[float, float] | None) -> Comparison:
    """The row as it stands if the requests that we lost had been as good or bad as they can be.

    Args:
        row: from `compare`.
        shift: how far the difference could move down and up, both at least 0; None: nobody can tell.
    """
    if row.interval is None or shift == (0.0, 0.0):
        return row
    if shift is None:
        said = "requests are missing, and nothing bounds what they would have been"
        return dataclasses.replace(row, verdict=Verdict.UNDECIDED, reason=said, doubt=said)
    worst = Interval(row.interval.low - shift[0], row.interval.high + shift[1])
    told, better = dataclasses.replace(row, worst=worst), row.metric.better
    if better is None or row.bound is None or row.surely is None or row.verdict is Verdict.UNDECIDED:
        return told
    ends = sorted((row.bound.value, row.surely))
    evidence = Evidence(worst, ends[0] - shift[0], ends[1] + shift[1])
    if verdict(evidence, better, row.margin) is row.verdict:
        return told
    judged = ", or pairs that judges failed on," if row.metric.measure.origin == "judgements" else ""
    said = f"requests that shadowbench itself lost{judged} could turn the verdict"
    return dataclasses.replace(told, verdict=Verdict.UNDECIDED, reason=said)
