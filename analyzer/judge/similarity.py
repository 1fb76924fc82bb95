"""How alike two answers are, in four steps: the strata of the draw, and of the spread that it goes by."""

from bisect import bisect_right
from typing import Final

from analyzer.text_metrics.token_f1 import token_f1
from analyzer.text_metrics.tokens import tokens
from store.judging.pair import Pair
from store.judging.survey import STRATUM_EDGES

STRATA: Final = len(STRATUM_EDGES) + 1
"""Token F1 in steps of a quarter: 0 to below 0.25, ..., 0.75 to 1."""


def similarity(pair: Pair) -> float | None:
    """Token F1 of both visible texts, as in the metric `token_f1`; None where it has none."""
    return token_f1(tokens(pair.primary.text), tokens(pair.answer.text))


def stratum(pair: Pair) -> int | None:
    """0 to 3, from answers that share nothing to such that share nearly all; None where that is unknown."""
    alike = similarity(pair)
    return None if alike is None else stratum_of(alike)


def stratum_of(token_f1_score: float) -> int:
    """The same for a score of 0 to 1."""
    return bisect_right(STRATUM_EDGES, token_f1_score)
