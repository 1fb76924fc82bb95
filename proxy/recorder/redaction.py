"""Takes personal data and secrets out of what is stored of bodies, texts and JSON alike.

JSON is taken apart first, so that an escaped character hides nothing and what is stored stays JSON. Where a document
holds nothing as it stands, and no escape can hide a character of it, it is not taken apart. The rules themselves are
`store.redaction`'s.
"""

from typing import Any

import msgspec

from proxy.wire.errors import WireError
from proxy.wire.json_text import read_json, well_formed
from store.redaction import TextRedactor, is_card

_HIDING = ("\\u", "\\/")
"""Escapes of JSON behind which a character of a match can stand; what the others stand for is part of none."""


class Redactor(TextRedactor):
    """Cleans documents, too."""

    def json(self, data: bytes) -> str:
        """A JSON document with its strings redacted, keys too; anything else as text."""
        if (clean := self._clean_as_it_stands(data)) is not None:
            return clean
        try:
            value = read_json(data)
        except WireError:
            return self.text(data.decode("utf-8", "replace"))
        redacted = self._value(value)
        if redacted is value:
            return data.decode("utf-8", "replace")
        return msgspec.json.encode(redacted).decode()

    def _clean_as_it_stands(self, data: bytes) -> str | None:
        """The document, where no rule finds anything in any of its strings and numbers; None: that is not sure.

        Without escapes that hide something, whatever a rule would take out of a string stands in the document itself.
        """
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return None
        if "\\" in text and any(escape in text for escape in _HIDING):
            return None
        for may_hold, _ in self._rules:
            if may_hold(text):
                return None
        return text

    def _value(self, value: Any) -> Any:
        """The same object where nothing had to be taken out."""
        if value.__class__ is str:
            clean = self.text(well_formed(value))
            return value if clean == value else clean
        if value.__class__ is dict:
            made = self._object(value)
            is_same = all(made.get(k, _NOTHING) is v for k, v in value.items())
            return value if is_same else made
        if value.__class__ is list:
            items = [self._value(v) for v in value]
            return value if all(a is b for a, b in zip(items, value, strict=True)) else items
        if self._cards and value.__class__ is int and value >= 10**12 and is_card(str(value)):
            return "[credit_card]"
        return value

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        """Keys that become the same are numbered: a value must not go with its key."""
        made: dict[str, Any] = {}
        twice = 0
        for key, part in value.items():
            name = clean = self.text(well_formed(key))
            while name in made:
                twice += 1
                name = f"{clean} {twice + 1}"
            made[name] = self._value(part)
        return made


_NOTHING = object()
