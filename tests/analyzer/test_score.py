"""One number out of quality, cost and latency, with an error that knows how they move together."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from analyzer.results import Score
from analyzer.score import score
from analyzer.stats import anytime
from analyzer.stats.anytime import Horizon
from analyzer.stats.blocks import block_error
from analyzer.stats.estimate import Estimate
from analyzer.stats.influence import Influence
from analyzer.stats.interval import two_sided
from analyzer.stats.mean import PairedSums, paired_mean
from analyzer.stats.moments import FloatArray
from analyzer.stats.robust import StandardError, cr1, robust_error
from config.policy import Policy

LEVEL = 0.95
PLANNED = 5000
BLOCKS = 80
PAIRS = 8000
Estimates = dict[tuple[str, str], Estimate]


def weights(quality: float, cost: float, latency: float) -> Policy:
    return Policy.model_validate(
        {
            "primary_metrics": [{"metric": "total_ms"}],
            "weights": {"quality": quality, "cost": cost, "latency": latency},
        }
    )


class Traffic:
    """Pairs whose load moves latency, cost and quality of one block together; conversations at random."""

    def __init__(self, seed: int = 1, *, dearer: float = 0.8, slower: float = 1.1) -> None:
        rng = np.random.default_rng(seed)
        self.block = np.repeat(np.arange(BLOCKS), PAIRS // BLOCKS).astype(np.float64)
        self.bucket = rng.integers(0, 256, PAIRS).astype(np.float64)
        load = np.repeat(rng.normal(0, 0.3, BLOCKS), PAIRS // BLOCKS)
        self.cost = self._arms(rng, 0.002, dearer, load)
        self.latency = self._arms(rng, 900.0, slower, load)
        wins = rng.random(PAIRS) < 1 / (1 + np.exp(-0.5 + load))
        self.wins = np.where(rng.random(PAIRS) < 0.2, 0.5, wins.astype(np.float64))

    @staticmethod
    def _arms(rng: np.random.Generator, level: float, factor: float, load: FloatArray) -> tuple[FloatArray, FloatArray]:
        primary = level * np.exp(load + rng.normal(0, 0.4, PAIRS))
        return primary, primary * factor * np.exp(0.5 * load + rng.normal(0, 0.3, PAIRS))

    def estimates(self) -> Estimates:
        return {
            ("win_rate", "win_rate"): self._estimate(np.full(PAIRS, 0.5), self.wins),
            ("cost_usd", "mean"): self._estimate(*self.cost),
            ("total_ms", "mean"): self._estimate(*self.latency),
        }

    def _estimate(self, primary: FloatArray, candidate: FloatArray) -> Estimate:
        blocks, buckets = (PairedSums.of_pairs(primary, candidate, group) for group in (self.block, self.bucket))
        mean = paired_mean(blocks)
        assert mean is not None
        return Estimate(
            mean.n,
            mean.primary,
            mean.candidate,
            mean.difference,
            None,
            blocks.influence(),
            buckets.influence(),
            primary_blocks=blocks.primary_influence(),
            primary_buckets=buckets.primary_influence(),
        )

    def directly(self, shares: tuple[float, float, float], keep: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> float:
        """The same from single pairs, by its definition."""
        cost, latency = (c[keep].mean() / p[keep].mean() for p, c in (self.cost, self.latency))
        parts = (self.wins[keep].mean(), 0.5 - (cost - 1) / 2, 0.5 - (latency - 1) / 2)
        return float(sum(share * min(max(part, 0.0), 1.0) for share, part in zip(shares, parts, strict=True)))


def scored(estimates: Estimates, policy: Policy, kind: str = "fixed") -> Score:
    found = score(estimates, policy, kind, LEVEL, PLANNED)  # type: ignore[arg-type]
    assert isinstance(found, Score), found
    return found


def refused(estimates: Estimates, policy: Policy, kind: str = "fixed") -> str:
    found = score(estimates, policy, kind, LEVEL, PLANNED)  # type: ignore[arg-type]
    assert isinstance(found, str)
    return found


def over_time(blocks: Influence) -> StandardError:
    found = block_error(blocks, minimum=10, level=LEVEL)
    assert found is not None
    return found


SHARES = [(0.4, 0.35, 0.25), (0.0, 1.0, 0.0), (0.0, 0.5, 0.5), (1.0, 0.0, 0.0)]


@pytest.mark.parametrize("shares", SHARES)
def test_the_value_is_the_weighted_sum_of_its_parts(shares: tuple[float, float, float]) -> None:
    traffic = Traffic()
    found = scored(traffic.estimates(), weights(*shares))
    assert found.value == pytest.approx(traffic.directly(shares, np.ones(PAIRS, dtype=bool)), rel=1e-12)
    assert found.value == pytest.approx(sum(weight * part for _, weight, part in found.parts))
    assert [name for name, *_ in found.parts] == [
        name for name, share in zip(("quality", "cost", "latency"), shares, strict=True) if share
    ]


@pytest.mark.parametrize("shares", SHARES)
def test_the_error_is_that_of_leaving_out_one_block_after_the_other(shares: tuple[float, float, float]) -> None:
    """The jackknife over blocks (Quenouille, Tukey 1958) as a second source: equal to first order, so within 3 %.

    Time blocks have the wider error here: their load moves all three parts.
    """
    traffic = Traffic()
    left_out = np.array([traffic.directly(shares, traffic.block != block) for block in range(BLOCKS)])
    jackknife = math.sqrt((BLOCKS - 1) / BLOCKS * float(((left_out - left_out.mean()) ** 2).sum()))
    found = scored(traffic.estimates(), weights(*shares))
    moved = left_out - left_out.mean()
    # What neighbouring blocks have in common widens the error (`stats.blocks`).
    left = max(0.0, float(moved[:-1] @ moved[1:]) / float(moved @ moved) + 1 / BLOCKS)
    widest = stats.t.ppf(0.975, BLOCKS - 1) * jackknife * math.sqrt((1 + left) / (1 - left))
    assert (found.high - found.low) / 2 == pytest.approx(widest, rel=0.03)


def test_quality_alone_is_the_win_rate_and_its_interval() -> None:
    estimates = Traffic().estimates()
    wins = estimates["win_rate", "win_rate"]
    found = scored(estimates, weights(1, 0, 0))
    assert wins.candidate is not None
    around = two_sided(wins.candidate, over_time(wins.blocks), LEVEL)
    assert (found.value, found.low, found.high) == pytest.approx((wins.candidate, around.low, around.high))


def test_the_anytime_interval_is_the_confidence_sequence() -> None:
    estimates = Traffic().estimates()
    wins = estimates["win_rate", "win_rate"]
    assert wins.candidate is not None
    around = anytime.two_sided(wins.candidate, over_time(wins.blocks), Horizon(PAIRS, PLANNED), LEVEL)
    found = scored(estimates, weights(1, 0, 0), "anytime")
    assert (found.low, found.high) == pytest.approx((around.low, around.high))


def test_the_wider_error_counts_when_conversations_resemble_themselves() -> None:
    traffic = Traffic()
    traffic.bucket, traffic.block = traffic.block, traffic.bucket
    swapped = scored(traffic.estimates(), weights(0, 0.5, 0.5))
    plain = scored(Traffic().estimates(), weights(0, 0.5, 0.5))
    # Over time, what neighbouring blocks have in common by chance widens it a little more.
    assert swapped.high - swapped.low == pytest.approx(plain.high - plain.low, rel=0.12)


def test_two_parts_that_move_together_are_not_taken_for_independent() -> None:
    """Latency that is cost in other units: half and half is as uncertain as either alone."""
    traffic = Traffic()
    traffic.latency = (traffic.cost[0] * 1e5, traffic.cost[1] * 1e5)
    alone, both = (scored(traffic.estimates(), weights(0, *shares)) for shares in ((1, 0), (0.5, 0.5)))
    assert (both.value, both.low, both.high) == pytest.approx((alone.value, alone.low, alone.high))


@pytest.mark.parametrize(("dearer", "value"), [(1.0, 0.5), (0.5, 0.75), (2.0, 0.0), (5.0, 0.0)])
def test_as_dear_as_the_primary_is_a_half_and_twice_as_dear_is_nothing(dearer: float, value: float) -> None:
    traffic = Traffic()
    primary = traffic.cost[0]
    # Noise of mean exactly 0 keeps the level and leaves something to judge by.
    noise = np.tile([0.1, -0.1], PAIRS // 2) * primary.mean()
    traffic.cost = (primary, primary * dearer + noise)
    found = scored(traffic.estimates(), weights(0, 1, 0))
    assert found.value == pytest.approx(value, abs=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_a_part_at_the_end_of_its_range_still_counts_in_the_error() -> None:
    """Cost fell off the scale; what it varies by is not forgotten, nor may it cancel what latency varies by."""
    traffic = Traffic(dearer=5.0)
    estimates = traffic.estimates()
    found = scored(estimates, weights(0, 0.5, 0.5))
    alone = scored(estimates, weights(0, 0, 1))
    assert found.high - found.value >= (alone.high - alone.value) / 2


def test_no_weights_no_score() -> None:
    policy = Policy.model_validate({"primary_metrics": [{"metric": "total_ms"}]})
    assert score(Traffic().estimates(), policy, "anytime", LEVEL, PLANNED) is None


def test_a_part_that_weighs_nothing_is_not_asked_for() -> None:
    estimates = Traffic().estimates()
    del estimates["win_rate", "win_rate"]
    assert scored(estimates, weights(0, 0.6, 0.4)).parts[0][0] == "cost"
    assert "no pair has been judged" in refused(estimates, weights(0.1, 0.5, 0.4))


def test_judges_scores_are_no_win_rate() -> None:
    estimates = Traffic().estimates()
    estimates["judge_score", "mean"] = estimates.pop(("win_rate", "win_rate"))
    assert "quality is not known" in refused(estimates, weights(1, 0, 0))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"obstacle": "the denominator is too uncertain yet"}, "the denominator is too uncertain yet"),
        ({"primary": 0.0}, "is 0 or unknown"),
        ({"primary": None}, "is 0 or unknown"),
        ({"candidate": None}, "has no level"),
        ({"candidate": math.nan}, "has no level"),
        ({"primary_blocks": None}, "is not known"),
        ({"n": 29}, "29 pairs say something of cost; a score needs 30"),
    ],
)
def test_what_is_missing_is_said(change: dict[str, object], said: str) -> None:
    estimates = Traffic().estimates()
    estimates["cost_usd", "mean"] = replace(estimates["cost_usd", "mean"], **change)  # type: ignore[arg-type]
    assert said in refused(estimates, weights(0.4, 0.35, 0.25))


def test_an_anytime_score_begins_where_anytime_statements_begin() -> None:
    estimates = Traffic().estimates()
    estimates["cost_usd", "mean"] = replace(estimates["cost_usd", "mean"], n=499)
    assert refused(estimates, weights(0, 1, 0), "anytime") == "499 pairs say something of cost; a score needs 500"
    assert scored(estimates, weights(0, 1, 0), "fixed").value > 0


def test_few_blocks_give_no_score() -> None:
    traffic = Traffic()
    traffic.block = traffic.block // 9
    assert "10 time blocks" in refused(traffic.estimates(), weights(0, 1, 0))


def test_pairs_that_all_say_the_same_give_no_interval_and_no_score() -> None:
    traffic = Traffic()
    traffic.wins = np.full(PAIRS, 0.5)
    assert "no spread" in refused(traffic.estimates(), weights(1, 0, 0))


def test_few_groups_take_the_error_that_is_right_for_few() -> None:
    traffic = Traffic()
    traffic.block = traffic.block // 4
    estimates = traffic.estimates()
    found = scored(estimates, weights(1, 0, 0))
    wins = estimates["win_rate", "win_rate"]
    error = robust_error(wins.blocks)
    assert error is not None
    assert error.kind == "CR2"
    assert (found.high - found.low) / 2 >= error.margin(LEVEL) * (1 - 1e-9)


def test_a_part_at_an_end_of_its_range_makes_no_other_part_surer() -> None:
    """Costs beyond twice the primary's move against latency in every group; their part stays 0 all the same."""
    rng = np.random.default_rng(3)
    n, sums = np.full(BLOCKS, PAIRS / BLOCKS), rng.normal(size=BLOCKS)
    moved, against, still = (Influence.of(n, sign * (sums - sums.mean())) for sign in (1.0, -1.0, 0.0))

    def arm(difference: float, influence: Influence) -> Estimate:
        levels = PAIRS, 1.0, 1 + difference, difference, None
        return Estimate(*levels, influence, influence, primary_blocks=still, primary_buckets=still)

    estimates = {("cost_usd", "mean"): arm(1.5, moved), ("total_ms", "mean"): arm(0.0, against)}
    found = score(estimates, weights(0.0, 0.5, 0.5), "fixed", LEVEL, PLANNED)
    assert isinstance(found, Score)
    assert found.value == pytest.approx(0.25)
    assert found.high - found.low >= 0.999 * 2 * 0.25 * cr1(against).margin(LEVEL)
