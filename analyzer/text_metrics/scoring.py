"""All metrics of texts on one pair. What cannot be scored has no score: never 0."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from analyzer.text_metrics.declared import Scores, TextMetric, Texts, Vector
from store.judging.pair import Pair

OnError = Callable[[str, Exception], None]
"""Hears (metric, what went wrong): in a plug-in, or with patterns that take too long."""


def score_pair(pair: Pair, metrics: Sequence[TextMetric], on_error: OnError) -> list[tuple[str, Scores]]:
    """(metric, scores) of those that need no vectors; a metric that knows nothing of this pair is left out.

    Takes some tenth of a millisecond for answers of some hundred words, and up to some 0.1 s for the longest.

    Args:
        pair: both arms answered; where the middle of an answer was not kept there is nothing to score.
        metrics: from `registry.text_metrics`.
        on_error: hears of metrics that fail; the others are scored all the same.
    """
    if not pair.is_whole:
        return []
    texts = Texts(pair.request, pair.primary.text, pair.answer.text, pair.primary.tool_calls, pair.answer.tool_calls)
    scorers = [(metric, metric.score) for metric in metrics]
    return list(_scored(((m, partial(score, texts)) for m, score in scorers if score is not None), on_error))


def to_embed(pair: Pair, metrics: Sequence[TextMetric]) -> tuple[str, str] | None:
    """(primary's text, candidate's text) whose embeddings are needed; None: of this pair none."""
    texts = pair.primary.text, pair.answer.text
    is_wanted = pair.is_whole and any(metric.needs_vectors for metric in metrics)
    return texts if is_wanted and all(text.strip() for text in texts) else None


def score_vectors(
    metrics: Sequence[TextMetric], primary: Vector, candidate: Vector, on_error: OnError
) -> list[tuple[str, Scores]]:
    """The same for those that need vectors: embeddings of the two texts of `to_embed`."""
    scorers = [(metric, metric.score_vectors) for metric in metrics]
    calls = ((m, partial(score, primary, candidate)) for m, score in scorers if score is not None)
    return list(_scored(calls, on_error))


def _scored(
    calls: Iterable[tuple[TextMetric, Callable[[], Scores | None]]], on_error: OnError
) -> Iterator[tuple[str, Scores]]:
    for metric, score in calls:
        try:
            found = score()
            fault = None if found is None else _fault(metric, found)
            if fault is not None:
                raise ValueError(fault)
        except Exception as error:  # noqa: BLE001 - a plug-in may fail in any way; judging goes on
            on_error(metric.name, error)
        else:
            if found is not None:
                yield metric.name, found


def _fault(metric: TextMetric, scores: Scores) -> str | None:
    """Why these cannot be scores of the metric."""
    if metric.joint != (scores.primary is None):
        return "a joint metric scores both answers as the candidate's; others score each"
    known = [score for score in (scores.primary, scores.candidate) if score is not None]
    if not all(map(math.isfinite, known)):
        return f"scored {known}: give None for what is not known"
    low, high = metric.bounds or (-math.inf, math.inf)
    return None if all(low <= score <= high for score in known) else f"scored {known}, beyond its bounds"
