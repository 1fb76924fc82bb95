import pytest

from analyzer.stats.interval import Interval
from analyzer.verdict import Evidence, Verdict, verdict


def _evidence(low: float, high: float) -> Evidence:
    """One-sided bounds lie a little within the two-sided interval, as they do at the same level."""
    inset = (high - low) * 0.08
    return Evidence(Interval(low, high), low + inset, high - inset)


@pytest.mark.parametrize(
    ("low", "high", "margin", "expected"),
    [
        (-9, -1, None, Verdict.BETTER),
        (1, 9, None, Verdict.WORSE),
        (-1, 9, None, Verdict.UNDECIDED),
        (-9, -1, 5, Verdict.BETTER),
        (6, 9, 5, Verdict.WORSE),
        (1, 4, 5, Verdict.WORSE),
        (-4, 4, 5, Verdict.EQUIVALENT),
        (-9, 4, 5, Verdict.NOT_WORSE),
        (-9, 9, 5, Verdict.UNDECIDED),
        (-4, 5.2, 5, Verdict.NOT_WORSE),
    ],
)
def test_words_where_lower_is_better(low: float, high: float, margin: float | None, expected: Verdict) -> None:
    assert verdict(_evidence(low, high), "lower", margin) is expected


@pytest.mark.parametrize("margin", [None, 5.0])
@pytest.mark.parametrize(("low", "high"), [(-9, -1), (1, 9), (-1, 9), (-4, 4), (-9, 4), (-9, 9), (0, 3), (-3, 0)])
def test_higher_is_better_is_the_mirror_image(low: float, high: float, margin: float | None) -> None:
    mirrored = verdict(_evidence(-high, -low), "higher", margin)
    assert mirrored is verdict(_evidence(low, high), "lower", margin)


def test_touching_zero_decides_nothing() -> None:
    assert verdict(_evidence(-4, 0), "lower", None) is Verdict.UNDECIDED
    assert verdict(_evidence(0, 4), "lower", None) is Verdict.UNDECIDED


def test_surely_worse_than_the_margin_is_worse_although_the_interval_holds_zero() -> None:
    """Bounds may rest on another error than the interval: a margin can be an estimate itself."""
    evidence = Evidence(Interval(-1.0, 12.0), 6.0, 9.0)
    assert verdict(evidence, "lower", 5.0) is Verdict.WORSE
    assert verdict(evidence, "lower", 7.0) is Verdict.UNDECIDED
