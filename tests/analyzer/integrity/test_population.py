"""Whom a report speaks of, and what it would say of everybody."""

import numpy as np
import pytest

from analyzer.integrity.figures import Conduct, HourSums, Stratum
from analyzer.integrity.population import population, standardised
from analyzer.integrity.results import Missing
from tests.analyzer.integrity.making import compared


def hour(n: int, tokens: int, ms: int) -> HourSums:
    total = {"total_us_n": (n,), "total_us": (n * ms * 1000,), "total_us_2": (n * (ms * 1000) ** 2,)}
    return HourSums(
        (0,), {"rows": (n,), **total, "output_tokens_n": (n,), "output_tokens": (n * tokens,), "output_tokens_2": (0,)}
    )


def stratum(tenth: int, kept: int, left_out: int, p: int = 0, c: int = 0, n: int | None = None) -> Stratum:
    count = kept if n is None else n
    return Stratum(
        tenth, True, kept, left_out, {"total_us": (count, p, c), "cost_nanousd": (0, 0, 0), "error": (0, 0, 0)}
    )


def test_a_report_on_everybody_says_so() -> None:
    found = population(Missing(ours=3), 90, compared())
    assert found is not None
    assert (found.share, found.sentence, found.standardised) == (1.0, "it speaks of all sampled requests", ())


def test_without_kept_requests_it_speaks_of_nobody() -> None:
    assert population(Missing(by_design=5), 0, None) is None


def test_those_left_out_are_told_with_the_primarys_figures() -> None:
    """82 kept with 88 tokens and 1 s, 18 left out with about 155 and 3 s: all have 100 and 1.36 s on average."""
    conduct = Conduct(
        kept=hour(820, 88, 1000), skipped={"budget": hour(100, 155, 3000), "stateful": hour(80, 154, 3000)}
    )
    lost = Missing(by_design=180, by_state=(("budget", 100), ("stateful", 80)))
    found = population(lost, 820, compared(conduct))
    assert found is not None
    assert found.share == 0.82
    assert found.sentence == (
        "it speaks of the 82 % of sampled requests that were within the budget and depend on no state kept by the "
        "provider; of these the primary's answers are, against those of all, 12 % shorter and 26 % faster"
    )


def test_those_like_the_others_are_told_without_figures() -> None:
    conduct = Conduct(kept=hour(90, 100, 1000), skipped={"budget": hour(10, 101, 1000), "memory": hour(50, 900, 9000)})
    found = population(Missing(by_design=10, by_state=(("budget", 10),)), 90, compared(conduct))
    assert found is not None
    assert found.sentence == "it speaks of the 90 % of sampled requests that were within the budget"


def test_a_difference_is_weighed_to_everybody() -> None:
    """Fast ones: 80 kept, difference 1 ms; slow ones: 20 kept and 100 left out, difference 10 ms."""
    strata = [stratum(0, 80, 0, 0, 80_000), stratum(9, 20, 100, 100_000, 300_000)]
    ((metric, measured, weighed),) = standardised(strata)
    assert metric == "total_ms"
    assert measured == pytest.approx((80 * 1 + 20 * 10) / 100)
    assert weighed == pytest.approx((80 * 1 + 120 * 10) / 200)


def test_too_many_requests_without_a_like_are_not_weighed_for() -> None:
    covered = stratum(0, 96, 0, 0, 96_000)
    assert standardised([covered, stratum(10, 0, 4)])
    assert standardised([covered, stratum(10, 0, 6)]) == ()
    assert standardised([]) == ()


def test_what_the_primarys_time_explains_is_mended() -> None:
    """Long requests differ more and are left out more often; weighed, the difference is that of all requests, to
    within 4 standard errors, and as measured it is not."""
    rng = np.random.default_rng(11)
    n = 40_000
    primary = rng.lognormal(0, 0.8, n)
    difference = 0.3 * primary + rng.normal(0, 0.5, n)
    kept = rng.random(n) > np.clip(primary / 4, 0, 0.9)
    tenth = np.searchsorted(np.quantile(primary[kept], np.arange(1, 10) / 10), primary)
    strata = [
        stratum(k, int(there.sum()), int((~kept & (tenth == k)).sum()), 0, round(float(difference[there].sum()) * 1000))
        for k in range(10)
        for there in [kept & (tenth == k)]
    ]
    ((_, measured, weighed),) = standardised(strata)
    true, error = difference.mean(), difference.std() / np.sqrt(n)
    assert abs(measured - true) > 20 * error
    # Within the last tenth long ones are still left out more often: most of the way is mended, not all.
    assert abs(weighed - true) < 0.35 * abs(measured - true)
