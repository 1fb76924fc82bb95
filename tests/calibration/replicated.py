"""Many replications side by side, each with random numbers of its own: the same whatever runs beside it."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from rich.progress import Progress

from tests.calibration.traffic import FloatArray, Rng

Outcome = Mapping[str, float]
"""Of one replication; nan: it does not exist there."""
AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Run:
    """Something to replicate; a function of a module, so that other processes find it."""

    name: str
    replicate: Callable[..., Outcome]
    arguments: tuple[object, ...] = ()
    share: float = 1.0
    """Of the replications that are asked for; less where one is dear and little depends on the last digit."""

    def replications(self, asked: int) -> int:
        return max(1, round(asked * self.share))


Results = Mapping[str, Mapping[str, FloatArray]]
"""Run -> outcome -> one number per replication."""


def generator(seed: int, name: str, replication: int) -> Rng:
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(name.encode()), replication]))


def _some(run: Run, seed: int, begin: int, end: int) -> tuple[str, list[Outcome]]:
    return run.name, [run.replicate(generator(seed, run.name, i), *run.arguments) for i in range(begin, end)]


def replicated(runs: Sequence[Run], *, asked: int, seed: int, processes: int) -> Results:
    """All runs; `processes` 1 stays in this one."""
    parts = [
        (run, begin, min(begin + AT_ONCE, run.replications(asked)))
        for run in runs
        for begin in range(0, run.replications(asked), AT_ONCE)
    ]
    found: dict[str, list[Outcome]] = {run.name: [] for run in runs}
    for name, outcomes in _done(parts, seed, processes):
        found[name] += outcomes
    return {name: _columns(outcomes) for name, outcomes in found.items()}


def _done(parts: Sequence[tuple[Run, int, int]], seed: int, processes: int) -> Iterator[tuple[str, list[Outcome]]]:
    if processes == 1:
        yield from (_some(run, seed, begin, end) for run, begin, end in parts)
        return
    with ProcessPoolExecutor(processes) as pool, Progress(transient=True) as shown:
        waiting = [pool.submit(_some, run, seed, begin, end) for run, begin, end in parts]
        for future in shown.track(waiting, description="replications"):
            yield future.result()


def _columns(outcomes: Sequence[Outcome]) -> dict[str, FloatArray]:
    return {key: np.array([float(outcome[key]) for outcome in outcomes]) for key in outcomes[0]}
