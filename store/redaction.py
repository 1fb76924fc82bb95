"""Takes personal data and secrets out of texts before they are stored.

Patterns find what has a form (addresses, numbers, keys), not what has a meaning (names, illnesses).

Nearly every text holds nothing of the kind, so each rule begins with a question that costs little: could there be
anything in here at all?
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from config.model import Privacy

# Every repetition is bounded, or gives nothing back, and begins at a word's start: a text costs a few passes.
_EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
# A run that may hold a card or telephone number: everything else about numbers happens inside such runs.
# `[+(]{0,2}` before the first digit, written so that the search can look for one set of characters.
_RUN = r"[+(\d](?:(?<=\d)|(?<=[+(])[+(]?\d)[\d ().\-/]{5,}\d"
_NUMBERS = re.compile(_RUN)
_ASCII_NUMBERS = re.compile(_RUN, re.ASCII)
_CARD = re.compile(r"(?<![\d.])(?:\d[ -]?){12,18}\d(?!\d)")
_PHONE = re.compile(
    r"(?:^|(?<=[ (/]))(?:"
    r"(?:\+|00)\d[\d ().\-/]{6,18}\d"  # international
    r"|(?:1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}"  # North America
    r"|0\d{1,4}[ /-]\d{2,4}(?:[ -]?\d{2,4}){1,3}"  # national, with a leading 0
    r"|0\d{9,10}"
    r")(?=$|[ )./])"
)
_SHORTEST_KEY = 16
_FEWEST_DIGITS = 8
"""Of a telephone number; a card has more."""
_FEWEST_ZEROS = b"0" * _FEWEST_DIGITS
_SIGNS_OF_RUNS = b"+ ().-/"
_ZEROS_FOR_DIGITS = bytes(48 if 48 <= byte < 58 else 120 for byte in range(256))
_KEYS: tuple[tuple[str, str], ...] = (
    ("sk-", r"\bsk-[A-Za-z0-9_-]{16,256}"),
    ("_live_", r"\b[prs]k_live_[A-Za-z0-9]{10,256}"),
    ("_test_", r"\b[prs]k_test_[A-Za-z0-9]{10,256}"),
    ("AKIA", r"\bAKIA[0-9A-Z]{16}\b"),
    ("ASIA", r"\bASIA[0-9A-Z]{16}\b"),
    ("gh", r"\bgh[pousr]_[A-Za-z0-9]{20,256}"),
    ("github_pat_", r"\bgithub_pat_[A-Za-z0-9_]{20,256}"),
    ("glpat-", r"\bglpat-[A-Za-z0-9_-]{16,256}"),
    ("xox", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,256}"),
    ("AIza", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("hf_", r"\bhf_[A-Za-z0-9]{20,256}"),
    ("gsk_", r"\bgsk_[A-Za-z0-9]{20,256}"),
    ("xai-", r"\bxai-[A-Za-z0-9]{20,256}"),
    # What begins like a token and is none is taken whole and left as it is, so that nothing in it is tried again.
    ("eyJ", r"\beyJ[A-Za-z0-9_-]{8,}+(\.eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+)?+"),
    ("earer ", r"(?<=[Bb]earer )[A-Za-z0-9._~+/-]{16,8192}=*"),
    (
        "PRIVATE KEY",
        r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[A-Za-z0-9+/=\s]{0,8192}(?:-----END [A-Z ]{0,32}KEY-----)?",
    ),
)
_API_KEYS = tuple((mark, re.compile(pattern)) for mark, pattern in _KEYS)
# Each begins with one character that texts seldom hold; together they see every mark of `_KEYS`.
_KEY_SIGNS = (
    re.compile(r"_(?:(?<=_live_)|(?<=_test_)|(?<=gh[pousr]_)|(?<=github_pat_)|(?<=hf_)|(?<=gsk_))").search,
    re.compile(r"-(?:(?<=sk-)|(?<=xai-)|(?<=glpat-)|(?<=xox[abeoprs]-)|(?<=PRIVATE KEY-))").search,
    re.compile(r"I(?:(?<=AKI)A|(?<=ASI)A|(?<=AI)za)").search,
    re.compile(r"J(?<=eyJ)").search,
)
_KEY_WORD = "earer "
MAX_REMEMBERED = 4096
_SHORT = 32
"""Characters of a text that is remembered as clean: names of fields and roles come again in every request."""


class _Rule(NamedTuple):
    """What takes one kind of thing out."""

    may_hold: Callable[[str], bool]
    """False only where `cleaned` changes neither this text nor any part of it."""
    cleaned: Callable[[str], str]


class TextRedactor:
    """Applies the rules of `privacy.redact`, in this order: keys, addresses, cards, phones, own patterns."""

    def __init__(self, rules: Sequence[str]) -> None:
        self._cards = "credit_card" in rules
        known: tuple[tuple[bool, _Rule], ...] = (
            ("api_key" in rules, _Rule(_may_hold_key, _without_keys)),
            ("email" in rules, _Rule(_may_hold_email, _without_emails)),
            (self._cards or "phone" in rules, _numbers(cards=self._cards, phones="phone" in rules)),
        )
        self._rules = [rule for is_on, rule in known if is_on]
        self._rules += [_own(re.compile(r.removeprefix("regex:"))) for r in rules if r.startswith("regex:")]
        self._clean: set[str] = set()

    def text(self, text: str) -> str:
        """The text, with every match replaced by its kind in brackets."""
        if text in self._clean:
            return text
        clean = text
        for may_hold, cleaned in self._rules:
            if may_hold(clean):
                clean = cleaned(clean)
        if len(text) <= _SHORT and clean == text:
            if len(self._clean) >= MAX_REMEMBERED:
                self._clean.clear()
            self._clean.add(text)
        return clean


def text_cleaner(privacy: Privacy) -> Callable[[str], str]:
    """What makes of a text what `privacy` lets the store keep; nothing, where no texts may be kept."""
    if privacy.bodies == "none":
        return lambda _: ""
    return TextRedactor(privacy.redact if privacy.bodies == "redacted" else ()).text


def _may_hold_email(text: str) -> bool:
    return "@" in text


def _without_emails(text: str) -> str:
    return _EMAIL.sub("[email]", text)


def _may_hold_key(text: str) -> bool:
    if len(text) < _SHORTEST_KEY:
        return False
    for is_there in _KEY_SIGNS:
        if is_there(text):
            return True
    return _KEY_WORD in text


def _without_keys(text: str) -> str:
    for mark, pattern in _API_KEYS:
        if mark in text:
            text = pattern.sub(_without_key, text)
    return text


def _without_key(match: re.Match[str]) -> str:
    return match[0] if match.re.groups and match[1] is None else "[api_key]"


def _numbers(*, cards: bool, phones: bool) -> _Rule:
    """Cards before telephones: a card's digits may look like a telephone's."""

    def replaced(match: re.Match[str]) -> str:
        run = match[0]
        if sum(map(str.isdigit, run)) < _FEWEST_DIGITS:
            return run
        if cards:
            run = _CARD.sub(lambda m: "[credit_card]" if is_card(m[0]) else m[0], run)
        if phones and not _is_part_of_word(match):
            run = _PHONE.sub(lambda m: "[phone]" if _FEWEST_DIGITS <= sum(map(str.isdigit, m[0])) <= 15 else m[0], run)
        return run

    def is_suspicious(match: re.Match[str]) -> bool:
        # What stands around a run does not count here: in a document it may be a quote or an escape.
        return (cards and _CARD.search(match[0]) is not None) or (phones and _PHONE.search(match[0]) is not None)

    def may_hold(text: str) -> bool:
        if len(text) < _FEWEST_DIGITS or (text.isascii() and not _has_digits_in_a_row(text)):
            return False
        return any(map(is_suspicious, _runs(text).finditer(text)))

    return _Rule(may_hold, lambda text: _runs(text).sub(replaced, text))


def _has_digits_in_a_row(text: str) -> bool:
    """Are there as many digits as a telephone number has, with nothing but a run's other signs between them?"""
    return _FEWEST_ZEROS in text.encode().translate(_ZEROS_FOR_DIGITS, _SIGNS_OF_RUNS)


def _runs(text: str) -> re.Pattern[str]:
    """Both find the same in an ASCII text, one of them faster."""
    return _ASCII_NUMBERS if text.isascii() else _NUMBERS


def _is_part_of_word(match: re.Match[str]) -> bool:
    """`v1.0.2024-0131` and `a12345678b` are names, not telephones."""
    text, start, end = match.string, match.start(), match.end()
    before, behind = text[start - 1 : start], text[end : end + 1]
    return before.isalnum() or before in {"_", "."} or behind.isalnum() or behind == "_"


def _own(pattern: re.Pattern[str]) -> _Rule:
    return _Rule(lambda text: True, lambda text: pattern.sub("[redacted]", text))


def is_card(text: str) -> bool:
    """13 to 19 digits that pass the Luhn check (ISO/IEC 7812-1, annex B)."""
    digits = [int(c) for c in text if c.isdigit()]
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [d * 2 - 9 if d > 4 else d * 2 for d in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
