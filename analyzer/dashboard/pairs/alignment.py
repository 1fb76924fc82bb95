"""The words that two texts have in common, in their order: a longest common subsequence, made fit to be looked at.

The table of the textbook is kept one bit per cell, a row per integer (Hyyrö 2004, "Bit-parallel LCS-length computation
revisited"), so that ten thousand words on either side take a blink and bounded memory. What is common but lies
scattered between changes ("the", a comma) is then taken for changed: a text with every second word marked says
nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

MAX_WORDS = 10_000
"""Of each text, behind what both begin with; later ones are not compared."""
_ISLAND_WORDS = 2
"""So few common words between larger changes are no help to who reads."""


@dataclass(frozen=True, slots=True)
class Same:
    """Words that are the same on both sides."""

    left: int
    """Number of the first one on the left."""
    right: int
    length: int


@dataclass(frozen=True, slots=True)
class Alignment:
    """What two lists of words have in common."""

    same: tuple[Same, ...]
    """In order; between them lies what is different."""
    left: int
    """Words of the left side that were compared: the first so many."""
    right: int
    common: int
    """Words of the longest common subsequence, scattered ones among them."""


def aligned(left: Sequence[str], right: Sequence[str], max_words: int = MAX_WORDS) -> Alignment:
    """What both have in common; work and memory grow with at most `max_words` squared over 64."""
    shorter = min(len(left), len(right))
    head = 0
    while head < shorter and left[head] == right[head]:
        head += 1
    tail = 0
    while tail < shorter - head and left[-1 - tail] == right[-1 - tail]:
        tail += 1
    mid_left, mid_right = left[head : len(left) - tail], right[head : len(right) - tail]
    is_cut = max(len(mid_left), len(mid_right)) > max_words
    if is_cut:
        mid_left, mid_right, tail = left[head : head + max_words], right[head : head + max_words], 0
    found = [(head + i, head + j) for i, j in _common(mid_left, mid_right)]
    runs = [Same(0, 0, head)] if head else []
    runs += _runs(found)
    if tail:
        runs.append(Same(len(left) - tail, len(right) - tail, tail))
    compared_left = head + len(mid_left) if is_cut else len(left)
    compared_right = head + len(mid_right) if is_cut else len(right)
    return Alignment(
        tuple(_without_islands(_merged(runs), left[:compared_left], right[:compared_right])),
        compared_left,
        compared_right,
        head + len(found) + tail,
    )


def _common(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """Places of a longest common subsequence."""
    if not left or not right:
        return []
    places: dict[str, int] = {}
    for i, word in enumerate(left):
        places[word] = places.get(word, 0) | 1 << i
    whole = (1 << len(left)) - 1
    # A bit of a row is 0 where the longest common subsequence grows by one at that word of the left side.
    rows = [whole]
    for word in right:
        row = rows[-1]
        matched = row & places.get(word, 0)
        rows.append((row + matched | row - matched) & whole)
    found = []
    i, j = len(left), len(right)
    while i and j:
        if rows[j] >> i - 1 & 1:
            i -= 1
        elif not rows[j - 1] >> i - 1 & 1:
            j -= 1
        else:
            i, j = i - 1, j - 1
            found.append((i, j))
    return found[::-1]


def _runs(places: Sequence[tuple[int, int]]) -> list[Same]:
    runs: list[Same] = []
    for i, j in places:
        last = runs[-1] if runs else None
        if last is not None and (last.left + last.length, last.right + last.length) == (i, j):
            runs[-1] = Same(last.left, last.right, last.length + 1)
        else:
            runs.append(Same(i, j, 1))
    return runs


def _merged(runs: Sequence[Same]) -> list[Same]:
    """Neighbours with nothing between them become one."""
    merged: list[Same] = []
    for run in runs:
        last = merged[-1] if merged else None
        if last is not None and (last.left + last.length, last.right + last.length) == (run.left, run.right):
            merged[-1] = Same(last.left, last.right, last.length + run.length)
        else:
            merged.append(run)
    return merged


def _without_islands(runs: Sequence[Same], left: Sequence[str], right: Sequence[str]) -> list[Same]:
    """Leaves out one or two words that lie between changes which are both at least as long.

    The rule is that of the semantic clean-up in Google's diff-match-patch, for short runs only.
    """
    lengths = tuple([0, *accumulate(map(len, words))] for words in (left, right))

    def gap(before: Same | None, after: Same) -> int:
        """Characters between two runs, of the longer side."""
        begins = (0, 0) if before is None else (before.left + before.length, before.right + before.length)
        ends = (after.left, after.right)
        return max(of[end] - of[begin] for of, begin, end in zip(lengths, begins, ends, strict=True))

    kept: list[Same] = []
    for number, run in enumerate(runs):
        following = runs[number + 1] if number + 1 < len(runs) else Same(len(left), len(right), 0)
        words = sum(word[:1].isalnum() for word in left[run.left : run.left + run.length])
        size = lengths[0][run.left + run.length] - lengths[0][run.left]
        if words > _ISLAND_WORDS or size > min(gap(kept[-1] if kept else None, run), gap(run, following)):
            kept.append(run)
    return kept
