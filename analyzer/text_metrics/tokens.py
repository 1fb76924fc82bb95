"""A text as words: without case and punctuation, in any script.

Letters, digits and the marks that belong to them make a word. In scripts that put no spaces between words (Chinese,
Japanese, Thai, Lao, Khmer, Burmese) each letter stands for itself, as in the mixed segmentation of MLQA (Lewis et al.
2020): with a whole sentence as one word, no two texts that differ would have anything in common.
"""

import re
import unicodedata
from functools import cache

from analyzer.normal_form import normal_form

MAX_CHARS = 400_000
"""More than is kept of an answer whole; a bound on the work that a hostile text can make."""
LETTERS_ALONE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua9e0-\ua9ff\uaa60-\uaa7f\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U000323af"
)
"""Scripts whose letters stand for themselves."""
_ASCII_WORD = re.compile("[0-9a-z]+")
_LAST_MARK = 0x1FFFF
"""Beyond are variation selectors only."""


def tokens(text: str) -> tuple[str, ...] | None:
    """Words in their order; equal under compatible forms and case (NFKC, then case folding).

    Returns:
        None: the text is longer than `MAX_CHARS`, or becomes so (one sign may stand for a sentence).
    """
    if len(text) > MAX_CHARS:
        return None
    if text.isascii():  # the same as below, four times as fast
        return tuple(_ASCII_WORD.findall(text.lower()))
    plain = normal_form(text, "NFKC").casefold()
    return None if len(plain) > MAX_CHARS else tuple(_word().findall(plain))


@cache
def _word() -> re.Pattern[str]:
    """Python's `\\w` knows no marks: without them the words of Hindi or Tamil would fall apart."""
    marks = "".join(c for c in map(chr, range(_LAST_MARK + 1)) if unicodedata.category(c).startswith("M"))
    letters = rf"[^\W_{LETTERS_ALONE}]"
    return re.compile(rf"{letters}+(?:[{marks}]+{letters}*)*|[^\W_][{marks}]*")
