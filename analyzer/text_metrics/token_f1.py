"""Token F1: how many words two answers have in common, whatever their order (Rajpurkar et al. 2016, SQuAD)."""

from collections import Counter
from collections.abc import Sequence

from analyzer.text_metrics.declared import Scores, TextMetric, Texts


def token_f1(first: Sequence[str] | None, second: Sequence[str] | None) -> float | None:
    """2 * common / (words of both), words counted as often as they stand there; symmetric.

    Args:
        first: tokens of one text (`tokens.tokens`); None: unknown.
        second: of the other.

    Returns:
        0 to 1; None where one is unknown, or neither text has a word.
    """
    if first is None or second is None or not (first or second):
        return None
    common = (Counter(first) & Counter(second)).total()
    return 2 * common / (len(first) + len(second))


def _score(texts: Texts) -> Scores | None:
    found = token_f1(texts.primary_tokens, texts.candidate_tokens)
    return None if found is None else Scores(None, found)


TOKEN_F1 = TextMetric(
    "token_f1",
    "words in common (token F1)",
    "share",
    "higher",
    joint=True,
    kind="mean",
    margin=0.05,
    score=_score,
    bounds=(0.0, 1.0),
)
