import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.stats.agreement import SwapCounts, cohens_kappa, concordance, swap_consistency
from tests.analyzer.stats.reference import reference_case


def test_kappa_of_fifty_grants() -> None:
    case = reference_case("cohen_kappa_50")
    kappa = cohens_kappa(case.array("table"))
    assert kappa is not None
    interval = kappa.interval(0.95)
    case.check(kappa=kappa.value, se=kappa.error, se_null=kappa.null_error, ci=(interval.low, interval.high))


def test_a_judge_asked_in_both_orders() -> None:
    case = reference_case("swap_consistency")
    of = case.inputs["AB_first_wins"]
    counts = SwapCounts(of["consistent_A"] + of["consistent_B"], of["first_slot_both"], of["second_slot_both"])
    found = swap_consistency(counts, 1 - case.inputs["alpha"])
    assert found is not None
    assert found.first_slot_share is not None
    case.check(
        consistency=found.share,
        consistency_wilson=(found.interval.low, found.interval.high),
        first_slot_share_of_inconsistent=found.first_slot_share,
        p_position_bias=found.p_position,
    )


@given(st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_exchanging_the_raters_changes_nothing(classes: int, seed: int) -> None:
    table = np.random.default_rng(seed).integers(1, 40, (classes, classes)).astype(np.float64)
    one, other = cohens_kappa(table), cohens_kappa(table.T)
    assert one is not None
    assert other is not None
    assert (one.value, one.error, one.null_error) == pytest.approx((other.value, other.error, other.null_error))


@settings(deadline=None)
@given(st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_the_error_is_that_of_the_delta_method(classes: int, seed: int) -> None:
    """Numerical derivatives of kappa by each cell's share, with the multinomial covariance."""
    table = np.random.default_rng(seed).integers(5, 40, (classes, classes)).astype(np.float64)
    n, share = table.sum(), (table / table.sum()).ravel()

    def kappa_of(cells: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> float:
        square = (cells / cells.sum()).reshape(classes, classes)
        chance = float(square.sum(axis=1) @ square.sum(axis=0))
        return (float(np.trace(square)) - chance) / (1 - chance)

    step = 1e-6
    unit = np.eye(len(share))
    gradient = np.array([(kappa_of(share + step * e) - kappa_of(share - step * e)) / (2 * step) for e in unit])
    variance = (np.diag(share) - np.outer(share, share)) / n
    ours = cohens_kappa(table)
    assert ours is not None
    assert ours.error == pytest.approx(float(np.sqrt(gradient @ variance @ gradient)), rel=1e-4)


def test_complete_agreement_and_none() -> None:
    complete = cohens_kappa(np.diag([10.0, 20.0]))
    assert complete is not None
    assert (complete.value, complete.error) == pytest.approx((1.0, 0.0), abs=1e-12)
    chance = cohens_kappa(np.array([[10.0, 10.0], [10.0, 10.0]]))
    assert chance is not None
    assert chance.value == pytest.approx(0.0)
    assert cohens_kappa(np.zeros((2, 2))) is None
    assert cohens_kappa(np.array([[30.0, 0.0], [0.0, 0.0]])) is None


def test_a_judge_that_always_agrees_with_itself() -> None:
    found = swap_consistency(SwapCounts(50, 0, 0), 0.95)
    assert found is not None
    assert (found.share, found.first_slot_share, found.p_position) == (1.0, None, 1.0)
    assert swap_consistency(SwapCounts(0, 0, 0), 0.95) is None


FLEISS = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ],
    dtype=np.float64,
)
"""Ten subjects, fourteen raters, five classes: an example of many textbooks, with agreement 0.378 and kappa 0.210."""


def test_fourteen_raters_of_ten_subjects() -> None:
    found = concordance(FLEISS)
    assert found is not None
    assert (round(found.share, 3), round(found.kappa or 0, 3), found.subjects) == (0.378, 0.210, 10)


@given(st.integers(0, 2**32 - 1))
def test_concordance_counts_pairs_of_raters(seed: int) -> None:
    """By hand, with different numbers of raters; one alone says nothing."""
    rng = np.random.default_rng(seed)
    ratings = [rng.integers(0, 3, rng.integers(1, 6)).tolist() for _ in range(30)]
    counts = np.array([[of.count(c) for c in range(3)] for of in ratings], dtype=np.float64)
    found = concordance(counts)
    several = [of for of in ratings if len(of) > 1]
    shares = [sum(x == y for i, x in enumerate(of) for y in of[:i]) / (len(of) * (len(of) - 1) / 2) for of in several]
    every = [c for of in several for c in of]
    chance = sum((every.count(c) / len(every)) ** 2 for c in range(3))
    assert found is not None
    assert found.subjects == len(several)
    assert found.share == pytest.approx(np.mean(shares))
    assert found.kappa == pytest.approx((np.mean(shares) - chance) / (1 - chance))


@given(st.integers(0, 2**32 - 1))
def test_errors_of_concordance_are_those_of_the_jackknife(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(3, [0.5, 0.3, 0.2], size=150).astype(np.float64)
    found = concordance(counts)
    assert found is not None
    without = [concordance(np.delete(counts, i, axis=0)) for i in range(len(counts))]
    kappas = np.array([one.kappa for one in without if one is not None], dtype=np.float64)
    shares = np.array([one.share for one in without if one is not None])
    n = len(counts)
    assert found.kappa_error == pytest.approx(np.sqrt((n - 1) / n * ((kappas - kappas.mean()) ** 2).sum()), rel=0.02)
    assert found.share_error == pytest.approx(np.sqrt((n - 1) / n * ((shares - shares.mean()) ** 2).sum()), rel=0.02)


def test_equal_subjects_may_be_counted_together() -> None:
    often = np.repeat(FLEISS, np.arange(1, 11), axis=0)
    one, other = concordance(often), concordance(FLEISS, np.arange(1, 11, dtype=np.float64))
    assert one is not None
    assert other is not None
    assert (one.share, one.kappa, one.share_error, one.kappa_error, one.subjects) == pytest.approx(
        (other.share, other.kappa, other.share_error, other.kappa_error, other.subjects)
    )


def test_raters_who_all_name_one_class_tell_nothing_of_chance() -> None:
    found = concordance(np.array([[3.0, 0.0], [2.0, 0.0]]))
    assert found is not None
    assert (found.share, found.kappa, found.kappa_error) == (1.0, None, None)
    assert concordance(np.array([[1.0, 0.0]])) is None
    assert concordance(np.zeros((0, 3))) is None
