"""The last fields of a JSON object of which only the end was kept.

Providers put their token counts behind the text, so that those survive where the middle of a long answer does not.
"""

from typing import Any

from proxy.wire.errors import WireError
from proxy.wire.json_text import read_json


def last_fields(tail: bytes, names: tuple[str, ...]) -> dict[str, Any]:
    """Those of the fields that stand whole in `tail`, at the top level of the object that ends with it.

    A name inside a text cannot be mistaken for a field, as its quotes would be escaped there; one inside a nested
    object cannot either, as what follows it would then close more brackets than were opened.
    """
    for at in sorted(_places(tail, names)):
        try:
            fields = read_json(b"{" + tail[at:])
        except WireError:
            continue
        if isinstance(fields, dict):
            return {name: fields[name] for name in names if name in fields}
    return {}


def _places(tail: bytes, names: tuple[str, ...]) -> list[int]:
    """Where each name stands last, as a key or as a text."""
    found = [tail.rfind(b'"' + name.encode() + b'"') for name in names]
    return [at for at in found if at >= 0 and tail[at - 1 : at] != b"\\"]
