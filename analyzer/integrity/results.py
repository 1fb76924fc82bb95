"""What is known about the sample: results of the modules beside this one. Unknown is None."""

from dataclasses import dataclass
from typing import Literal

Finding = Literal["passed", "failed", "open"]
"""`open`: too little is known to say."""


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Share that was drawn, against the share that should have been."""

    expected: float | None = None
    observed: float | None = None
    p_value: float | None = None
    """Of "each conversation was drawn with the expected share"; always valid where the study is `anytime`."""
    kind: Literal["anytime", "fixed"] = "fixed"
    finding: Finding = "open"


@dataclass(frozen=True, slots=True)
class Missing:
    """Sampled requests without a pair, by what that means to a verdict."""

    by_design: int = 0
    """Narrows the population that is spoken of."""
    candidate: int = 0
    """Never sent because of the candidate: counted as its failures."""
    ours: int = 0
    """Lost by shadowbench: missing data."""
    ours_share: float | None = None
    """Of all sampled requests; None without any."""
    by_state: tuple[tuple[str, int], ...] = ()
    """(state, requests), the most frequent first."""


@dataclass(frozen=True, slots=True)
class SkipBias:
    """Are the requests that were skipped for one reason like those that were kept? Figures are the primary's."""

    reason: str
    skips: int
    kept_ms: float | None
    skipped_ms: float | None
    """Mean time to the last byte."""
    p_ms: float | None
    kept_tokens: float | None
    skipped_tokens: float | None
    """Mean output tokens."""
    p_tokens: float | None
    labels: tuple[tuple[str, str, float, float], ...] = ()
    """(label, value, share of the kept, share of the skipped) where they differ most and beyond chance."""
    finding: Finding = "open"


@dataclass(frozen=True, slots=True)
class Population:
    """What the report speaks of where requests were left out by design."""

    share: float
    """Kept, of all sampled requests that were not lost."""
    sentence: str
    """In words, for a reader."""
    standardised: tuple[tuple[str, float, float], ...] = ()
    """(metric, difference as measured, difference weighted to all sampled requests by strata of the primary's figures);
    means only."""


@dataclass(frozen=True, slots=True)
class Skew:
    """Were both legs sent at the same time, by a loop that was not late?"""

    pairs: int
    mean_ms: float
    """Candidate's start minus the primary's."""
    p99_ms: float
    busy_share: float | None
    """Pairs during which the event loop was late (`limits.loop_lag`); None: nobody watched it."""
    finding: Finding = "open"


@dataclass(frozen=True, slots=True)
class ControlCheck:
    """The primary against itself in one metric: equivalent within a part of the margin?"""

    metric: str
    estimand: str
    limit: float
    """Part of the margin, in the metric's unit."""
    low: float | None
    high: float | None
    """Of the control's interval (that of two one-sided tests); None: not known yet."""
    finding: Finding


@dataclass(frozen=True, slots=True)
class Integrity:
    """What to know before believing a candidate's numbers."""

    sample_ratio: SampleRatio
    missing: Missing
    control: tuple[ControlCheck, ...] | None
    """One check per declared metric (without a policy: of every metric with a margin); None without a control leg."""
    control_pairs: int
    skip_bias: tuple[SkipBias, ...]
    population: Population | None
    skew: Skew | None
    warnings: tuple[str, ...]
    """One sentence each, the gravest first."""
    obstacles: tuple[str, ...]
    """Reasons for which nothing may be promoted or rejected, one sentence each; they make the decision `wait`."""
