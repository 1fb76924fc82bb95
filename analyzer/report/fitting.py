"""What fits whom: tables that are never cut, and prose that people can read."""

from rich.console import Console, ConsoleOptions, ConsoleRenderable, Group, RenderResult
from rich.constrain import Constrain
from rich.measure import Measurement

PROSE_WIDTH = 110
"""Columns; longer lines are hard to read, and a file has no width of its own."""
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


def prose(*texts: ConsoleRenderable) -> Constrain:
    """Sentences, broken between words."""
    return Constrain(Group(*texts), PROSE_WIDTH)
