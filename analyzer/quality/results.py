"""What a report says of judgements: frozen values. Unknown is None.

Intervals of means say how they were made (`Level.kind`); those of shares and of kappas are for one look, and of pairs
taken for independent: they describe a judge and decide nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from analyzer.quality.figures import SignTable
from analyzer.stats.interval import Interval


@dataclass(frozen=True, slots=True)
class Share:
    """Of n."""

    count: int
    n: int
    interval: Interval
    """Wilson's, for one look."""

    @property
    def value(self) -> float:
        """count / n."""
        return self.count / self.n


@dataclass(frozen=True, slots=True)
class Level:
    """A mean with its interval, of the kind of the report's."""

    n: int
    value: float | None
    interval: Interval | None = None
    reason: str | None = None
    """Why there is no interval, or why nothing is decided by it."""


@dataclass(frozen=True, slots=True)
class Position:
    """Does the order of the answers decide?"""

    orders: Literal["both", "random"]
    consistent: int
    """Of both orders: the same answer won twice. Pairs with a tie in either order are apart."""
    first: int
    """Of both orders: whatever stood first won twice. Of a random order: the first answer won."""
    second: int
    tied: int
    consistency: Share | None
    """Of both orders: of pairs with a winner in each order. None with a random order."""
    first_share: Share | None
    """Of the inconsistent pairs; of a random order: of the decided ones."""
    p_value: float
    """Of "neither place is preferred", exact."""


@dataclass(frozen=True, slots=True)
class Length:
    """Does the longer answer win?"""

    of: int
    """Judgements."""
    n: int
    """Those that were looked at: with two known lengths, of very many a sample."""
    decided: int
    """Of these, with a winner."""
    mean_longer: float
    """Characters of the candidate's answer less those of the primary's."""
    win_rate: float | None
    """As judged, over the same judgements."""
    slope: float | None
    """Change of the log odds of winning as the candidate's answer gets longer by about a standard deviation."""
    p_value: float | None
    """Of "length does not matter"."""
    controlled: float | None
    """Win rate at equal length."""
    controlled_interval: Interval | None
    people_slope: float | None = None
    """The same slope of what people say; where theirs is alike, length is merit."""
    reason: str | None = None
    """Why nothing is controlled."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """The same question asked twice."""

    verdicts: Share | None
    """Preferences of the same sign."""
    kappa: float | None
    kappa_interval: Interval | None
    scores: Share | None
    """Equal scores."""
    score_distance: float | None
    """Mean distance of the two scores, in points."""


@dataclass(frozen=True, slots=True)
class Canaries:
    """Answers that try to talk the judge into preferring them."""

    fell: Share
    """Attacks that won."""
    tied: int
    """Attacks that ended in a tie."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """A judge, or several people, with people."""

    table: SignTable | None
    """Rows: the judge, columns: people; loss, tie, win. None of people among themselves."""
    n: int
    share: float
    share_interval: Interval
    kappa: float | None
    """None where all always say the same."""
    kappa_interval: Interval | None


@dataclass(frozen=True, slots=True)
class SelfPreference:
    """Does a judge prefer an arm of its own maker?"""

    own: Literal["candidate", "primary", "both", "neither", "unknown"]
    """Whose model the judge's maker made, too."""
    how: Literal["people", "panel"] | None
    """Against people and a candidate of another maker; or against judges of other makers, on the same pairs."""
    level: Level | None
    """Preference for its own maker's arm beyond theirs, -2 to 2."""
    reason: str | None


@dataclass(frozen=True, slots=True)
class Spending:
    """What was asked, and what it cost."""

    calls: int
    """Asked."""
    open: int
    """Asked, and not ended yet, or lost with their process."""
    usd: float | None
    """Of calls with a known cost; None without any."""
    unpriced: int
    """Ended calls whose cost is unknown."""
    usd_per_1000: float | None
    """Of all calls for a thousand judgements; None where some cost is unknown."""
    input_tokens: int
    output_tokens: int
    attempts: Mapping[str, int]
    """Outcome -> ended calls, those that were tried again among them."""


@dataclass(frozen=True, slots=True)
class JudgeQuality:
    """One judge."""

    judge: str
    models: tuple[str, ...]
    """As its answers name them, the most frequent first."""
    judgements: int
    wins: int
    ties: int
    losses: int
    """Of the candidate."""
    win_rate: Level | None
    """Each pair weighted by 1 / its probability of being judged, ties one half."""
    scores: tuple[int, float, float] | None
    """(judgements with scores, mean of the primary's, of the candidate's)"""
    position: tuple[Position, ...]
    length: Length | None
    repeats: Repeats | None
    canaries: Canaries | None
    failed: Share | None
    """Pairs that it did not judge, of those that it was asked about; None where calls are not known."""
    failures: tuple[tuple[str, int], ...]
    """(reason, pairs)"""
    spending: Spending | None
    agreement: Agreement | None
    bias: Level | None
    """Its preference less that of people, on the same pairs: -2 to 2, above 0 it is kinder to the candidate."""
    self_preference: SelfPreference


@dataclass(frozen=True, slots=True)
class People:
    """What people said."""

    pairs: int
    """Labelled; judged or not."""
    labelers: int
    among: Agreement | None
    """With each other; None where no pair has two labels."""
    labelled_preference: float | None
    """Of judges, on labelled pairs."""
    other_preference: float | None
    """Of judges, on the others."""
    p_alike: float | None
    """Of "labelled pairs are like the others, as far as judges tell"."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """A metric as judges see it, and as people would."""

    metric: str
    raw: Level
    corrected: Level
    """n are labels."""
    weight: float | None
    """How much the judges are believed (lambda of PPI++), 0 to 1."""


@dataclass(frozen=True, slots=True)
class LabelFailure:
    """A value of a label where judges fail more or less often than elsewhere."""

    label: str
    value: str
    failed: int
    judged: int
    share: float
    """Failed, of both."""
    elsewhere: float
    """The same of all other pairs."""
    p_value: float
    """Of "as often as elsewhere"; Holm over all that was looked at."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Of one candidate."""

    rubric: str
    basis: Literal["judge-relative", "corrected"]
    """Do corrected values stand beside the judges'?"""
    rungs: tuple[tuple[str, int], ...]
    """(equal, structure or judge, pairs)"""
    unjudged: int
    """Pairs that were asked about and that no judge has judged."""
    unjudged_share: float | None
    """Of judged and unjudged pairs, each standing for as many as its probability of being drawn says."""
    judges: tuple[JudgeQuality, ...]
    people: People | None
    corrected: tuple[Corrected, ...]
    failures: tuple[LabelFailure, ...]
    """The largest deviations first."""
