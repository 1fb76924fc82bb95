"""Start skew and busy loops."""

from analyzer.integrity.figures import Conduct, StartSkew
from analyzer.integrity.results import Skew
from analyzer.integrity.start import start_skew
from tests.analyzer.integrity.making import compared


def skew(mean_ms: float, primary_ms: int, pairs: int = 100, watched: int = 50) -> Skew | None:
    start = StartSkew(pairs, round(mean_ms * 1000) * pairs, 7.5, watched, 5 if watched else 0)
    return start_skew(
        compared(Conduct(start=start), totals={"total_us_n": 10, "total_us_primary": primary_ms * 10_000})
    )


def test_the_limit_is_5_ms_or_1_percent_of_the_primarys_time() -> None:
    for mean_ms, primary_ms, finding in (
        (4.9, 10, "passed"),
        (5.1, 10, "failed"),
        (-5.1, 10, "failed"),
        (9.9, 1000, "passed"),
        (10.1, 1000, "failed"),
    ):
        found = skew(mean_ms, primary_ms)
        assert found is not None
        assert (found.finding, round(found.mean_ms, 6), found.p99_ms) == (finding, mean_ms, 7.5)


def test_few_pairs_leave_it_open() -> None:
    found = skew(100.0, 10, pairs=29)
    assert found is not None
    assert found.finding == "open"


def test_a_loop_that_nobody_watched_is_not_called_idle() -> None:
    watched, unwatched = skew(1.0, 10), skew(1.0, 10, watched=0)
    assert watched is not None
    assert unwatched is not None
    assert (watched.busy_share, unwatched.busy_share) == (0.1, None)


def test_without_pairs_or_times_nothing_is_claimed() -> None:
    assert start_skew(compared()) is None
    assert start_skew(compared(Conduct(start=StartSkew(0, 0, 0.0, 0, 0)))) is None
    found = start_skew(compared(Conduct(start=StartSkew(50, 50 * 6000, 6.0, 0, 0))))
    assert found is not None
    assert found.finding == "failed"
