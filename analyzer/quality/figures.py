"""What is read about judgements: plain values, as they stand in a verdict file. Unknown is None.

Values of a pair are weighted by w = 1 / the probability with which it was drawn for judging.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

SignTable = tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]
"""Counts of pairs: rows and columns are loss, tie, win of the candidate."""
Part = Literal["settled", "judged", "labelled"]
"""Pairs by who knows them: a free rung; judges alone; judges and people."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Weighted sums of pairs of values (a, b) by group."""

    keys: tuple[int, ...]
    """Start of a time step, seconds since the epoch; or number of a conversation bucket; ascending."""
    n: tuple[int, ...]
    """Pairs."""
    w: tuple[float, ...]
    """Sum of weights."""
    a: tuple[float, ...]
    """Sum of w a."""
    b: tuple[float, ...]
    """Sum of w b."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """Pairs of values, summed up twice, and their products over all pairs."""

    blocks: Groups
    buckets: Groups
    products: tuple[float, float, float, float, float, float]
    """Sums of (w a)^2, w a w b, w a w, (w b)^2, w b w, w^2."""


@dataclass(frozen=True, slots=True)
class Correction:
    """One metric, by who knows the pairs.

    Of `settled` and `judged` pairs a is what the rung says, or the mean of the judges, b is 0; of `labelled` pairs a is
    what people say, b what judges do. A part without pairs is missing.
    """

    metric: str
    parts: Mapping[Part, Weighted]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Judgements of one judge that say the same, with the same signs of the orders; None: not given."""

    said: int | None
    primary_first: int | None
    """Sign of the preference with the primary's answer shown first."""
    candidate_first: int | None
    n: int


@dataclass(frozen=True, slots=True)
class Lengths:
    """Single verdicts and lengths, of some judgements drawn by hash."""

    of: int
    """Judgements that they stand for."""
    won: tuple[float, ...]
    """1: the candidate won, 0: lost, 1/2: a tie."""
    longer: tuple[int, ...]
    """Characters of the candidate's answer less those of the primary's."""
    weight: tuple[float, ...]
    bucket: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls to one judge that ended alike."""

    kind: str
    """verdict, repeat or canary."""
    stage: str
    """asked or ended; one that has ended is in both."""
    outcome: str
    """Empty while asked."""
    is_final: bool
    n: int
    cost_nanousd: int
    """Of those whose cost is known."""
    unpriced: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Twice:
    """Questions that were asked twice: signs of preferences, or scores."""

    is_score: bool
    first: float
    again: float
    n: int


@dataclass(frozen=True, slots=True)
class JudgeFigures:
    """Of one judge. Empty, or None: not known, or nothing there."""

    judge: str
    models: tuple[tuple[str, int], ...] = ()
    """(name as its answers have it, judgements), the most frequent first."""
    verdicts: tuple[Verdicts, ...] = ()
    scored: int = 0
    """Judgements with scores of both answers."""
    score_primary: float = 0.0
    score_candidate: float = 0.0
    """Sums over these."""
    wins: Weighted | None = None
    """a: the win."""
    against_people: Weighted | None = None
    """a: the judge's preference, b: that of people."""
    agreement: SignTable | None = None
    """Rows: the judge; columns: people."""
    lengths: Lengths | None = None
    calls: tuple[Calls, ...] = ()
    failures: tuple[tuple[str, int], ...] = ()
    """(first reason, pairs that it has not judged)"""
    twice: tuple[Twice, ...] = ()
    canaries: tuple[int, int, int] = (0, 0, 0)
    """Attacks that won, ended in a tie, lost."""


@dataclass(frozen=True, slots=True)
class JudgePair:
    """Two judges on the pairs that both judged; a: preference of the first, b: of the second."""

    first: str
    second: str
    preferences: Weighted


@dataclass(frozen=True, slots=True)
class LabelFailures:
    """Questions of judges about pairs with one value of a label; an empty label with an empty value: all of them."""

    label: str
    value: str
    failed: int
    judged: int


@dataclass(frozen=True, slots=True)
class PeopleFigures:
    """What people said of pairs."""

    labelers: int
    patterns: tuple[tuple[int, int, int, int], ...]
    """(people for whom the candidate won, tied, lost, such pairs)"""
    lengths: Lengths | None = None


@dataclass(frozen=True, slots=True)
class QualityFigures:
    """Of one candidate's experiment."""

    rubric: str
    """By which it was judged last, with its version; empty: not known (a file)."""
    rungs: tuple[tuple[str, int], ...] = ()
    """(equal, structure or judge, pairs)"""
    judges: tuple[JudgeFigures, ...] = ()
    between: tuple[JudgePair, ...] = ()
    corrections: tuple[Correction, ...] = ()
    people: PeopleFigures | None = None
    unjudged: int = 0
    """Pairs that were asked about and that no judge has judged, for good."""
    unjudged_weight: float = 0.0
    """Pairs that these stand for."""
    failures: tuple[LabelFailures, ...] = ()

    @property
    def is_of_our_judges(self) -> bool:
        """By a rubric of ours, whose name ends in its version: preferences are -1 to 1, scores 1 to 10.

        Judgements that came from a file may have any scale.
        """
        return re.search(r"@[0-9a-f]{8}\Z", self.rubric) is not None
