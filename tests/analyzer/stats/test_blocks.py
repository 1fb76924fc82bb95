import numpy as np
import pytest

from analyzer.stats.blocks import block_error, wider
from analyzer.stats.influence import Influence
from analyzer.stats.moments import FloatArray
from analyzer.stats.robust import StandardError, robust_error


def _blocks(values: FloatArray, size: int) -> Influence:
    centred = (values - values.mean()).reshape(-1, size)
    return Influence.of(np.full(len(centred), float(size)), centred.sum(axis=1))


def _autoregressive(rng: np.random.Generator, n: int, phi: float) -> FloatArray:
    values, noise = np.empty(n), rng.normal(size=n)
    values[0] = noise[0] / np.sqrt(1 - phi**2)
    for i in range(1, n):
        values[i] = phi * values[i - 1] + noise[i]
    return values


def test_merging_neighbours_adds_pairs_and_sums() -> None:
    merged = Influence.of(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([1.0, -1.0, 2.0, -2.0, 0.0])).coarser(2)
    assert merged.n.tolist() == [3.0, 7.0, 5.0]
    assert merged.sums.tolist() == [0.0, 0.0, 0.0]


def test_autocorrelation_by_hand() -> None:
    influence = Influence.of(np.ones(4), np.array([1.0, 2.0, -1.0, -2.0]))
    assert influence.autocorrelation() == pytest.approx((1 * 2 + 2 * -1 + -1 * -2) / (1 + 4 + 1 + 4))


def test_constant_values_have_no_autocorrelation() -> None:
    assert Influence.of(np.ones(5), np.zeros(5)).autocorrelation() == 0.0


def test_independent_blocks_are_not_merged() -> None:
    """Alternating sums are anything but positively correlated."""
    blocks = Influence.of(np.ones(100), np.tile([1.0, -1.0], 50))
    error = block_error(blocks, minimum=10, level=0.95)
    assert error is not None
    assert error.groups == 100


def test_correlated_blocks_are_merged_until_they_are_not() -> None:
    """With phi = 0.9 the error of the mean of independent values is 4.4 times too small: sqrt((1+phi)/(1-phi))."""
    rng = np.random.default_rng(20)
    values = _autoregressive(rng, 20_000, 0.9)
    blocks = _blocks(values, 2)
    error, naive = block_error(blocks, minimum=10, level=0.95), robust_error(blocks)
    assert error is not None
    assert naive is not None
    truth = float(values.std() * np.sqrt((1 + 0.9) / (1 - 0.9) / len(values)))
    assert naive.value < 0.5 * truth
    assert error.value == pytest.approx(truth, rel=0.25)
    assert error.groups < blocks.groups


def test_too_few_blocks_have_no_error() -> None:
    assert block_error(Influence.of(np.ones(9), np.zeros(9)), minimum=10, level=0.95) is None


def test_when_no_length_is_surely_uncorrelated_the_widest_counts() -> None:
    """A trend stays correlated at every length; the longest blocks see most of it, and what is left is added: taken for
    0.8 at most, which makes errors (1.8 / 0.2)^(1/2) = 3 times as large."""
    trend = np.arange(40.0) - 19.5
    blocks = Influence.of(np.ones(40), trend)
    error = block_error(blocks, minimum=10, level=0.95)
    lengths = [blocks.coarser(size) for size in (1, 2, 4)]
    left = [min(one.autocorrelation() + 1 / one.groups, 0.8) for one in lengths]
    plain = [robust_error(one) for one in lengths]
    margins = [e.margin(0.95) * ((1 + r) / (1 - r)) ** 0.5 for e, r in zip(plain, left, strict=True) if e is not None]
    assert error is not None
    assert error.margin(0.95) == pytest.approx(max(margins))


def test_a_length_that_looks_uncorrelated_does_not_narrow_what_shorter_blocks_showed() -> None:
    """Three up, three down: correlated by 1/3 one by one (a squared error twice as large), by less than 0 two by two
    (a squared error 4/3 as large)."""
    blocks = Influence.of(np.ones(402), np.tile([2.0, 2.0, 2.0, -2.0, -2.0, -2.0], 67))
    error, first = block_error(blocks, minimum=10, level=0.95), robust_error(blocks)
    assert error is not None
    assert first is not None
    assert error.value == pytest.approx(first.value * 2**0.5, rel=0.01)


def test_wider_compares_intervals_and_not_errors() -> None:
    """An error that is hardly known makes the wider interval though it is a little smaller."""
    vague, sure = StandardError(1.0, 3.0, 4, "CR2"), StandardError(1.1, 200.0, 201, "CR1")
    assert wider([vague, sure], 0.95) is vague
    assert wider([], 0.95) is None
