"""What a study says: frozen values that every form (table, JSON, page) shows and none computes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from analyzer.integrity.results import Integrity
from analyzer.metrics import Metric
from analyzer.quality.results import Quality
from analyzer.source import Window
from analyzer.stats.interval import Interval
from analyzer.surroundings.results import Drift, Fairness, Interference
from analyzer.verdict import Verdict
from config.policy import MetricRule, Policy

Kind = Literal["anytime", "fixed"]
"""Valid however often one looks, or for one look at a time chosen beforehand."""
Role = Literal["primary", "guardrail", "other"]
Decision = Literal["promote", "reject", "wait"]
Require = Literal["not_worse", "better", "equivalent"]


@dataclass(frozen=True, slots=True)
class Bound:
    """The one-sided bound that a decision uses: how much worse the candidate may be, at most."""

    side: Literal["upper", "lower"]
    """`upper` where lower is better."""
    value: float


@dataclass(frozen=True, slots=True)
class Needed:
    """What a verdict still takes, if the difference stays what it seems to be. Unknown is None."""

    pairs: int | None
    """More than there are."""
    usd: float | None
    eta_seconds: float | None
    reason: str | None = None
    """Why it cannot be said."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of one candidate. Unknown is None; `reason` says why."""

    metric: Metric
    kind: Kind
    level: float
    """Of the two-sided interval, and of the one-sided bound."""
    n: int
    """Pairs that count."""
    blocks: int
    """Time blocks with such pairs."""
    clusters: int = 0
    """Conversation buckets with such pairs."""
    role: Role = "other"
    require: Require | None = None
    """What the policy demands; None: nothing."""
    primary: float | None = None
    candidate: float | None = None
    difference: float | None = None
    interval: Interval | None = None
    bound: Bound | None = None
    surely: float | None = None
    """The opposite one-sided bound: how much worse it is, at least."""
    worst: Interval | None = None
    """The interval if all missing pairs, and all estimates, were as bad, or as good, as they can be; None where nothing
    is missing and nothing estimated."""
    doubt: str | None = None
    """Why nothing may be decided by it although there is an interval; None: it may."""
    margin: float | None = None
    """In the metric's unit; None: none can be given (a share of an unknown or zero level)."""
    design_effect: float | None = None
    """How much dependence widens the squared error over that of independent pairs."""
    p_value: float | None = None
    """Of "there is no difference", two-sided; always valid where `kind` is `anytime`."""
    p_margin: float | None = None
    """Of "worse than the margin", one-sided. With `require: better` of "not better"; with `equivalent` the larger of
    both sides."""
    p_adjusted: float | None = None
    """Of `p_value`: Holm over the candidates of the report."""
    verdict: Verdict = Verdict.UNDECIDED
    reason: str | None = None
    """Why undecided."""
    method: str = ""
    needed: Needed | None = None

    @property
    def relative(self) -> float | None:
        """Difference as a share of the primary's value; None when that is unknown or 0."""
        if self.metric.estimand == "log_ratio":
            return None if self.difference is None else math.expm1(self.difference)
        return self.difference / abs(self.primary) if self.difference is not None and self.primary else None


@dataclass(frozen=True, slots=True)
class Check:
    """One rule of the policy and what became of it."""

    rule: MetricRule
    role: Role
    finding: Literal["passed", "failed", "open"]
    p_value: float | None
    """Of "the rule does not hold", after Holm over the candidates for primary metrics; None: not known."""
    sentence: str
    """In words, with the numbers that decide."""


@dataclass(frozen=True, slots=True)
class Score:
    """Everything weighed together: 0.5 is as good as the primary, above is better."""

    value: float
    low: float
    high: float
    parts: tuple[tuple[str, float, float], ...]
    """(part, weight, its own score from 0 to 1)"""


@dataclass(frozen=True, slots=True)
class CandidateStudy:
    """One candidate against the primary."""

    name: str
    experiment: str | None
    """None when the window holds no pair."""
    pairs: int
    first: datetime | None
    last: datetime | None
    """Start of the first and of the last pair's request."""
    states: Mapping[str, int]
    integrity: Integrity
    comparisons: tuple[Comparison, ...]
    checks: tuple[Check, ...] = ()
    score: Score | None = None
    score_reason: str | None = None
    """Why there is no score, where weights were declared."""
    interference: Interference | None = None
    fairness: Fairness | None = None
    drift: Drift | None = None
    quality: Quality | None = None
    """None: no judge was ever asked."""
    decision: Decision = "wait"
    reasons: tuple[str, ...] = ()
    """In words, at least one."""


@dataclass(frozen=True, slots=True)
class Between:
    """Two candidates on the same requests: `second` minus `first`, in the manner of candidate minus primary."""

    first: str
    second: str
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """One value of a label, one metric: found by search, hence exploratory."""

    candidate: str
    label: str
    value: str
    comparison: Comparison
    q_value: float | None
    """Of "no difference here": Benjamini and Hochberg over all segments (anytime: of e-values)."""
    is_found: bool
    """It stands out after that correction."""


@dataclass(frozen=True, slots=True)
class Study:
    """A report before it has a form."""

    asked: Window
    window: Window
    """What the estimates are about."""
    watermark: datetime | None
    """All requests that started before it have ended; None when that is not known."""
    generated_at: datetime
    level: float
    kind: Kind
    planned_pairs: int
    policy: Policy | None
    store_version: str
    candidates: tuple[CandidateStudy, ...]
    control: CandidateStudy | None = None
    """The primary against itself."""
    between: tuple[Between, ...] = ()
    segments: tuple[Segment, ...] = ()
    notes: tuple[str, ...] = ()
