"""ROUGE-L: how many words two answers have in common in the same order (Lin 2004, ROUGE, section 3.1).

The F-measure (beta = 1) of the longest common subsequence over the whole text. The length of that subsequence is found
with the bits of whole numbers, one word of one text against all words of the other at once (Hyyro 2004, "Bit-parallel
LCS-length computation revisited").
"""

from collections.abc import Sequence

from analyzer.text_metrics.declared import Scores, TextMetric, Texts

MAX_TOKENS = 16_000
"""Of each text, some 90 kB of prose: the work grows with the product of both, and so much takes 20 ms."""


def rouge_l(first: Sequence[str] | None, second: Sequence[str] | None) -> float | None:
    """2 * common / (words of both); symmetric.

    Args:
        first: tokens of one text (`tokens.tokens`); None: unknown.
        second: of the other.

    Returns:
        0 to 1; None where one is unknown or longer than `MAX_TOKENS`, or neither text has a word.
    """
    if first is None or second is None or not (first or second) or max(len(first), len(second)) > MAX_TOKENS:
        return None
    return 2 * common_in_order(first, second) / (len(first) + len(second))


def common_in_order(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence. Time: O(words of both, multiplied, / 64)."""
    places: dict[str, int] = {}
    for place, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << place
    everywhere = (1 << len(first)) - 1
    unmatched = everywhere
    for word in second:
        here = places.get(word)
        if here is not None:
            step = unmatched & here
            unmatched = (unmatched + step | unmatched - step) & everywhere
    return len(first) - unmatched.bit_count()


def _score(texts: Texts) -> Scores | None:
    found = rouge_l(texts.primary_tokens, texts.candidate_tokens)
    return None if found is None else Scores(None, found)


ROUGE_L = TextMetric(
    "rouge_l",
    "words in common, in order (ROUGE-L)",
    "share",
    "higher",
    joint=True,
    kind="mean",
    margin=0.05,
    score=_score,
    bounds=(0.0, 1.0),
)
