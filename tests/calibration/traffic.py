"""Paired traffic with a known truth: arrivals in time blocks, conversations, load, and both arms' values.

Time is counted in blocks. A generator takes numpy's generator and the number of pairs, and knows nothing of analysis.
"""

import csv
import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import signal
from scipy.stats import norm

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Rng = np.random.Generator

PER_BLOCK = 50.0
"""Pairs in a time block, in the mean."""
BUCKETS = 256
TOKEN_USD, PRICE_SD_LOG = 1e-5, 0.3
"""Median price of a token, and how much it varies."""
TYPICAL_MS = 800.0
"""Median time of an answer."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """In the order of their starts; all shapes (n,)."""

    primary: FloatArray
    candidate: FloatArray
    block: IntArray
    """Time block of each pair, ascending, from 0."""
    bucket: IntArray
    """Conversation bucket, 0 to 255."""
    conversation: IntArray
    per_primary: FloatArray | None = None
    """Denominators of a ratio metric."""
    per_candidate: FloatArray | None = None

    @property
    def n(self) -> int:
        return len(self.primary)

    def scaled(self, factor: float) -> "Pairs":
        """The candidate's values times a factor."""
        return replace(self, candidate=self.candidate * factor)

    def shifted(self, by: float) -> "Pairs":
        """The candidate's values plus a constant."""
        return replace(self, candidate=self.candidate + by)


Draw = Callable[[Rng, int], Pairs]


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """When pairs begin and which conversation they belong to."""

    block: IntArray
    conversation: IntArray

    def pairs(self, primary: FloatArray, candidate: FloatArray, rng: Rng) -> Pairs:
        """A conversation falls into a bucket by a hash, that is, at random."""
        bucket = rng.integers(0, BUCKETS, int(self.conversation.max()) + 1)[self.conversation]
        return Pairs(primary, candidate, self.block, bucket, self.conversation)


def singles(rng: Rng, n: int) -> Arrivals:
    """A Poisson stream of requests, each a conversation of its own."""
    time = np.cumsum(rng.exponential(1 / PER_BLOCK, n))
    return Arrivals(time.astype(np.int64), np.arange(n))


def turns(rng: Rng, n: int, *, gap_blocks: float, mean_turns: float = 5.0) -> Arrivals:
    """Conversations of a geometric number of turns with exponential gaps; they straddle blocks where gaps are long."""
    settled = 20 * gap_blocks * mean_turns
    span = settled + n / PER_BLOCK * 1.1 + 5
    lengths = rng.geometric(1 / mean_turns, round(span * PER_BLOCK / mean_turns))
    owner = np.repeat(np.arange(len(lengths)), lengths)
    gaps = rng.exponential(gap_blocks, len(owner))
    since = np.cumsum(gaps)
    first = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    time = rng.uniform(0, span, len(lengths))[owner] + since - since[first][owner]
    order = np.argsort(time)
    order = order[time[order] >= settled][:n]
    _, conversation = np.unique(owner[order], return_inverse=True)
    return Arrivals((time[order] - settled).astype(np.int64), conversation.astype(np.int64))


def load(rng: Rng, n: int, phi: float) -> FloatArray:
    """A stationary first-order autoregression with variance 1."""
    noise = rng.normal(size=n) * np.sqrt(1 - phi**2)
    noise[0] /= np.sqrt(1 - phi**2)
    return np.asarray(signal.lfilter([1.0], [1.0, -phi], noise), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Shape:
    """How the log of each arm's time varies: shares of its variance, the rest is the arm's own."""

    sd_log: float = 0.6
    request: float = 0.5
    """Common to both arms of a pair: their correlation on the log scale."""
    conversation: float = 0.0
    """Of each arm, common to the pairs of a conversation."""
    load: float = 0.0
    """Of each arm, common to neighbours in time."""
    phi: float = 0.0
    """Autocorrelation of the load from pair to pair, or from block to block."""
    by_block: bool = False

    def both(self, rng: Rng, at: Arrivals) -> tuple[FloatArray, FloatArray]:
        """Logs of both arms' times over their median, in units of `sd_log`."""
        n = len(at.block)
        common = np.sqrt(self.request) * rng.normal(size=n)
        return self._arm(rng, at, common), self._arm(rng, at, common)

    def _arm(self, rng: Rng, at: Arrivals, common: FloatArray) -> FloatArray:
        own = 1 - self.request - self.conversation - self.load
        logs: FloatArray = common + np.sqrt(own) * rng.normal(size=len(common))
        if self.conversation:
            of_each = rng.normal(size=int(at.conversation.max()) + 1)
            logs += np.sqrt(self.conversation) * of_each[at.conversation]
        if self.load and self.by_block:
            logs += np.sqrt(self.load) * load(rng, int(at.block.max()) + 1, self.phi)[at.block]
        elif self.load:
            logs += np.sqrt(self.load) * load(rng, len(common), self.phi)
        return logs


def lognormal(shape: Shape, arrivals: Callable[[Rng, int], Arrivals] = singles) -> Draw:
    """Equal arms."""

    def draw(rng: Rng, n: int) -> Pairs:
        at = arrivals(rng, n)
        primary, candidate = shape.both(rng, at)
        return at.pairs(TYPICAL_MS * np.exp(shape.sd_log * primary), TYPICAL_MS * np.exp(shape.sd_log * candidate), rng)

    return draw


HEAVY_TAIL_SD_LOG = 1.1
SKEWED_LOG_RATIO = (Shape().sd_log ** 2 - HEAVY_TAIL_SD_LOG**2) / 2
"""Means are equal, hence medians are not: the true mean of ln(candidate / primary)."""


def heavier_candidate(rng: Rng, n: int) -> Pairs:
    """Equal means, the candidate's tail is heavier: the skewness of the differences is about 9."""
    at, shape = singles(rng, n), Shape()
    primary, candidate = shape.both(rng, at)
    median = TYPICAL_MS * np.exp(SKEWED_LOG_RATIO)
    return at.pairs(TYPICAL_MS * np.exp(shape.sd_log * primary), median * np.exp(HEAVY_TAIL_SD_LOG * candidate), rng)


def _within(gap_blocks: float) -> Callable[[Rng, int], Arrivals]:
    return lambda rng, n: turns(rng, n, gap_blocks=gap_blocks)


IID = lognormal(Shape())
HEAVY = lognormal(Shape(sd_log=1.2))
LOAD_80 = lognormal(Shape(load=0.2, phi=0.8))
LOAD_95 = lognormal(Shape(load=0.3, phi=0.95))
SLOW_LOAD = lognormal(Shape(load=0.1, phi=0.6, by_block=True))
CONVERSATIONS = lognormal(Shape(conversation=0.2), _within(0.02))
STRADDLING = lognormal(Shape(conversation=0.2), _within(1.0))
LOADED_CONVERSATIONS = lognormal(Shape(conversation=0.2, load=0.15, phi=0.95), _within(1.0))

LATENCIES: dict[str, tuple[str, Draw]] = {
    "iid": ("independent lognormal pairs, correlation 0.5", IID),
    "heavy": ("heavy lognormal, sd of the log 1.2", HEAVY),
    "skewed": ("equal means, the candidate's tail is heavier (skewness about 9)", heavier_candidate),
    "load-80": ("load: AR(1) 0.8 from pair to pair on 20 % of each arm's log variance", LOAD_80),
    "load-95": ("load: AR(1) 0.95 from pair to pair on 30 %", LOAD_95),
    "slow-load": ("slow load: AR(1) 0.6 from block to block on 10 %", SLOW_LOAD),
    "conversations": ("conversations of 5 turns within a block, ICC 0.4", CONVERSATIONS),
    "straddling": ("conversations of 5 turns over about 5 blocks, ICC 0.4", STRADDLING),
    "both": ("such conversations under load AR(1) 0.95 on 15 %", LOADED_CONVERSATIONS),
}
"""Name -> (in words, generator); all with equal arms (`skewed`: equal means)."""


def failures(*, only_candidate: float, only_primary: float, both: float = 0.01) -> Draw:
    """Yes and no: each pair falls into one of four cells."""

    def draw(rng: Rng, n: int) -> Pairs:
        at = singles(rng, n)
        cell = rng.choice(4, n, p=[both, only_candidate, only_primary, 1 - both - only_candidate - only_primary])
        return at.pairs((cell % 2 == 0).astype(np.float64), (cell < 2).astype(np.float64), rng)

    return draw


def costs(arrivals: Callable[[Rng, int], Arrivals] = singles, *, conversation: float = 0.0) -> Draw:
    """Cost and tokens of both arms: longer answers cost more, at a price that varies with what was cached."""

    def draw(rng: Rng, n: int) -> Pairs:
        at = arrivals(rng, n)
        primary, candidate = Shape(conversation=conversation).both(rng, at)
        tokens_p, tokens_c = np.exp(6 + 0.6 * primary), np.exp(6 + 0.6 * candidate)
        price_p, price_c = (np.exp(PRICE_SD_LOG * rng.normal(size=n)) * TOKEN_USD for _ in range(2))
        pairs = at.pairs(tokens_p * price_p, tokens_c * price_c, rng)
        return replace(pairs, per_primary=tokens_p, per_candidate=tokens_c)

    return draw


STRADDLING_COSTS = costs(_within(1.0), conversation=0.2)


@cache
def recorded_ms() -> FloatArray | None:
    """Times of recorded answers of real models, whole and without errors; None where the recordings are not there."""
    shared = Path(os.environ.get("SHADOWBENCH_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    path = shared / "data" / "latency" / "llmperf_requests.csv.gz"
    if not path.exists():
        return None
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        whole = [line["total_s"] for line in csv.DictReader(lines) if line["total_s"] and not line["error_code"]]
    return np.array([float(seconds) * 1000 for seconds in whole])


def with_recordings() -> dict[str, tuple[str, Draw]]:
    """`LATENCIES`, and the recorded times where they are there."""
    recorded = recorded_ms()
    if recorded is None:
        return LATENCIES
    words = "recorded times of real models, in conversations of 5 turns over about 5 blocks"
    return {**LATENCIES, "recorded": (words, resampled(recorded))}


def resampled(recorded: FloatArray) -> Draw:
    """Equal arms with the recordings' distribution, in conversations of five turns that resemble each other."""

    def draw(rng: Rng, n: int) -> Pairs:
        at = turns(rng, n, gap_blocks=1.0)
        ranked = np.sort(recorded)
        # Both arms have the recordings' distribution; how high they stand in it goes by a Gaussian copula.
        arms = (norm.cdf(logs) for logs in Shape(conversation=0.2).both(rng, at))
        primary, candidate = (ranked[(shares * len(ranked)).astype(np.int64)] for shares in arms)
        return at.pairs(primary, candidate, rng)

    return draw
