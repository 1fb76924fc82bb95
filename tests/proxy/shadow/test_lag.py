"""The largest lag since any moment equals a plain maximum over all measurements."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.shadow.lag import LagPeaks


@given(st.lists(st.integers(0, 1000), max_size=60), st.integers(0, 80))
def test_the_peak_since_a_moment_is_the_maximum_since_then(lags: list[int], since: int) -> None:
    peaks = LagPeaks()
    for at, lag in enumerate(lags):
        peaks.note(at, lag)
    assert peaks.since(since) == max(lags[since:], default=0)
