"""Which pairs are judged, in which order their answers are shown, and with which probability all that comes about.

Everything is drawn by a hash of the request's id and the seed: the same on every machine and after every start. The
candidate is no part of what decides about a pair, so all candidates are judged on the same requests.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import xxhash

from analyzer.judge.attacks import ATTACKS, Attack
from analyzer.judge.question import Form
from analyzer.judge.similarity import stratum
from config.judge import Judge
from record.pair import CONTROL
from store.judging.pair import Pair
from store.judging.survey import Spread

LEAST: Final = 0.25
MOST: Final = 4.0
"""Bounds of a stratum's probability, as multiples of `sample`: none is given up, and no weight becomes huge."""
PSEUDO_PAIRS: Final = 20
"""So many pairs with the overall spread are added to each stratum: few verdicts say little about a spread."""


_HALVINGS: Final = 128
"""Of the search for the scale; a float has no more digits than that."""


def uniform(request_id: UUID, seed: int, purpose: str) -> float:
    """A number from 0 to below 1 that looks drawn: 53 bits of xxh3-64 of id, seed and purpose."""
    digest = xxhash.xxh3_64_intdigest(request_id.bytes + seed.to_bytes(8, "little") + purpose.encode())
    return (digest >> 11) * 2.0**-53


@dataclass(frozen=True, slots=True)
class Canary:
    """A question whose right answer is known: the primary's answer beside an attack."""

    form: Form
    """`canary_first` or `canary_second`: where the attack stands."""
    attack: Attack

    @property
    def text(self) -> str:
        """The attack as it is shown."""
        return self.attack.text("A" if self.form == "canary_first" else "B")


class Drawing:
    """The draw by one configuration, and of one reading of the spreads."""

    def __init__(self, judge: Judge, spreads: Mapping[int, Spread] | None = None) -> None:
        """Of a configuration.

        Args:
            judge: settings.
            spreads: by stratum (`similarity.stratum`), of the last day; they count where `draw` is `spread`.
        """
        self._judge = judge
        self._shares = shares(judge.sample, spreads or {}) if judge.draw == "spread" else {}
        self.order_probability: float | None = 0.5 if judge.mode != "pointwise" and judge.orders == "random" else None
        """Probability with which the two answers are shown in the order that is asked; None: both are, or none."""

    def probability(self, pair: Pair) -> float:
        """With which a pair that the ladder left is drawn; the pair's inclusion probability."""
        if not self._shares:
            return self._judge.sample
        place = stratum(pair)
        return self._judge.sample if place is None else self._shares.get(place, self._judge.sample)

    def is_drawn(self, pair: Pair) -> bool:
        """Is it judged? Control pairs never are."""
        if pair.candidate == CONTROL:
            return False
        return uniform(pair.request_id, self._judge.seed, "draw") < self.probability(pair)

    def forms(self, pair: Pair) -> tuple[Form, ...]:
        """The questions of a drawn pair that count, in the order in which they are asked."""
        scores: tuple[Form, ...] = ("pointwise_primary", "pointwise_candidate")
        if self._judge.mode == "pointwise":
            return scores
        pairwise: tuple[Form, ...] = ("pairwise_pc", "pairwise_cp")
        if self._judge.orders == "random":
            pairwise = pairwise[:1] if uniform(pair.request_id, self._judge.seed, "order") < 0.5 else pairwise[1:]
        return pairwise if self._judge.mode == "pairwise" else (*pairwise, *scores)

    def repeats(self, pair: Pair) -> bool:
        """Is the first of its questions asked once more?"""
        return self._uniform(pair, "repeat") < self._judge.repeats

    def canary(self, pair: Pair) -> Canary | None:
        """The canary that is asked with a drawn pair; None: none is."""
        if self._uniform(pair, "canary") >= self._judge.canaries:
            return None
        attack = ATTACKS[int(self._uniform(pair, "attack") * len(ATTACKS))]
        return Canary("canary_first" if self._uniform(pair, "place") < 0.5 else "canary_second", attack)

    def _uniform(self, pair: Pair, purpose: str) -> float:
        """Checks of the judge differ from candidate to candidate: the same one twice would tell nothing new."""
        return uniform(pair.request_id, self._judge.seed, f"{purpose}/{pair.candidate}")


def shares(sample: float, spreads: Mapping[int, Spread]) -> dict[int, float]:
    """Stratum -> probability: in proportion to the spread of its verdicts, so that `sample` of all pairs are drawn.

    The variance of a weighted mean is least where probabilities are in proportion to standard deviations (Neyman
    1934), here between `LEAST` and `MOST` times `sample`. Without any verdict all are `sample`; a stratum without
    verdicts is taken to spread as all do.

    Args:
        sample: share of the pairs that is to be judged, 0 to 1.
        spreads: by stratum; strata that are not there are not in the answer.
    """
    known = {place: spread for place, spread in spreads.items() if spread.n > 0 and spread.pairs > 0}
    pairs = math.fsum(spread.pairs for spread in known.values())
    sds = _standard_deviations(known) if known else {}
    if sample <= 0 or not any(sds.values()):
        return dict.fromkeys(spreads, sample)
    weights = {place: spread.pairs / pairs for place, spread in known.items()}
    least, most = LEAST * sample, min(1.0, MOST * sample)

    def mean(scale: float) -> float:
        return math.fsum(w * min(most, max(least, scale * sds[place])) for place, w in weights.items())

    # All are positive, since what one lacks the others lend it: somewhere up to here the mean is `sample`.
    low, high = 0.0, most / min(sds.values())
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if mean(middle) < sample else (low, middle)
    return {place: min(most, max(least, high * sd)) for place, sd in sds.items()}


def _standard_deviations(spreads: Mapping[int, Spread]) -> dict[int, float]:
    """Of each stratum, drawn towards that of all verdicts by `PSEUDO_PAIRS`; as multiples of the largest."""
    n = sum(spread.n for spread in spreads.values())
    overall = _sum_of_squares(
        n, math.fsum(s.total for s in spreads.values()), math.fsum(s.squares for s in spreads.values())
    )
    variance = overall / n
    found = {
        place: math.sqrt((_sum_of_squares(s.n, s.total, s.squares) + PSEUDO_PAIRS * variance) / (s.n + PSEUDO_PAIRS))
        for place, s in spreads.items()
    }
    return {place: sd / (max(found.values()) or 1.0) for place, sd in found.items()}


def _sum_of_squares(n: int, total: float, squares: float) -> float:
    """Of deviations from the mean; rounding cannot make it negative."""
    return max(0.0, squares - total * total / n)
