"""Unicode normal forms of texts from strangers, in a time that grows with their length and no faster.

The library sorts each run of combining marks in place, which takes the square of the run's length: 80,000 marks take
seconds. Here such a run is cut. A text that holds one keeps its meaning, but two spellings of it may stay apart; no two
texts are made equal that are not.
"""

import re
import unicodedata
from typing import Final, Literal

MAX_PIECE_CHARS: Final = 256
"""Normalised at once. No word has so many characters between two signs that begin something new."""
# ASCII stays as it is, but its last character may take the mark behind it.
_STRETCH: Final = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+")
# In front of CJK punctuation a text can be cut: it joins nothing that stands before it.
_SEAM: Final = re.compile("(?=[\u3001-\u3029])")


def normal_form(text: str, form: Literal["NFC", "NFKC"]) -> str:
    """The text in a normal form of Unicode (UAX 15), but for runs of marks that no writing has."""
    if text.isascii():
        return text
    return _STRETCH.sub(lambda stretch: _normalised(stretch[0], form), text)


def _normalised(stretch: str, form: Literal["NFC", "NFKC"]) -> str:
    if len(stretch) <= MAX_PIECE_CHARS:
        return unicodedata.normalize(form, stretch)
    return "".join(
        unicodedata.normalize(form, piece[start : start + MAX_PIECE_CHARS])
        for piece in _SEAM.split(stretch)
        for start in range(0, len(piece), MAX_PIECE_CHARS)
    )
