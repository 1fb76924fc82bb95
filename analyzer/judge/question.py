"""One question to a judge, and what it may answer."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["verdict", "repeat", "canary"]
"""A question that counts; the same once more, for test-retest agreement; one whose right answer is known."""
Form = Literal[
    "pairwise_pc",
    "pairwise_cp",
    "pointwise_primary",
    "pointwise_candidate",
    "canary_first",
    "canary_second",
]
"""What is shown: both answers, the primary's (p) or the candidate's (c) first; one answer alone; the canary's place."""
SHOWN_REVERSED = frozenset({"pairwise_pc", "canary_first"})
"""Forms in which "the first is better" speaks against the arm that a verdict is recorded for."""

FailureReason = Literal[
    "timeout",
    "connect_error",
    "rate_limited",
    "http_error",
    "refusal",
    "unparsable",
    "truncated",
    "input_too_long",
    "judge_is_arm",
    "interrupted",
]


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation."""

    role: str
    """system, user, assistant or tool."""
    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One answer as a judge sees it."""

    text: str
    """Its text, and its tool calls in words."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    kind: Kind
    form: Form
    tools: str
    """Tools that the request offered, in short; empty without."""
    turns: tuple[Turn, ...]
    """The conversation up to the answer."""
    answers: tuple[Shown, ...]
    """As shown: two, or one for a score."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge said."""

    value: float
    """Of two answers -1 to 1, positive: the first is better. Of one answer 1 to 10."""
    rationale: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no verdict."""

    reason: FailureReason
    detail: str
    """One line for the log, without texts of the pair."""


def recorded(form: Form, value: float) -> float:
    """A verdict as it is stored: positive for the candidate (of a canary: for the honest answer); scores stay."""
    return -value if form in SHOWN_REVERSED else value
