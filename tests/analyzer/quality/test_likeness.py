"""Are labelled pairs like the others, as far as judges tell?"""

import numpy as np
import pytest
from scipy import stats

from analyzer.quality.likeness import LEAST_PAIRS, likeness
from tests.analyzer.quality.making import One, correction


def pairs(rng: np.random.Generator, n: int, mean: float, *, labelled: bool) -> list[One]:
    values = rng.normal(mean, 1.0, n).tolist()
    places = zip(rng.integers(1, 100, n).tolist(), rng.integers(0, 256, n).tolist(), strict=True)
    return [
        One(0.0 if labelled else v, v if labelled else 0.0, 1.0, block, bucket)
        for v, (block, bucket) in zip(values, places, strict=True)
    ]


def test_two_independent_samples_are_compared_as_by_welch() -> None:
    rng = np.random.default_rng(1)
    labelled, judged = pairs(rng, 400, 0.2, labelled=True), pairs(rng, 3000, 0.0, labelled=False)
    found = likeness(correction(labelled, judged))
    assert found is not None
    expected = stats.ttest_ind([p.b for p in labelled], [p.a for p in judged], equal_var=False)
    assert (found.labelled, found.others) == pytest.approx(
        (np.mean([p.b for p in labelled]), np.mean([p.a for p in judged]))
    )
    assert np.log10(found.p_value) == pytest.approx(np.log10(expected.pvalue), abs=1.0)


def test_labels_drawn_at_random_are_rarely_suspected() -> None:
    """150 seeded draws: p-values are spread evenly, within three standard errors at 5 %."""
    p_values = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        made = correction(pairs(rng, 150, 0.1, labelled=True), pairs(rng, 900, 0.1, labelled=False))
        found = likeness(made)
        assert found is not None
        p_values.append(found.p_value)
    assert np.mean(np.array(p_values) < 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)
    assert all(p > 0.0005 for p in p_values)


def test_turns_of_a_few_conversations_are_not_many_pairs() -> None:
    """All labels from ten conversations that share their verdict: what looks different is chance."""
    rng = np.random.default_rng(5)
    labelled = [One(0.0, float(i % 10 < 6), 1.0, 1 + i % 10, i % 10) for i in range(300)]
    found = likeness(correction(labelled, pairs(rng, 3000, 0.2, labelled=False)))
    assert found is not None
    assert found.is_alike
    apart = [One(0.0, float(i % 10 < 6), 1.0, 1 + i % 90, i % 250) for i in range(300)]
    sure = likeness(correction(apart, pairs(rng, 3000, 0.2, labelled=False)))
    assert sure is not None
    assert not sure.is_alike


def test_weights_are_those_of_the_draw() -> None:
    labelled = [One(0.0, float(i % 2), 1.0 + 3 * (i % 2), 1 + i % 9, i % 40) for i in range(100)]
    judged = [One(float(i % 2), 0.0, 1.0, 1 + i % 9, i % 40) for i in range(100)]
    found = likeness(correction(labelled, judged))
    assert found is not None
    assert (found.labelled, found.others) == (0.8, 0.5)


def test_few_pairs_or_none_that_vary_say_nothing() -> None:
    few = [One(0.0, 1.0, 1.0, i, i) for i in range(LEAST_PAIRS - 1)]
    many = [One(0.5, 0.0, 1.0, i, i % 200) for i in range(500)]
    assert likeness(correction(few, many)) is None
    assert likeness(correction([], many)) is None
    assert likeness(correction([*few, *few])) is None
    alike = [One(0.0, 0.5, 1.0, i, i) for i in range(60)]
    assert likeness(correction(alike, many)) is None
