"""What fits whom: tables that are never cut, and prose that people can read."""

from rich.console import Console, ConsoleOptions, ConsoleRenderable, Group, RenderResult
from rich.measure import Measurement

PROSE_WIDTH = 110
"""Columns of a terminal; longer lines are hard to read."""
ENDLESS_WIDTH = 100_000
"""Columns of what is not a terminal: every table has the room that it needs."""


class Fitting:
    """The first of several forms that there is room for, else the last: that one must bear to be folded anywhere."""

    def __init__(self, *forms: ConsoleRenderable) -> None:
        self._forms = forms

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        endless = options.update_width(ENDLESS_WIDTH)
        *tables, last = self._forms
        fitting = (t for t in tables if Measurement.get(console, endless, t).maximum <= options.max_width)
        yield next(fitting, last)


class _Prose:
    """Sentences: broken between words on a terminal, one to a line elsewhere, where people search."""

    def __init__(self, *texts: ConsoleRenderable) -> None:
        self._texts = Group(*texts)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(options.max_width, PROSE_WIDTH) if console.is_terminal else options.max_width
        yield from console.render(self._texts, options.update_width(width))


def prose(*texts: ConsoleRenderable) -> ConsoleRenderable:
    """Sentences, broken between words on a terminal."""
    return _Prose(*texts)
