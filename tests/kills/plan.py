"""Who is killed, drawn from a seed."""

import random
from dataclasses import dataclass

WORKERS = 2
WORKER = "a worker"
RECORDER = "the recorder"
STORE = "the store"
EVERYTHING = "everything"
"""The supervisor and all its roles at once; `serve` is started again on the same directories."""

_KINDS: tuple[tuple[tuple[str, ...], int], ...] = (
    ((WORKER,), 8),
    ((RECORDER,), 5),
    ((STORE,), 4),
    ((WORKER, RECORDER), 2),
    ((RECORDER, STORE), 2),
    ((WORKER, STORE), 1),
    ((WORKER, WORKER), 1),
    ((EVERYTHING,), 2),
)
"""Victims, and how often they come in a round of 25."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One blow."""

    victims: tuple[str, ...]
    workers: tuple[int, ...]
    """Numbers of the workers among the victims."""
    after_s: float
    """Time under load since everybody was up again."""

    @property
    def kind(self) -> str:
        """For the table of counts."""
        if self.victims == (WORKER, WORKER):
            return "both workers"
        return " and ".join(self.victims)


def plan(kills: int, seed: int) -> list[Kill]:
    """So many blows. Every kind comes before any comes twice, so that a short run has them all."""
    chance = random.Random(seed)
    kinds = [victims for victims, _ in _KINDS]
    chance.shuffle(kinds)
    while len(kinds) < kills:
        weighted = [victims for victims, times in _KINDS for _ in range(times)]
        chance.shuffle(weighted)
        kinds += weighted
    return [_kill(victims, chance) for victims in kinds[:kills]]


def _kill(victims: tuple[str, ...], chance: random.Random) -> Kill:
    workers = tuple(chance.sample(range(WORKERS), victims.count(WORKER)))
    # Mostly soon after the last recovery, sometimes in its middle of things.
    return Kill(victims, workers, chance.uniform(0.05, 1.6))
