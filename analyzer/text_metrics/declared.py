"""What a metric of texts is: declared once, for whoever scores pairs and for the report.

A metric compares both answers (`joint`: how alike they are, one number), or judges each of them by itself (two
numbers). The report has a metric of the same name; a joint one is set against the control leg's own, since two answers
of one model differ, too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from analyzer.text_metrics.tokens import tokens

Vector = Sequence[float]


@dataclass(frozen=True)
class Texts:
    """One pair, as a metric sees it."""

    request: str
    """Body as the primary got it, JSON."""
    primary: str
    """Visible text of the answer; empty when it only called tools. Model output: hostile."""
    candidate: str
    primary_calls: str = ""
    """Tool calls as canonical JSON, a list of {"name": .., "arguments": ..}; empty without."""
    candidate_calls: str = ""

    @cached_property
    def primary_tokens(self) -> tuple[str, ...] | None:
        """Words of the primary's answer; None: too long to be split."""
        return tokens(self.primary)

    @cached_property
    def candidate_tokens(self) -> tuple[str, ...] | None:
        """Words of the candidate's answer; None: too long to be split."""
        return tokens(self.candidate)


@dataclass(frozen=True, slots=True)
class Scores:
    """What a metric says of one pair; finite numbers."""

    primary: float | None
    """Of the primary's answer; None of a joint metric."""
    candidate: float
    """Of the candidate's answer; of a joint metric: of both."""


@dataclass(frozen=True, slots=True)
class TextMetric:
    """One metric of texts, scored from texts (`score`) or from their embeddings (`score_vectors`)."""

    name: str
    """As in `judge.metrics`, in the table `text_scores` and in reports: lower-case letters, digits, underscores."""
    title: str
    """What it is, in a few words, without the unit."""
    unit: str
    """Of a score; `share` (0 to 1) is shown in percent."""
    better: Literal["lower", "higher"] | None
    """None: neither direction is better by itself."""
    joint: bool
    """One score for both answers together."""
    kind: Literal["mean", "rate"]
    """Of numbers, or of yes and no (1 and 0)."""
    margin: float
    """How much worse is acceptable where a policy says nothing, in the unit."""
    score: Callable[[Texts], Scores | None] | None = None
    """None from it: unknown for this pair. None in its place: needs settings (`registry`), or vectors."""
    score_vectors: Callable[[Vector, Vector], Scores | None] | None = None
    """Of the embeddings of the primary's and the candidate's text."""
    bounds: tuple[float, float] | None = None
    """Smallest and largest score that is possible; None: not known, then requests that were lost bar a verdict."""

    @property
    def needs_vectors(self) -> bool:
        """Embeddings have to be got first."""
        return self.score_vectors is not None
