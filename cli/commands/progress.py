"""A progress bar on a terminal, for what takes more than two seconds."""

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_AFTER_S = 2.0


class Done(Protocol):
    """Hears how far something is."""

    def __call__(self, rows: int, said: str = "") -> None:
        """So many rows are done; `said` stands behind the bar."""


@contextlib.contextmanager
def progress(what: str, total: int | None) -> Iterator[Done]:
    """Gives what is to be called with the number of rows done so far.

    On standard error, and only when that is a terminal. `total` None: not known.
    """
    behind = TextColumn("{task.fields[said]}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), behind)
    console = Console(stderr=True)
    bar = Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty())
    task = bar.add_task(what, total=total, said="")
    begun_s = time.monotonic()
    is_shown = False

    def done(rows: int, said: str = "") -> None:
        nonlocal is_shown
        if not is_shown and time.monotonic() - begun_s > _AFTER_S:
            is_shown = True
            bar.start()
        if is_shown:
            bar.update(task, completed=rows, said=said)

    try:
        yield done
    finally:
        bar.stop()
