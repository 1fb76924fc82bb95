"""What the operator reads: one clear line per event."""

import contextlib
import sys
from typing import TextIO


class Terminal:
    """Lines `who  state  detail` on standard output."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = sys.stdout if out is None else out

    def say(self, who: str, state: str, detail: str) -> None:
        """One line. A reader that went away does not stop the service."""
        one_line = " ".join(detail.split())
        with contextlib.suppress(OSError, ValueError):
            self._out.write(f"{who:<11} {state:<9} {one_line}\n")
            self._out.flush()
