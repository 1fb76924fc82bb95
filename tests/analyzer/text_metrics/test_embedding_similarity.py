"""The cosine of two embeddings."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.text_metrics.embedding_similarity import EMBEDDING_SIMILARITY, cosine
from tests.analyzer.text_metrics.making import alike

component = st.floats(-1e3, 1e3).filter(lambda x: x == 0 or abs(x) > 1e-3)
pairs = st.integers(1, 40).flatmap(lambda n: st.tuples(*[st.lists(component, min_size=n, max_size=n)] * 2))


@settings(deadline=None)
@given(pairs)
def test_it_is_numpys(vectors: tuple[list[float], list[float]]) -> None:
    first, second = (np.array(vector) for vector in vectors)
    sizes = float(np.linalg.norm(first) * np.linalg.norm(second))
    found = cosine(*vectors)
    if sizes == 0:
        assert found is None
    else:
        assert found is not None
        assert found == pytest.approx(float(first @ second) / sizes, abs=1e-12)
        assert -1 <= found <= 1


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((1, 0), (0, 2), 0.0),
        ((1, 1), (3, 3), 1.0),
        ((1, 2), (-1, -2), -1.0),
        ((1, 0), (1, 1), math.sqrt(0.5)),
        ((1e300, 1e300), (1e300, 0.0), math.sqrt(0.5)),
        ((1e-300, 1e-300), (1e-300, 0.0), math.sqrt(0.5)),
    ],
)
def test_angles_that_are_known(first: tuple[float, ...], second: tuple[float, ...], expected: float) -> None:
    assert EMBEDDING_SIMILARITY.score_vectors is not None
    assert EMBEDDING_SIMILARITY.score_vectors(first, second) == alike(expected)


@pytest.mark.parametrize(
    ("first", "second"),
    [((), ()), ((0, 0), (1, 0)), ((1, 0), (1,)), ((math.nan, 1), (1, 1)), ((math.inf, 1), (1, 1))],
)
def test_what_is_no_direction_has_no_cosine(first: tuple[float, ...], second: tuple[float, ...]) -> None:
    assert EMBEDDING_SIMILARITY.score_vectors is not None
    assert EMBEDDING_SIMILARITY.score_vectors(first, second) is None
