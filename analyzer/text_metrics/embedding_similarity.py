"""Similarity of meaning: the cosine of two embeddings. Who scores gets the vectors (an endpoint makes them)."""

import math

from analyzer.text_metrics.declared import Scores, TextMetric, Vector


def cosine(first: Vector, second: Vector) -> float | None:
    """Cosine of the angle between two vectors.

    Returns:
        -1 to 1; None where their lengths differ, one is 0 throughout, or a component is not finite.
    """
    if len(first) != len(second):
        return None
    sizes = math.hypot(*first), math.hypot(*second)
    if not all(math.isfinite(size) and size > 0 for size in sizes):
        return None
    # Each by its own size first: products of large components would not be finite.
    found = math.fsum(a / sizes[0] * (b / sizes[1]) for a, b in zip(first, second, strict=True))
    return min(1.0, max(-1.0, found))


def _score(primary: Vector, candidate: Vector) -> Scores | None:
    found = cosine(primary, candidate)
    return None if found is None else Scores(None, found)


EMBEDDING_SIMILARITY = TextMetric(
    "embedding_similarity",
    "alike in meaning (embeddings)",
    "cosine",
    "higher",
    joint=True,
    kind="mean",
    margin=0.02,
    score_vectors=_score,
    bounds=(-1.0, 1.0),
)
