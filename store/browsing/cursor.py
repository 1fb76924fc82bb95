"""A place in a list as a word that an address may hold."""

import base64
import json
import math
from datetime import UTC, datetime, timedelta
from uuid import UUID

from store.browsing.listing import Position
from store.comparison import unix_us

MAX_CHARS = 1024
_LAST_US = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp()) * 10**6


class BadCursor(ValueError):  # noqa: N818 - says what it is
    """A word that stands for no place."""


def encode(position: Position) -> str:
    """In letters, digits, `-` and `_`; exact."""
    value, ts, request_id, candidate = position
    text = json.dumps([value, unix_us(ts), request_id.hex, candidate], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(word: str) -> Position:
    """The place.

    Raises:
        BadCursor: it was not made by `encode`.
    """
    if len(word) > MAX_CHARS:
        raise BadCursor("this place is too long")
    try:
        text = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
        value, us, request_id, candidate = json.loads(text)
        if not isinstance(value, float | int) or isinstance(value, bool) or not math.isfinite(value):
            raise ValueError(value)
        if not isinstance(us, int) or not 0 <= us < _LAST_US or not isinstance(candidate, str):
            raise ValueError(us)
        candidate.encode()  # halves of characters cannot be asked for
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
        return Position(float(value), moment, UUID(request_id), candidate)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise BadCursor("this is no place in a list; ask for the first page") from None
