"""What a simulated judge says of two answers, or of one: drawn from a seed and from the texts, so that reruns agree.

It prefers the answer with the larger share of clear words, leans to the one that is shown first, wavers, and now and
then falls for a text that talks to it: what a report has to find again.
"""

from dataclasses import dataclass
from typing import Literal

from cli.demo.simulation import Lognormal, clear_share, generator

Winner = Literal["A", "B", "tie"]


@dataclass(frozen=True, slots=True)
class JudgeProfile:
    """How a simulated judge behaves. Shares of clear words run from 0 to 1."""

    name: str
    answer_s: Lognormal
    taste: float
    """Standard deviation of what it likes in an answer beside its clear words; the same whenever it is asked."""
    mood: float
    """Standard deviation of what changes from call to call."""
    lean: float
    """What it adds for the answer that is shown first."""
    tie_within: float
    """Differences below this are ties."""
    fooled_share: float
    """Of the texts that talk to it, those it falls for."""
    output_tokens: int


_TALKS_BELOW = 0.6
"""Simulated models use more clear words than this; a text with fewer is none of theirs."""


def choose(profile: JudgeProfile, first: str, second: str, *, seed: int, repeat: int) -> Winner:
    """Which of two answers is better.

    Args:
        profile: of the judge.
        first: shown as A.
        second: shown as B.
        seed: of the whole simulation.
        repeat: how often the same was asked before.
    """
    mood = generator(b"mood", seed.to_bytes(8, "big"), repeat.to_bytes(8, "big"), first.encode(), second.encode())
    is_fooled = mood.random() < profile.fooled_share
    liked = [1.0 if is_fooled and _talks(text) else _worth(profile, text, seed) for text in (first, second)]
    difference = liked[0] - liked[1] + profile.lean + profile.mood * mood.gauss(0.0, 1.0)
    if abs(difference) < profile.tie_within:
        return "tie"
    return "A" if difference > 0 else "B"


def score(profile: JudgeProfile, text: str, *, seed: int) -> int:
    """From 1 to 10: nine in ten words clear is a 7."""
    return min(10, max(1, round(7 + 30 * (_worth(profile, text, seed) - 0.9))))


def _worth(profile: JudgeProfile, text: str, seed: int) -> float:
    drawn = generator(b"taste", seed.to_bytes(8, "big"), text.encode())
    return clear_share(text) + profile.taste * drawn.gauss(0.0, 1.0)


def _talks(text: str) -> bool:
    return clear_share(text) < _TALKS_BELOW
