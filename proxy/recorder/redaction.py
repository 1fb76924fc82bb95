"""Takes personal data and secrets out of texts before they are stored.

Patterns find what has a form (addresses, numbers, keys), not what has a meaning (names, illnesses). JSON is taken apart
first, so that an escaped character hides nothing and what is stored stays JSON.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from proxy.wire.errors import WireError
from proxy.wire.json_text import read_json, well_formed

# Every repetition is bounded and begins at a word's start, so that no text costs more than a few passes.
_EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
# A run that may hold a card or telephone number: everything else about numbers happens inside such runs.
_NUMBERS = re.compile(r"[+(]{0,2}\d[\d ().\-/]{5,}\d")
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
    ("eyJ", r"\beyJ[A-Za-z0-9_-]{8,8192}\.eyJ[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{8,8192}"),
    ("earer ", r"(?<=[Bb]earer )[A-Za-z0-9._~+/-]{16,8192}=*"),
    (
        "PRIVATE KEY",
        r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[A-Za-z0-9+/=\s]{0,8192}(?:-----END [A-Z ]{0,32}KEY-----)?",
    ),
)
_API_KEYS = tuple((mark, re.compile(pattern)) for mark, pattern in _KEYS)

_Rule = Callable[[str], str]


class Redactor:
    """Applies the rules of `privacy.redact`, in this order: keys, addresses, cards, phones, own patterns."""

    def __init__(self, rules: Sequence[str]) -> None:
        self._cards = "credit_card" in rules
        known: tuple[tuple[bool, _Rule], ...] = (
            ("api_key" in rules, _api_keys),
            ("email" in rules, _emails),
            (self._cards or "phone" in rules, _numbers(cards=self._cards, phones="phone" in rules)),
        )
        self._rules = [rule for is_on, rule in known if is_on]
        self._rules += [_own(re.compile(r.removeprefix("regex:"))) for r in rules if r.startswith("regex:")]

    def text(self, text: str) -> str:
        """The text, with every match replaced by its kind in brackets."""
        for rule in self._rules:
            text = rule(text)
        return text

    def json(self, data: bytes) -> str:
        """A JSON document with its strings redacted, keys too; anything else as text."""
        try:
            value = read_json(data)
        except WireError:
            return self.text(data.decode("utf-8", "replace"))
        redacted = self._value(value)
        if redacted is value:
            return data.decode("utf-8", "replace")
        return msgspec.json.encode(redacted).decode()

    def _value(self, value: Any) -> Any:
        """The same object where nothing had to be taken out."""
        if value.__class__ is str:
            clean = self.text(well_formed(value))
            return value if clean == value else clean
        if value.__class__ is dict:
            made = {self.text(well_formed(k)): self._value(v) for k, v in value.items()}
            is_same = all(made.get(k, _NOTHING) is v for k, v in value.items())
            return value if is_same else made
        if value.__class__ is list:
            items = [self._value(v) for v in value]
            return value if all(a is b for a, b in zip(items, value, strict=True)) else items
        if self._cards and value.__class__ is int and value >= 10**12 and _is_card(str(value)):
            return "[credit_card]"
        return value


_NOTHING = object()


def _emails(text: str) -> str:
    return _EMAIL.sub("[email]", text) if "@" in text else text


def _api_keys(text: str) -> str:
    if len(text) < _SHORTEST_KEY:
        return text
    for mark, pattern in _API_KEYS:
        if mark in text:
            text = pattern.sub("[api_key]", text)
    return text


def _numbers(*, cards: bool, phones: bool) -> _Rule:
    """Cards before telephones: a card's digits may look like a telephone's."""

    def replaced(match: re.Match[str]) -> str:
        run = match[0]
        if sum(map(str.isdigit, run)) < _FEWEST_DIGITS:
            return run
        if cards:
            run = _CARD.sub(lambda m: "[credit_card]" if _is_card(m[0]) else m[0], run)
        if phones and not _is_part_of_word(match):
            run = _PHONE.sub(lambda m: "[phone]" if _FEWEST_DIGITS <= sum(map(str.isdigit, m[0])) <= 15 else m[0], run)
        return run

    return lambda text: _NUMBERS.sub(replaced, text) if _NUMBERS.search(text) else text


def _is_part_of_word(match: re.Match[str]) -> bool:
    """`v1.0.2024-0131` and `a12345678b` are names, not telephones."""
    text, start, end = match.string, match.start(), match.end()
    before, behind = text[start - 1 : start], text[end : end + 1]
    return before.isalnum() or before in {"_", "."} or behind.isalnum() or behind == "_"


def _own(pattern: re.Pattern[str]) -> _Rule:
    return lambda text: pattern.sub("[redacted]", text)


def _is_card(text: str) -> bool:
    """13 to 19 digits that pass the Luhn check (ISO/IEC 7812-1, annex B)."""
    digits = [int(c) for c in text if c.isdigit()]
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [d * 2 - 9 if d > 4 else d * 2 for d in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
