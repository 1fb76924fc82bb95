"""Judges that fail: how many pairs, and whether on some kinds of requests more than on others."""

import numpy as np
import pytest
from scipy import stats

from analyzer.quality.failures import MOST_ROWS, label_failures, unjudged_share, warnings
from analyzer.quality.figures import JudgeFigures, LabelFailures, QualityFigures
from analyzer.stats.multiple import holm
from tests.analyzer.quality.making import One, correction


def whole(failed: int, judged: int) -> LabelFailures:
    return LabelFailures("", "", failed, judged)


def test_few_failures_are_tested_exactly() -> None:
    found = label_failures([whole(5, 495), LabelFailures("tenant", "acme", 4, 46)], 1.0)
    assert len(found) == 1
    row = found[0]
    assert row.share == pytest.approx(4 / 50)
    assert row.elsewhere == pytest.approx(1 / 450)
    assert row.p_value == pytest.approx(stats.fisher_exact([[4, 46], [1, 449]]).pvalue)


def test_many_failures_are_tested_by_their_variance() -> None:
    """Of the hypergeometric distribution; near its exact tail."""
    found = label_failures([whole(300, 2700), LabelFailures("route", "/chat", 80, 920)], 1.0)
    exact = stats.fisher_exact([[80, 920], [220, 1780]]).pvalue
    assert found[0].p_value == pytest.approx(exact, rel=0.2)
    inflated = label_failures([whole(300, 2700), LabelFailures("route", "/chat", 80, 920)], 4.0)
    z = stats.norm.isf(found[0].p_value / 2)
    assert inflated[0].p_value == pytest.approx(2 * stats.norm.sf(z / 2))


def test_all_values_are_corrected_together() -> None:
    rows = [LabelFailures("tenant", f"t{i}", 3 + 5 * (i == 0), 47) for i in range(8)]
    total = whole(sum(r.failed for r in rows), sum(r.judged for r in rows))
    found = label_failures([total, *rows], 1.0)
    others = [(total.failed - r.failed, total.judged - r.judged) for r in rows]
    alone = [stats.fisher_exact([[r.failed, r.judged], o]).pvalue for r, o in zip(rows, others, strict=True)]
    assert found[0].value == "t0"
    assert found[0].p_value == pytest.approx(min(holm(alone)))


def test_where_nothing_failed_there_is_nothing_to_part() -> None:
    assert label_failures([], 1.0) == ()
    assert label_failures([whole(0, 100), LabelFailures("a", "b", 0, 50)], 1.0) == ()


def test_a_value_that_all_pairs_have_is_no_difference() -> None:
    (row,) = label_failures([whole(5, 95), LabelFailures("route", "/", 5, 95)], 1.0)
    assert (row.p_value, row.elsewhere) == (1.0, 0.0)


def test_only_the_surest_are_shown() -> None:
    rows = [LabelFailures("tenant", f"t{i:02}", i % 5, 20) for i in range(60)]
    found = label_failures([whole(sum(r.failed for r in rows), 1200), *rows], 1.0)
    assert len(found) == MOST_ROWS
    assert [r.p_value for r in found] == sorted(r.p_value for r in found)


def test_failures_spread_evenly_are_rarely_called_uneven() -> None:
    """100 seeded draws with 5 % failures in 20 values: below 0.0005 after Holm's correction almost never."""
    rng = np.random.default_rng(3)
    alarms = 0
    for _ in range(100):
        failed = rng.binomial(100, 0.05, 20)
        rows = [LabelFailures("tenant", str(i), int(f), 100 - int(f)) for i, f in enumerate(failed)]
        found = label_failures([whole(int(failed.sum()), 2000 - int(failed.sum())), *rows], 1.0)
        alarms += bool(found) and found[0].p_value < 0.0005
    assert alarms <= 1


def figures(unjudged: int, weight: float, *rows: LabelFailures) -> QualityFigures:
    """1,000 judged pairs that each stand for two."""
    judged = [One(1.0, w=2.0, block=i % 20, bucket=i % 40) for i in range(1000)]
    return QualityFigures(
        "helpfulness@12345678",
        judges=(JudgeFigures("a", failures=(("timeout", 1), ("unparsable", max(unjudged - 1, 0)))),),
        corrections=(correction([], judged, [One(0.0)] * 50),),
        unjudged=unjudged,
        unjudged_weight=weight,
        failures=rows,
    )


def test_the_share_counts_what_pairs_stand_for() -> None:
    """40 that stand for 100, beside 1,000 that stand for 2,000; settled pairs were not asked about."""
    assert unjudged_share(figures(40, 100.0)) == pytest.approx(100 / 2100)
    assert unjudged_share(QualityFigures("r")) is None
    assert unjudged_share(QualityFigures("r", unjudged=3, unjudged_weight=6.0)) == 1.0


def test_more_than_one_in_a_hundred_is_a_warning() -> None:
    (said,) = warnings(figures(40, 100.0), 1.0)
    assert said == (
        "judges failed for good on 40 pairs (4.76 %, most often unparsable): for these the worst is assumed"
    )
    assert list(warnings(figures(5, 15.0), 1.0)) == []
    (all_failed,) = warnings(QualityFigures("r", unjudged=3, unjudged_weight=6.0), 1.0)
    assert "3 pairs (100 %)" in all_failed


def test_failures_that_differ_by_label_are_a_warning() -> None:
    rows = (whole(12, 1000), LabelFailures("tenant", "acme", 12, 88), LabelFailures("tenant", "globex", 0, 912))
    (said,) = warnings(figures(5, 10.0, *rows), 1.0)
    assert said == ("what judges fail on differs by label: tenant=acme has 12 % failures, the other pairs 0 %")
