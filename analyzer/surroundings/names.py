"""A model's name that vanishes from the answers while another one comes: somebody behind the name changed the model.

A name that bears the share q of all answers while it is seen, and none of the m answers after it, is gone: by chance
alone that has the probability (1 - q)^m. The same, seen from the other end, for a name that is new. Answers of one
conversation are alike, so the limit is far below what independent answers would need.
"""

import math
from dataclasses import dataclass
from typing import Literal

from analyzer.surroundings.figures import OTHER_NAMES, Named

Arm = Literal["primary", "candidate"]
HOUR_S = 3600
MAX_GAP_S = 86_400
"""Between the last answer of one and the first of the other: longer apart, they have nothing to do with each other."""
LEAST_ANSWERS = 20
_LOG_CHANCE = math.log(1e-9)


@dataclass(frozen=True, slots=True)
class Renamed:
    """One name in place of another; times are starts of hours, seconds since the epoch."""

    arm: Arm
    gone: str
    last_s: int
    """Hour of the last answer with the old name."""
    come: str
    first_s: int
    """Hour of the first answer with the new one; before `last_s` where both were seen for a while."""


def renamed(models: tuple[Named, ...]) -> list[Renamed]:
    """All such changes of both arms, in order of time."""
    found = [change for arm in ("primary", "candidate") for change in _of_arm([m for m in models if m.arm == arm])]
    return sorted(found, key=lambda change: change.first_s)


def _of_arm(models: list[Named]) -> list[Renamed]:
    answers: dict[int, int] = {}
    for model in models:
        for hour, n in zip(model.hours, model.n, strict=True):
            answers[hour] = answers.get(hour, 0) + n
    known = [m for m in models if m.model != OTHER_NAMES]
    gone = [m for m in known if _never(m, answers, sum(n for hour, n in answers.items() if hour > m.hours[-1]))]
    come = [m for m in known if _never(m, answers, sum(n for hour, n in answers.items() if hour < m.hours[0]))]
    pairs = sorted(
        (abs(new.hours[0] - old.hours[-1]), old.model, new.model, old, new)
        for old in gone
        for new in come
        if old.hours[0] < new.hours[0] <= old.hours[-1] + MAX_GAP_S and new.hours[-1] > old.hours[-1]
    )
    found: list[Renamed] = []
    for _, _, _, old, new in pairs:
        if all(old.model != other.gone and new.model != other.come for other in found):
            found.append(Renamed(old.arm, old.model, old.hours[-1], new.model, new.hours[0]))
    return found


def _never(model: Named, answers: dict[int, int], others: int) -> bool:
    """Is it more than chance that none of so many other answers bears the name?"""
    n = sum(model.n)
    if n < LEAST_ANSWERS or others < LEAST_ANSWERS:
        return False
    meanwhile = sum(count for hour, count in answers.items() if model.hours[0] <= hour <= model.hours[-1])
    share = n / meanwhile
    return share == 1.0 or others * math.log1p(-share) < _LOG_CHANCE
