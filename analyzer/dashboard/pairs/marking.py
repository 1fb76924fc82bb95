"""Two answers side by side: texts in blocks, with the words marked that the other one has not."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

from analyzer.dashboard.pairs.alignment import aligned
from analyzer.dashboard.visible import Block
from analyzer.text_metrics.tokens import LETTERS_ALONE

MARKED_FROM = 0.3
"""Share of words that two texts have in common from which marks help; below, nearly everything would be marked."""
_LAST_MARK = 0x1FFFF


class Run(NamedTuple):
    """A stretch of text."""

    text: str
    is_only_here: bool
    """The other text has no such words in this place."""


@dataclass(frozen=True, slots=True)
class MarkedBlock:
    """A stretch of one kind, as `visible.Block` has them."""

    kind: Literal["prose", "code", "cut"]
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Marked:
    """One text."""

    blocks: tuple[MarkedBlock, ...]
    only_here: int
    """Words that the other text has not."""
    compared: int | None
    """Words that were compared; None: all."""


@dataclass(frozen=True, slots=True)
class Both:
    """Two texts."""

    left: Marked
    right: Marked
    alike: float | None
    """Share of words that they have in common, 0 to 1, of the longer one; None: neither has any."""

    @property
    def is_same(self) -> bool:
        """Word for word, as far as they were compared; blanks may differ."""
        return not any(run.is_only_here for side in (self.left, self.right) for b in side.blocks for run in b.runs)

    @property
    def is_worth_marking(self) -> bool:
        """Do marks help who reads?"""
        return self.alike is not None and self.alike >= MARKED_FROM


class _Word(NamedTuple):
    block: int
    begin: int
    end: int
    text: str


def marked(left: Sequence[Block], right: Sequence[Block]) -> Both:
    """Both texts with marks; what was cut out of a text is compared with nothing."""
    words = [list(_words(blocks)) for blocks in (left, right)]
    texts = [[word.text for word in side] for side in words]
    found = aligned(texts[0], texts[1])
    only: list[set[int]] = [set(range(found.left)), set(range(found.right))]
    for same in found.same:
        only[0].difference_update(range(same.left, same.left + same.length))
        only[1].difference_update(range(same.right, same.right + same.length))
    longer = max(found.left, found.right)
    sides = [
        Marked(
            _blocks(blocks, own, marks),
            sum(own[i].text[:1].isalnum() for i in marks),
            compared if compared < len(own) else None,
        )
        for blocks, own, marks, compared in zip((left, right), words, only, (found.left, found.right), strict=True)
    ]
    return Both(sides[0], sides[1], found.common / longer if longer else None)


def unmarked(blocks: Sequence[Block]) -> Marked:
    """A text that there is nothing to compare with."""
    return Marked(tuple(MarkedBlock(block.kind, (Run(block.text, is_only_here=False),)) for block in blocks), 0, None)


def _words(blocks: Sequence[Block]) -> Iterator[_Word]:
    for number, block in enumerate(blocks):
        if block.kind != "cut":
            for found in _token().finditer(block.text):
                yield _Word(number, found.start(), found.end(), found[0])


def _blocks(blocks: Sequence[Block], words: Sequence[_Word], marks: set[int]) -> tuple[MarkedBlock, ...]:
    """A mark reaches over the blanks between two marked words of a block."""
    stretches: dict[int, list[tuple[int, int]]] = {}
    for i in sorted(marks):
        word = words[i]
        own = stretches.setdefault(word.block, [])
        if own and i - 1 in marks and words[i - 1].block == word.block:
            own[-1] = own[-1][0], word.end
        else:
            own.append((word.begin, word.end))
    return tuple(
        MarkedBlock(block.kind, tuple(_runs(block.text, stretches.get(number, ()))))
        for number, block in enumerate(blocks)
    )


def _runs(text: str, stretches: Sequence[tuple[int, int]]) -> Iterator[Run]:
    at = 0
    for begin, end in stretches:
        if at < begin:
            yield Run(text[at:begin], is_only_here=False)
        yield Run(text[begin:end], is_only_here=True)
        at = end
    if at < len(text):
        yield Run(text[at:], is_only_here=False)


@cache
def _token() -> re.Pattern[str]:
    """Words with their marks; in scripts without blanks single letters; signs of ASCII one by one, others in runs, so
    that no mark cuts through an emoji."""
    marks = "".join(c for c in map(chr, range(_LAST_MARK + 1)) if unicodedata.category(c).startswith("M"))
    letter = rf"[^\W_{LETTERS_ALONE}]"
    word = rf"{letter}++(?:[{marks}'’]++{letter}++)*+[{marks}]*+"
    return re.compile(rf"{word}|[^\W_][{marks}]*+|[!-/:-@\[-`{{-~]|[^\s\w!-~]++")
