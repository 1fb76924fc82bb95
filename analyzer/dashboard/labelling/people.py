"""Names under which people label."""

import unicodedata
from urllib.parse import quote, unquote

MAX_NAME_CHARS = 80


class NameFault(ValueError):  # noqa: N818 - says what it is
    """No name; the message says what is allowed."""


def labeler(text: str) -> str:
    """A name as it is stored: composed characters, one space between words.

    Raises:
        NameFault: it is empty, too long, or cannot be printed.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise NameFault("write a name, so that your labels can be told from those of others")
    if len(name) > MAX_NAME_CHARS:
        raise NameFault(f"write a name of at most {MAX_NAME_CHARS} characters")
    if not name.isprintable():
        raise NameFault("write a name without characters that cannot be printed")
    return name


def as_cookie(name: str) -> str:
    """The name as a cookie's value."""
    return quote(name, safe="")


def of_cookie(value: str | None) -> str | None:
    """The name that a cookie holds; None: none."""
    try:
        return labeler(unquote(value or "", errors="strict"))
    except (NameFault, UnicodeDecodeError):
        return None
