"""Where a command shows something to people: a terminal of some width, or a file that is as wide as need be."""

import sys
from typing import TextIO

from rich.console import Console, RenderableType

from analyzer.report.fitting import ENDLESS_WIDTH


def console(file: TextIO | None = None) -> Console:
    """A console on `file`, else on standard output."""
    is_terminal = file is None and sys.stdout.isatty()
    return Console(file=file, width=None if is_terminal else ENDLESS_WIDTH)


def show(target: Console, shown: RenderableType) -> None:
    """Prints; in a file no line ends in the blanks that fill a table's columns."""
    if target.is_terminal:
        target.print(shown)
        return
    with target.capture() as captured:
        target.print(shown)
    text = captured.get().removesuffix("\n")
    target.file.writelines(f"{line.rstrip()}\n" for line in text.split("\n"))
