"""What is said of people: how many labels, how far they agree."""

import numpy as np
import pytest

from analyzer.quality.figures import PeopleFigures, QualityFigures
from analyzer.quality.people import agreement, among_people, people
from analyzer.stats.agreement import cohens_kappa, concordance
from tests.analyzer.quality.making import One, correction, figures


def test_patterns_are_pairs_of_people_who_said_so() -> None:
    """Two for a win in 6 pairs, one each way in 2, one alone in 5: only pairs with two people tell."""
    of = QualityFigures("r", people=PeopleFigures(3, ((2, 0, 0, 6), (1, 0, 1, 2), (0, 1, 0, 5))))
    found = people(of, 0.95)
    assert found is not None
    assert (found.pairs, found.labelers, found.p_alike) == (13, 3, None)
    assert found.among is not None
    assert (found.among.n, found.among.share, found.among.table) == (8, 0.75, None)
    expected = concordance(np.array([[0, 0, 2.0]] * 6 + [[1, 0, 1.0]] * 2))
    assert expected is not None
    assert found.among.kappa == pytest.approx(expected.kappa)


def test_nobody_labelled() -> None:
    assert people(QualityFigures("r"), 0.95) is None
    one = people(QualityFigures("r", people=PeopleFigures(1, ((1, 0, 0, 4),))), 0.95)
    assert one is not None
    assert one.among is None


def test_judges_means_on_labelled_pairs_and_others() -> None:
    labelled = [One(1.0, 0.5 + 0.1 * (i % 2), 1.0, 1 + i % 30, i % 50) for i in range(60)]
    judged = [One(0.5 + 0.1 * (i % 2), 0.0, 1.0, 1 + i % 30, i % 50) for i in range(200)]
    of = figures(correction(labelled, judged))
    found = people(QualityFigures("r", corrections=of.corrections, people=PeopleFigures(1, ((1, 0, 0, 60),))), 0.95)
    assert found is not None
    assert found.labelled_preference == pytest.approx(0.55)
    assert found.other_preference == pytest.approx(0.55)
    assert found.p_alike is not None
    assert found.p_alike > 0.9


def test_a_table_of_a_judge_and_people() -> None:
    table = ((20, 3, 7), (2, 10, 3), (5, 5, 45))
    found = agreement(table, 0.95)
    kappa = cohens_kappa(np.array(table, dtype=float))
    assert found is not None
    assert kappa is not None
    assert (found.n, found.share) == (100, 0.75)
    assert found.kappa == pytest.approx(kappa.value)
    assert found.kappa_interval == kappa.interval(0.95)
    assert agreement(((0, 0, 0),) * 3, 0.95) is None


def test_people_who_always_agree_have_an_interval_that_ends_at_one() -> None:
    found = among_people([{1: 2}, {-1: 2}, {1: 2}], 0.95)
    assert found is not None
    assert (found.share, found.share_interval.high) == (1.0, 1.0)
    assert found.kappa == pytest.approx(1.0)
