"""What a ledger says after some blocks is what the same pairs give in one go, by other means."""

import numpy as np
import pytest

from tests.calibration import traffic
from tests.calibration.ledgers import Ledger, MeanLedger, QuantileLedger, RateLedger, RatioLedger
from tests.calibration.traffic import BoolArray, Pairs, Rng

BLOCKS = 30


def _until(pairs: Pairs, ledger: Ledger) -> BoolArray:
    assert ledger.blocks > BLOCKS
    inside: BoolArray = pairs.block <= np.unique(pairs.block)[BLOCKS - 1]
    return inside


def test_a_mean_and_the_error_of_independent_pairs_are_those_of_the_pairs(rng: Rng) -> None:
    pairs = traffic.STRADDLING(rng, 3000)
    ledger = MeanLedger(pairs)
    chosen = _until(pairs, ledger)
    apart, found = (pairs.candidate - pairs.primary)[chosen], ledger.at(BLOCKS)
    assert found is not None
    assert found.n == chosen.sum()
    assert found.difference == pytest.approx(apart.mean())
    assert found.independent_error == pytest.approx(apart.std(ddof=1) / np.sqrt(len(apart)))
    assert found.skewness == pytest.approx(((apart - apart.mean()) ** 3).mean() / apart.std() ** 3)
    in_buckets = np.bincount(pairs.bucket[chosen], apart - apart.mean(), 256)
    assert found.buckets.sums == pytest.approx(in_buckets[found.buckets.keys], abs=1e-6)
    assert found.blocks.n.sum() == found.buckets.n.sum() == found.n


def test_a_quantile_lies_where_the_sorted_values_say(rng: Rng) -> None:
    pairs = traffic.IID(rng, 5000)
    ledger = QuantileLedger(pairs, 0.95)
    chosen, found = _until(pairs, ledger), ledger.at(BLOCKS)
    assert found is not None
    for arm, values in (("primary", pairs.primary), ("candidate", pairs.candidate)):
        exact = np.quantile(values[chosen], 0.95, method="inverted_cdf")
        assert getattr(found, arm) == pytest.approx(exact, rel=2e-3)


def test_rates_and_ratios_are_those_of_the_pairs(rng: Rng) -> None:
    failed = traffic.failures(only_candidate=0.05, only_primary=0.02)(rng, 3000)
    rate = RateLedger(failed)
    chosen, found = _until(failed, rate), rate.at(BLOCKS)
    assert found is not None
    apart = (failed.candidate - failed.primary)[chosen]
    assert found.discordant == ((apart == 1).sum(), (apart == -1).sum())
    assert found.difference == pytest.approx(apart.mean())
    paid = traffic.costs()(rng, 3000)
    ratio = RatioLedger(paid)
    chosen, found = _until(paid, ratio), ratio.at(BLOCKS)
    assert found is not None
    assert paid.per_candidate is not None
    assert found.candidate == pytest.approx(paid.candidate[chosen].sum() / paid.per_candidate[chosen].sum())


def test_a_ratio_without_denominators_is_refused(rng: Rng) -> None:
    with pytest.raises(ValueError, match="denominators"):
        RatioLedger(traffic.IID(rng, 100))
