"""Skip bias: found where there is some, rarely where there is none, and never without enough to say so."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from analyzer.figures import GroupTable, LabelTable
from analyzer.integrity.figures import Conduct, HourSums, LabelCount
from analyzer.integrity.results import SkipBias
from analyzer.integrity.skips import ALARM_P, skip_bias
from tests.analyzer.integrity.making import NO_GROUPS, compared

HOUR_S = 3600


def sums(hours: Sequence[np.ndarray], tokens: Sequence[np.ndarray] | None = None) -> HourSums:
    """From the times (ms) of each hour's requests, and their tokens."""
    of: dict[str, tuple[int, ...]] = {"rows": tuple(len(values) for values in hours)}
    for name, parts, unit in (("total_us", hours, 1000), ("output_tokens", tokens or hours, 1)):
        whole = [[round(float(v) * unit) for v in values] for values in parts]
        of |= {
            f"{name}_n": tuple(len(values) for values in whole),
            name: tuple(sum(values) for values in whole),
            f"{name}_2": tuple(sum(v * v for v in values) for values in whole),
        }
    return HourSums(tuple(HOUR_S * i for i in range(len(hours))), of)


def biases(kept: HourSums, **skipped: HourSums) -> tuple[SkipBias, ...]:
    return skip_bias(compared(Conduct(kept=kept, skipped=skipped)))


def hours(rng: np.random.Generator, count: int, size: int, *, times: float = 1.0) -> list[np.ndarray]:
    return [rng.lognormal(6, 0.6, size) * times for _ in range(count)]


def test_requests_like_the_others_pass_and_longer_ones_fail() -> None:
    rng = np.random.default_rng(3)
    alike, longer = biases(
        sums(hours(rng, 24, 200)), budget=sums(hours(rng, 24, 30)), memory=sums(hours(rng, 24, 20, times=1.5))
    )
    assert (alike.reason, alike.finding, alike.skips) == ("budget", "passed", 720)
    assert (longer.reason, longer.finding) == ("memory", "failed")
    assert longer.skipped_ms is not None
    assert longer.kept_ms is not None
    assert longer.skipped_ms / longer.kept_ms == pytest.approx(1.5, rel=0.1)


def test_the_means_are_those_of_the_requests() -> None:
    kept, skipped = [np.full(40, 100.0), np.full(10, 200.0)], [np.full(30, 300.0)]
    (found,) = biases(sums(kept), budget=sums(skipped))
    assert (found.kept_ms, found.skipped_ms, found.skipped_tokens) == (120.0, 300.0, 300.0)


def test_within_one_hour_the_test_is_welchs() -> None:
    """Second source: scipy's Welch test with normal tails in place of its degrees of freedom."""
    rng = np.random.default_rng(4)
    kept, skipped = rng.normal(1000, 100, 4000), rng.normal(1005, 150, 900)
    whole = [np.round(values * 1000) / 1000 for values in (kept, skipped)]
    (found,) = biases(sums([whole[0]]), budget=sums([whole[1]]))
    t = stats.ttest_ind(whole[1], whole[0], equal_var=False).statistic
    assert found.p_ms == pytest.approx(2 * stats.norm.sf(abs(t)), rel=1e-9)


def test_what_moves_whole_hours_is_no_bias() -> None:
    """Load slows some hours, and skips come in some hours: alarms in 400 healthy days stay within 3 standard errors
    of 5 %, where independent requests would give most of them."""
    rng = np.random.default_rng(5)
    replications, alarms = 400, 0
    for _ in range(replications):
        load = rng.lognormal(0, 0.4, 48)
        kept = [rng.lognormal(6, 0.3, 40) * level for level in load]
        skipped = [rng.lognormal(6, 0.3, 4 + 8 * (i % 3)) * rng.lognormal(0, 0.4) for i in range(48)]
        (found,) = biases(sums(kept), budget=sums(skipped))
        assert found.p_ms is not None
        alarms += found.p_ms < 0.05
    assert alarms <= stats.binom.ppf(0.99865, replications, 0.05)


@pytest.mark.parametrize("size", [0, 1, 29])
def test_a_handful_of_skips_says_nothing(size: int) -> None:
    rng = np.random.default_rng(6)
    (found,) = biases(sums(hours(rng, 3, 50)), budget=sums([rng.lognormal(9, 1, size)]))
    assert (found.p_ms, found.p_tokens, found.finding) == (None, None, "open")


def test_constants_are_alike_or_not_judged() -> None:
    same = sums([np.full(50, 5.0)] * 3)
    (alike,) = biases(same, budget=same)
    assert (alike.p_ms, alike.finding) == (1.0, "passed")
    (other,) = biases(same, budget=sums([np.full(50, 6.0)] * 3))
    assert (other.p_ms, other.finding) == (None, "open")


def test_without_kept_pairs_nothing_is_compared() -> None:
    (found,) = skip_bias(compared(Conduct(skipped={"budget": sums([np.full(50, 5.0)])})))
    assert (found.kept_ms, found.skipped_ms, found.finding) == (None, 5.0, "open")
    assert skip_bias(compared()) == ()


def _labelled(kept: dict[str, int], skipped: dict[str, int], *, buckets: tuple[int, ...] = ()) -> SkipBias:
    """One label; times of everything are alike."""
    tables = tuple(
        LabelTable("tenant", value, GroupTable((0,), {"pairs": (n,)}), NO_GROUPS) for value, n in kept.items()
    )
    conduct = Conduct(
        buckets=buckets,
        kept=sums([np.full(sum(kept.values()), 5.0)]),
        skipped={"budget": sums([np.full(sum(skipped.values()), 5.0)])},
        skipped_labels=(
            LabelCount("budget", "", "", sum(skipped.values())),
            *(LabelCount("budget", "tenant", value, n) for value, n in skipped.items()),
        ),
    )
    (found,) = skip_bias(compared(conduct, labels=tables))
    return found


def test_skips_from_other_labels_are_found_with_the_value_that_differs_most() -> None:
    found = _labelled({"a": 500, "b": 300, "c": 200}, {"a": 30, "b": 30, "c": 60})
    assert found.labels == (("tenant", "c", 0.2, 0.5),)
    assert found.finding == "failed"
    assert _labelled({"a": 500, "b": 300, "c": 200}, {"a": 50, "b": 30, "c": 20}).labels == ()


def test_conversations_make_a_mix_less_surprising() -> None:
    """a: 55 % of the kept, 40 % of the skipped; chi-square 10.3 of 1 degree, p = 0.0013; with conversations of five
    a fifth of it, p = 0.15. All five requests of a conversation fall into one bucket."""
    kept, skipped = {"a": 1100, "b": 900}, {"a": 48, "b": 72}
    table = np.array([list(kept.values()), list(skipped.values())])
    assert stats.chi2_contingency(table, correction=False).pvalue < ALARM_P
    single = tuple(int(n) for n in np.random.default_rng(7).poisson(8, 256))
    assert len(_labelled(kept, skipped, buckets=single).labels) == 1
    fives = tuple(int(5 * n) for n in np.random.default_rng(7).poisson(2, 256))
    assert _labelled(kept, skipped, buckets=fives).labels == ()


def test_a_value_that_no_skip_has_is_a_difference_unless_it_was_cut_off() -> None:
    common = {"a": 400, "b": 400}
    assert _labelled(common, {"a": 100}).labels
    # More values than are listed: what is not among them was not counted, not absent.
    many = {f"v{i}": 2 for i in range(49)}
    assert _labelled({"a": 400, "b": 400, **many}, {"a": 100, **many}).labels == ()
