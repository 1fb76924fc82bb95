"""Text that cannot steer what shows it: stored names and answers are whatever a model, or its user, made them."""

import re
import unicodedata

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\|$)|[ -/]*[0-~])", re.DOTALL)


def printable(text: str) -> str:
    """On one line, without controls."""
    text = _ESCAPE.sub("", text)
    return "".join(_visible(char) for char in text)


def _visible(char: str) -> str:
    if char in "\n\r\t":
        return " "
    # Controls (C), among them those that reverse the direction of text; line and paragraph separators.
    return "" if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} else char


def clipped(text: str, length: int = 80) -> str:
    """The same, and not longer than this: a label's value may be a whole document."""
    text = printable(text)
    return text if len(text) <= length else text[: length - 1] + "…"
