"""How many tokens a text has, about: one documented rule for every model, so that two arms are counted alike.

Tokenizers differ and are not public for most models; what they share is that a word of English is mostly one token,
digits come in small groups, and scripts other than Latin cost some tokens per character. The rule counts classes of
characters, in hundredths of a token:

- 105 for a blank and 160 for a line end; two blanks side by side cost nothing (indentation is hardly a token however
  deep it is), two line ends cost as much as one, and a text with letters has one word more than it has gaps: 100
- 25 for a capital, 63 for a digit, 50 for any other ASCII character that is no letter
- 20 for each letter beyond six per word: long words are cut
- beyond ASCII, for a character: accented Latin 60, Greek, Cyrillic, Hebrew and Arabic 20, Indic and other scripts of
  Asia 60, signs and quotes 120, Chinese and Japanese 90, Korean 45, anything beyond the basic plane (emoji) 220

The weights of ASCII were fitted by least squares to recorded totals of English texts counted by GPT-4's tokenizer; the
others are round numbers that nothing recorded could check. `docs/tokens.md` has the errors.
"""

from typing import Final

_CAPITALS: Final = bytes(range(65, 91))
_SMALL: Final = bytes(range(97, 123))
_DIGITS: Final = b"0123456789"
_ASCII: Final = bytes(range(128))
_NOT_ASCII: Final = bytes(range(128, 256))
_SCRIPTS: Final = (
    (bytes(range(0xC2, 0xCA)), 60),  # accented Latin, IPA
    (bytes(range(0xCA, 0xE0)), 20),  # Greek, Cyrillic, Hebrew, Arabic
    (b"\xe0\xe1", 60),  # Indic, Thai, Georgian, Ethiopic
    (b"\xe2\xee\xef", 120),  # quotes, dashes, signs
    (bytes(range(0xE3, 0xEA)), 90),  # kana, Han
    (bytes(range(0xEA, 0xEE)), 45),  # Hangul
    (bytes(range(0xF0, 0xF5)), 220),  # emoji, rare Han
)
"""First bytes of UTF-8 sequences, and what a character that begins so weighs."""
_BLANK: Final = 105
_LINE_END: Final = 160
_CAPITAL: Final = 25
_DIGIT: Final = 63
_SIGN: Final = 50
_LONG: Final = 20
_LETTERS_PER_WORD: Final = 6
_WORD: Final = 100


def weight_of(text: str) -> int:
    """Hundredths of a token; 0 for an empty text. Linear, some microseconds per kB."""
    if not text:
        return 0
    plain, weight = text.encode("utf-8", "replace"), 0
    if not text.isascii():
        weight = _beyond_ascii(plain)
        plain = plain.translate(None, _NOT_ASCII)
    count = plain.count
    blanks, lines = count(b" "), count(b"\n")
    single_blanks = blanks - 2 * count(b"  ")
    single_lines = lines - count(b"\n\n")
    size = len(plain)
    # Most of a text is small letters: without them the rest is soon looked through.
    rest = plain.translate(None, _SMALL)
    capitals = len(rest) - len(rest.translate(None, _CAPITALS))
    digits = len(rest) - len(rest.translate(None, _DIGITS))
    letters = size - len(rest) + capitals
    words = single_blanks + single_lines + 1
    weight += _BLANK * single_blanks + _LINE_END * single_lines + (_WORD if letters else 0)
    weight += _CAPITAL * capitals + _DIGIT * digits + _SIGN * (size - letters - digits - blanks - lines)
    return weight + _LONG * max(0, letters - _LETTERS_PER_WORD * words)


def _beyond_ascii(data: bytes) -> int:
    others = data.translate(None, _ASCII)
    size = len(others)
    return sum(weight * (size - len(others.translate(None, firsts))) for firsts, weight in _SCRIPTS)


def tokens_of(weight: int) -> int:
    """Whole tokens of a weight: rounded, and at least one where there is anything."""
    return max(1, (weight + 50) // 100) if weight > 0 else 0
