"""What follows an attempt: it is done, tried again after a while, or given up. Pure."""

from dataclasses import dataclass
from typing import Final, Literal

FIRST_S: Final = 2.0
FACTOR: Final = 4.0
LONGEST_S: Final = 600.0
"""2 s, 8 s, 32 s, 2 min, 9 min, then 10 min each: six attempts go over eleven minutes."""
SPREAD: Final = 0.2
"""Part by which a wait is longer or shorter by chance, so that not all come back at once."""
LONGEST_TOLD_S: Final = 3600.0
"""A `Retry-After` of more is taken for this."""
GONE: Final = 410
"""The one answer that says not to try again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt."""

    status: int | None
    """None: there was no answer."""
    detail: str
    """A status, or why there was none; it holds nothing of the address but the host."""
    retry_after_s: float | None = None
    """As told."""

    @property
    def is_taken(self) -> bool:
        """Has the other side taken it?"""
        return self.status is not None and 200 <= self.status < 300


def outcome(answer: Answer, attempts: int, most: int) -> Literal["delivered", "failed", "given_up"]:
    """`attempts`: this one included, of `most`."""
    if answer.is_taken:
        return "delivered"
    return "given_up" if attempts >= most or answer.status == GONE else "failed"


def wait_s(attempts: int, retry_after_s: float | None, drawn: float) -> float:
    """Seconds until the next attempt.

    Args:
        attempts: so far, at least one.
        retry_after_s: as told; the wait is no shorter.
        drawn: by chance, from 0 to 1.
    """
    planned_s = min(LONGEST_S, FIRST_S * FACTOR ** (attempts - 1))
    told_s = min(LONGEST_TOLD_S, retry_after_s or 0.0)
    return max(told_s, planned_s * (1 + SPREAD * (2 * drawn - 1)))
