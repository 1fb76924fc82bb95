"""The sample-ratio test: what it asks, and how often it cries wolf when whole conversations are drawn."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzer.integrity.results import SampleRatio
from analyzer.integrity.sample_ratio import inflation, p_anytime, p_fixed, sample_ratio
from analyzer.stats.moments import FloatArray
from tests.analyzer.integrity.making import experiment
from tests.analyzer.stats.reference import reference_case

COUNTED = {"received": 1000, "no_match": 200, "unsampled": 700, "budget": 9, "admitted": 91}
Conversations = Callable[[np.random.Generator, int], FloatArray]
EVEN = (1,) * 100 + (0,) * 156


def test_the_share_is_taken_of_what_could_have_been_sampled() -> None:
    ratio = sample_ratio(COUNTED, [experiment()], EVEN, "fixed")
    assert (ratio.expected, ratio.observed) == (0.1, 100 / 800)
    assert ratio.p_value is not None


def test_a_share_that_changed_is_not_tested() -> None:
    ratio = sample_ratio(COUNTED, [experiment(share_high=0.2)], EVEN, "fixed")
    assert (ratio.expected, ratio.observed, ratio.p_value, ratio.finding) == (None, 0.125, None, "open")
    earlier = experiment(share_low=0.2, share_high=0.2)
    assert sample_ratio(COUNTED, [earlier, experiment()], EVEN, "fixed").expected is None


def test_without_counts_or_buckets_nothing_is_tested() -> None:
    assert sample_ratio({}, [experiment()], EVEN, "fixed") == SampleRatio()
    assert sample_ratio(COUNTED, [experiment()], (), "anytime").finding == "open"
    assert sample_ratio(COUNTED, [], EVEN, "fixed").p_value is None
    assert sample_ratio({"received": 5, "no_match": 5}, [experiment()], EVEN, "fixed") == SampleRatio()


@pytest.mark.parametrize("kind", ["fixed", "anytime"])
def test_a_wrong_share_is_found(kind: str) -> None:
    """25 % more than the 10 % that were asked for, 100,000 requests drawn one by one: 40 standard deviations."""
    counted = {"received": 100_000, "unsampled": 87_500}
    found = sample_ratio(counted, [experiment()], (48, 49) * 128, "fixed" if kind == "fixed" else "anytime")
    assert (found.kind, found.finding) == (kind, "failed")


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_shares_of_nothing_and_of_everything_allow_no_exception(share: float) -> None:
    for p in (p_fixed, p_anytime):
        assert p(round(100 * share), 100, share, 1.0) == 1.0
        assert p(50, 100, share, 1.0) == 0.0


def test_requests_drawn_one_by_one_are_tested_as_in_the_textbook() -> None:
    """Kohavi, Tang and Xu 2020; F with infinitely many degrees of freedom is chi-square."""
    case = reference_case("srm_kohavi")
    observed: Sequence[int] = case.inputs["observed"]
    case.check(p=p_fixed(observed[0], sum(observed), 0.5, 1.0, buckets=10**9))


def test_the_anytime_test_is_that_of_lindon_and_malek() -> None:
    case = reference_case("srm_sequential_dirichlet")
    found = [p_anytime(row["counts"][0], sum(row["counts"]), row["theta0"][0], 1.0) for row in case.inputs["rows"]]
    case.check(p_always_valid=found)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.integers(0, 2**32 - 1))
def test_one_conversation_in_each_bucket_alone_gives_its_exact_size(sizes: list[int], seed: int) -> None:
    """B sum (N - mean)^2 is the sum of squared differences over all pairs of buckets."""
    counts = np.zeros(256)
    counts[: len(sizes)] = sizes
    np.random.default_rng(seed).shuffle(counts)
    pairs = ((counts[:, None] - counts[None, :]) ** 2).sum() / 2 / 255
    assert inflation([int(c) for c in counts]) == pytest.approx(max(1.0, pairs / counts.sum()))


def _conversations(rng: np.random.Generator, n: int) -> FloatArray:
    """Requests of each: five on average."""
    return rng.geometric(0.2, n).astype(np.float64)


def _few_large(rng: np.random.Generator, n: int) -> FloatArray:
    """Most have a few, some have thousands."""
    return np.minimum(np.ceil(rng.pareto(1.5, n) + 0.01), 2000.0)


def _buckets(rng: np.random.Generator, sizes: FloatArray) -> list[int]:
    return [int(n) for n in np.bincount(rng.integers(0, 256, len(sizes)), weights=sizes, minlength=256)]


def test_inflation_is_seen_without_bias_in_the_buckets() -> None:
    """Over 400 assignments to buckets the mean is that of sum m^2 / sum m, to within 4 standard errors."""
    rng = np.random.default_rng(1)
    for sizes in (_conversations(rng, 5000), _few_large(rng, 5000)):
        seen = [inflation(_buckets(rng, sizes)) or 0 for _ in range(400)]
        assert abs(np.mean(seen) - float((sizes**2).sum() / sizes.sum())) < 4 * np.std(seen) / 20


def _draws(sizes: Conversations, replications: int, share: float) -> list[tuple[int, int, list[int]]]:
    """(sampled, eligible, buckets) where whole conversations are drawn."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(replications):
        everybody = sizes(rng, 20_000)
        taken = everybody[rng.random(len(everybody)) < share]
        found.append((int(taken.sum()), int(everybody.sum()), _buckets(rng, taken)))
    return found


def test_conversations_cry_wolf_no_more_often_than_they_should() -> None:
    """1000 healthy draws: 5 % below 0.05, within 3 standard errors (2.1 points)."""
    draws = [(s, e, inflation(buckets) or 1.0) for s, e, buckets in _draws(_conversations, 1000, 0.1)]
    low, high = stats.binom.ppf([0.00135, 0.99865], 1000, 0.05)
    assert low <= sum(p_fixed(s, e, 0.1, larger) < 0.05 for s, e, larger in draws) <= high
    assert sum(p_fixed(s, e, 0.1, 1.0) < 0.05 for s, e, _ in draws) > 4 * high
    assert sum(p_anytime(s, e, 0.1, larger) < 0.05 for s, e, larger in draws) <= high


def _findings(sizes: Conversations, drawn: float, asked: float) -> list[str]:
    of = experiment(share_low=asked, share_high=asked)
    return [
        sample_ratio({"received": e, "unsampled": e - s}, [of], buckets, "fixed").finding
        for s, e, buckets in _draws(sizes, 200, drawn)
    ]


def test_a_share_that_is_off_is_found_among_conversations() -> None:
    """12 % instead of 10 %: 240 conversations more than 2000, whose number varies by 42 (as requests: by 60)."""
    assert _findings(_conversations, 0.12, 0.10).count("failed") > 100
    assert _findings(_conversations, 0.10, 0.10).count("failed") <= 2


@pytest.mark.parametrize(
    ("sampled", "buckets"),
    [(450, (1, 2) * 128), (2500, (*(9, 10) * 127, 9, 80))],
    ids=["few draws", "one large bucket"],
)
def test_a_share_that_is_far_off_is_no_finding_where_such_shares_come_by_chance(
    sampled: int, buckets: tuple[int, ...]
) -> None:
    """Either rule by itself: below 500 draws, and while one bucket makes most of the spread."""
    for kind, p_value in (
        ("fixed", p_fixed(sampled, 10_000, 0.1, 1.0)),
        ("anytime", p_anytime(sampled, 10_000, 0.1, 1.0)),
    ):
        counted = {"received": 10_000, "unsampled": 10_000 - sampled}
        found = sample_ratio(counted, [experiment()], buckets, "fixed" if kind == "fixed" else "anytime")
        assert p_value < 1e-6
        assert found.p_value == pytest.approx(p_value)
        assert found.finding == "open"


def test_nothing_is_said_while_a_few_conversations_hold_most_requests() -> None:
    """Without this rule about 2 % of such windows fail, forty times as many as they should."""
    findings = _findings(_few_large, 0.1, 0.1)
    assert findings.count("open") > 180
    assert findings.count("failed") <= 4
