"""Where a command shows something to people: a terminal of some width, or a file that is as wide as need be."""

import re
import sys
import unicodedata
from typing import TextIO

from rich.console import Console

from analyzer.report.fitting import ENDLESS_WIDTH

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\|$)|[ -/]*[0-~])", re.DOTALL)


def console(file: TextIO | None = None) -> Console:
    """A console on `file`, else on standard output."""
    is_terminal = file is None and sys.stdout.isatty()
    return Console(file=file, width=None if is_terminal else ENDLESS_WIDTH)


def printable(text: str) -> str:
    """Text on one line that cannot steer a terminal: stored answers are whatever a model, or its user, made them."""
    text = _ESCAPE.sub("", text)
    return "".join(_visible(char) for char in text)


def _visible(char: str) -> str:
    if char in "\n\r\t":
        return " "
    # Controls (C), among them those that reverse the direction of text; line and paragraph separators.
    return "" if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} else char
