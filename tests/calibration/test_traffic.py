"""Traffic is what its name says, or calibration would be about something else."""

import numpy as np
import pytest

from tests.calibration import traffic
from tests.calibration.traffic import BUCKETS, LATENCIES, PER_BLOCK, Pairs, Rng, load

N = 20_000


def _drawn(name: str) -> Pairs:
    return LATENCIES[name][1](np.random.default_rng(5), N)


def _log_ratios(pairs: Pairs) -> traffic.FloatArray:
    return np.log(pairs.candidate / pairs.primary)


@pytest.mark.parametrize("name", sorted(LATENCIES))
def test_pairs_come_in_order_of_time_at_the_same_rate(name: str) -> None:
    pairs = _drawn(name)
    assert pairs.n == N
    assert (np.diff(pairs.block) >= 0).all()
    # Conversations arrive as a Poisson process: five turns each make the number of blocks vary by some percent.
    assert pairs.block[-1] == pytest.approx(N / PER_BLOCK, rel=0.1)
    assert pairs.bucket.min() >= 0
    assert pairs.bucket.max() < BUCKETS


@pytest.mark.parametrize("name", ["conversations", "straddling"])
def test_turns_of_a_conversation_resemble_each_other(name: str) -> None:
    """The intraclass correlation, from products of pairs of turns, is 0.4: 2 x 0.2 of 2 x 0.5 of the variance."""
    pairs = _drawn(name)
    values = _log_ratios(pairs) - _log_ratios(pairs).mean()
    turns = np.bincount(pairs.conversation)
    total, squares = np.bincount(pairs.conversation, values), np.bincount(pairs.conversation, values**2)
    between = float((total**2 - squares).sum() / (turns * (turns - 1)).sum())
    assert between / float(values.var()) == pytest.approx(0.4, abs=0.05)
    assert float(turns.mean()) == pytest.approx(5, rel=0.1)


def test_conversations_straddle_blocks_only_where_they_should() -> None:
    def spanned(pairs: Pairs) -> float:
        order = np.lexsort((pairs.block, pairs.conversation))
        blocks, same = pairs.block[order], np.diff(pairs.conversation[order]) == 0
        return float((np.diff(blocks)[same] > 0).mean())

    assert spanned(_drawn("conversations")) < 0.1
    assert spanned(_drawn("straddling")) > 0.5


def test_a_load_is_an_autoregression_of_variance_one() -> None:
    values = load(np.random.default_rng(1), 200_000, 0.8)
    assert float(values.var()) == pytest.approx(1, abs=0.05)
    assert float(np.mean(values[1:] * values[:-1])) == pytest.approx(0.8, abs=0.05)


def test_the_skewed_candidate_has_the_primarys_mean_and_another_median() -> None:
    pairs = traffic.heavier_candidate(np.random.default_rng(2), 1_000_000)
    assert float(pairs.candidate.mean() / pairs.primary.mean()) == pytest.approx(1, abs=0.01)
    assert float(_log_ratios(pairs).mean()) == pytest.approx(traffic.SKEWED_LOG_RATIO, abs=0.01)


def test_failures_fall_into_their_cells() -> None:
    pairs = traffic.failures(only_candidate=0.03, only_primary=0.02)(np.random.default_rng(3), 200_000)
    apart = pairs.candidate - pairs.primary
    shares = [float((apart == d).mean()) for d in (1, -1)]
    assert shares == pytest.approx([0.03, 0.02], abs=0.002)
    assert float((pairs.candidate * pairs.primary).mean()) == pytest.approx(0.01, abs=0.001)


def test_recorded_latencies_are_resampled_from_the_recordings(rng: Rng) -> None:
    recorded = traffic.recorded_ms()
    if recorded is None:
        pytest.skip("SHADOWBENCH_SHARED names no folder with recorded latencies")
    pairs = traffic.resampled(recorded)(rng, 1000)
    assert set(pairs.primary) <= set(recorded)
    assert set(pairs.candidate) <= set(recorded)
