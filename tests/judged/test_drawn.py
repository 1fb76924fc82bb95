"""Pairs are drawn as often as is claimed, so that what is judged stands for all, whichever pairs are judged more."""

import math
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from analyzer.judge.drawing import Drawing
from analyzer.judge.similarity import stratum
from config.judge import Judge
from store.judging.pair import Answer, Pair
from store.judging.survey import Spread
from tests.fakes.judged_pairs import uuid7

PAIRS = 240
SEEDS = 400
SAMPLE = 0.2
_WORDS = [f"w{n}" for n in range(40)]


def _pairs() -> list[tuple[Pair, float]]:
    """Answers from quite the same to quite different, and what a judge would say of them: the more they differ, the
    more the candidate wins."""
    chance, made = Random("drawn"), []
    ts = datetime(2026, 3, 1, tzinfo=UTC)
    for number in range(PAIRS):
        common = number % 4 * 5 + 2
        first, second = chance.sample(_WORDS[:20], 20), chance.sample(_WORDS[20:], 20)
        answers = [
            " ".join(words[:common] + others[: 20 - common]) for words, others in ((first, first), (first, second))
        ]
        pair = Pair(
            uuid7(ts + timedelta(seconds=number), chance), ts, "candidate", "e", ts, 0, {}, "chat/completions", True,
            '{"messages":[]}', Answer(" ".join(first), "", None, None), Answer(answers[1], "", None, None),
        )  # fmt: skip
        preference = 1.0 if chance.random() < 0.8 - 0.2 * (number % 4) else -1.0
        made.append((pair, preference))
    return made


@pytest.mark.parametrize("draw", ["even", "spread"])
def test_weighted_by_their_probabilities_drawn_pairs_say_what_all_would_say(draw: str) -> None:
    """Over many seeds: shares drawn per stratum are the probabilities, and the weighted mean has no bias."""
    pairs = _pairs()
    strata = {place: [one for one in pairs if stratum(one[0]) == place] for place in range(4)}
    assert all(len(some) >= PAIRS // 8 for some in strata.values())
    spreads = {
        p: Spread(n=50, total=0.0, squares=50.0 * (0.2 + 0.2 * p), pairs=len(some)) for p, some in strata.items()
    }
    true = sum(preference for _, preference in pairs) / PAIRS
    sums, drawn = [], dict.fromkeys(strata, 0)
    for seed in range(SEEDS):
        drawing = Drawing(Judge.model_validate({"sample": SAMPLE, "draw": draw, "seed": seed}), spreads)
        mine = [(pair, said) for pair, said in pairs if drawing.is_drawn(pair)]
        for pair, _ in mine:
            place = stratum(pair)
            assert place is not None
            drawn[place] += 1
        # Horvitz and Thompson's mean, whose expectation is exact.
        sums.append(sum(said / drawing.probability(pair) for pair, said in mine) / PAIRS)
    mean, spread = sum(sums) / SEEDS, math.sqrt(sum((s - true) ** 2 for s in sums) / SEEDS)
    assert abs(mean - true) < 4 * spread / math.sqrt(SEEDS)
    whole, drawing = 0.0, Drawing(Judge.model_validate({"sample": SAMPLE, "draw": draw}), spreads)
    for place, some in strata.items():
        p = drawing.probability(some[0][0])
        n = SEEDS * len(some)
        assert abs(drawn[place] / n - p) < 4.5 * math.sqrt(p * (1 - p) / n)
        assert (p == SAMPLE) if draw == "even" else (SAMPLE / 4 <= p <= 4 * SAMPLE)
        whole += p * len(some) / PAIRS
    assert whole == pytest.approx(SAMPLE, abs=1e-6)


def test_a_larger_share_holds_the_smaller_one_and_candidates_are_judged_on_the_same_requests() -> None:
    pairs = [pair for pair, _ in _pairs()]
    small, large = (Drawing(Judge.model_validate({"sample": share})) for share in (0.2, 0.6))
    assert {p.request_id for p in pairs if small.is_drawn(p)} < {p.request_id for p in pairs if large.is_drawn(p)}
