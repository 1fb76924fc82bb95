"""What the demonstration shows: a progress bar on a terminal, plain lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

_LINE_EVERY_S = 5.0


class Bar(Protocol):
    """Something that shows how far a stretch of work is."""

    def update(self, done_s: float, text: str) -> None:
        """`done_s` of the whole are over; `text` says what came of them."""


class Screen:
    """Standard output; lines appear as they are said."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)

    def say(self, text: str) -> None:
        """One line, never wrapped or cut."""
        self._console.print(text, markup=False, soft_wrap=True)
        self._console.file.flush()

    @contextmanager
    def bar(self, title: str, total_s: float) -> Iterator[Bar]:
        """Shows a stretch of `total_s` seconds."""
        if not self._console.is_terminal:
            yield _Lines(self, title, total_s)
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
        with Progress(*columns, TimeRemainingColumn(), console=self._console) as progress:
            yield _RichBar(progress, title, total_s)


class _RichBar:
    def __init__(self, progress: Progress, title: str, total_s: float) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=total_s, text="")

    def update(self, done_s: float, text: str) -> None:
        self._progress.update(self._task, completed=done_s, text=text)


class _Lines:
    """A line at most every five seconds, and one at the end of the stretch."""

    def __init__(self, screen: Screen, title: str, total_s: float) -> None:
        self._screen = screen
        self._title = title
        self._total_s = total_s
        self._next_s = _LINE_EVERY_S

    def update(self, done_s: float, text: str) -> None:
        if done_s < min(self._next_s, self._total_s):
            return
        # Past the end no further line is due: the stretch may run over while the last answers come in.
        self._next_s = done_s + _LINE_EVERY_S if done_s < self._total_s else float("inf")
        self._total_s = float("inf") if done_s >= self._total_s else self._total_s
        self._screen.say(f"{self._title}: {done_s:.0f} s, {text}")
