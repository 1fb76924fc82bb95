import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.stats.influence import Influence
from analyzer.stats.interval import p_differs, two_sided
from analyzer.stats.mean import PairedSums, paired_mean
from analyzer.stats.moments import FloatArray, Moments
from analyzer.stats.robust import cr1, cr2, robust_error, satterthwaite
from tests.analyzer.stats.reference import reference_case

sizes = st.lists(st.integers(1, 40), min_size=2, max_size=25)


def _influence(values: FloatArray, cluster: FloatArray) -> Influence:
    return PairedSums.of_pairs(np.zeros_like(values), values, cluster).influence()


def test_cr1_of_unequal_clusters() -> None:
    case = reference_case("cluster_mean_cr1")
    sums = PairedSums.of_pairs(np.zeros(12), case.array("y"), case.array("cluster"))
    mean, error = paired_mean(sums), cr1(sums.influence())
    assert mean is not None
    independent = Moments.of(case.array("y")).error()
    assert independent is not None
    interval = two_sided(mean.difference, error, 1 - case.inputs["alpha"])
    case.check(
        mean=mean.difference,
        se_iid=independent,
        se_cr1=error.value,
        df=error.degrees,
        ci_cr1_t=(interval.low, interval.high),
        p_cr1_t=p_differs(mean.difference, error),
    )


def test_cr1_agrees_with_the_form_in_sums_over_clusters() -> None:
    """Q = sum S^2 - 2 m sum S n + m^2 sum n^2, as SQL could add it up; the cluster sums come from the case's rows."""
    rows = reference_case("cluster_mean_cr1")
    case = reference_case("cluster_mean_sums")
    sums = PairedSums.of_pairs(np.zeros(12), rows.array("y"), rows.array("cluster"))
    of = case.inputs
    assert (float(sums.difference @ sums.difference), float(sums.difference @ sums.n)) == pytest.approx(
        (of["sum_S2"], of["sum_SN"])
    )
    mean = paired_mean(sums)
    assert mean is not None
    case.check(mean=mean.difference, se_cr1=cr1(sums.influence()).value)


def _cr2_by_matrices(values: FloatArray, cluster: FloatArray) -> tuple[float, float]:
    """Bell and McCaffrey as they wrote it: residual maker, per-cluster adjustment, Satterthwaite by the trace."""
    n = len(values)
    hat = np.full((n, n), 1 / n)
    maker = np.eye(n) - hat
    residuals = maker @ values
    groups = [np.flatnonzero(cluster == c) for c in np.unique(cluster)]
    variance, columns = 0.0, []
    for rows in groups:
        block = np.eye(len(rows)) - hat[np.ix_(rows, rows)]
        eigenvalues, vectors = np.linalg.eigh(block)
        adjust = vectors @ np.diag(eigenvalues**-0.5) @ vectors.T
        weights = adjust @ np.full(len(rows), 1 / n)
        variance += float(weights @ residuals[rows]) ** 2
        columns.append(maker[:, rows] @ weights)
    gram = np.array(columns) @ np.array(columns).T
    return float(np.sqrt(variance)), float(np.trace(gram) ** 2 / np.trace(gram @ gram))


@given(sizes, st.integers(0, 2**32 - 1))
def test_cr2_and_its_degrees_of_freedom_are_those_of_the_matrix_form(counts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(len(counts)), counts).astype(np.float64)
    values = rng.normal(size=len(cluster)) + rng.normal(size=len(counts))[cluster.astype(int)]
    error = cr2(_influence(values, cluster))
    se, degrees = _cr2_by_matrices(values, cluster)
    assert error.value == pytest.approx(se, rel=1e-8)
    assert error.degrees == pytest.approx(degrees, rel=1e-8)


@given(st.integers(2, 300), st.integers(1, 50))
def test_equal_groups_have_one_degree_of_freedom_less_than_groups(groups: int, size: int) -> None:
    assert satterthwaite(np.full(groups, float(size))) == pytest.approx(groups - 1)


def test_sixty_groups_switch_from_cr2_to_cr1() -> None:
    def kind(groups: int) -> str | None:
        error = robust_error(Influence.of(np.ones(groups), np.tile([1.0, -1.0], groups)[:groups]))
        return None if error is None else error.kind

    assert (kind(59), kind(60), kind(1)) == ("CR2", "CR1", None)


@given(sizes, st.integers(0, 2**32 - 1))
def test_the_order_of_groups_does_not_matter(counts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, sums = np.array(counts, dtype=np.float64), rng.normal(size=len(counts))
    order = rng.permutation(len(counts))
    one, other = robust_error(Influence.of(n, sums)), robust_error(Influence.of(n[order], sums[order]))
    assert one is not None
    assert other is not None
    assert (one.value, one.degrees) == pytest.approx((other.value, other.degrees), rel=1e-12)
