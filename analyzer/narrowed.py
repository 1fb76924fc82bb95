"""Some of a store's pairs as a source of their own: one tenant, one endpoint, one model.

Everything is read from the pairs themselves, as few as a page has patience for: the latest. Counts of states, and how
the sample came about, are known for all requests together only, so a narrowed study says nothing of them and decides
nothing; it is for looking.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from analyzer.integrity.figures import Conduct
from analyzer.reading import Setting
from analyzer.source import Experiment, Window
from analyzer.stored import StoredPairs
from analyzer.surroundings.figures import Surroundings
from store.comparison import Ask, Span, unix_us
from store.narrowing import Narrowing, narrowed
from store.parts import Part
from store.rollups.layout import DIRECT_PAIRS, Layout
from store.tables import PAIRS


class NarrowedPairs(StoredPairs):
    """A `reading.Source` over part of a store."""

    def __init__(self, ask: Ask, narrowing: Narrowing) -> None:
        """`ask` runs a SELECT with its parameters and gives columns by name."""
        database = str(ask("SELECT currentDatabase() AS name", {})["name"][0])
        super().__init__(narrowed(ask, narrowing, database))

    def states(self, window: Window) -> dict[str, dict[str, int]]:
        """None: counters know of no part."""
        return {}

    def cut(self, window: Window, now: datetime) -> tuple[Window, tuple[str, ...]]:
        """The latest stretch of the window that holds no more pairs than are read one by one."""
        mark = self.watermark(now)
        until = window.until if mark.at is None or not mark.streams else min(window.until, mark.at)
        # What is under way is not there yet, and would leave the slow ones out.
        asked = Window(window.since, max(window.since, until))
        kept = Window(self._since(asked), asked.until)
        span = Span(kept.since, kept.until)
        part = Part(span, by_block=False)
        self._settle(kept, Layout(span, None, (part,), part))
        if kept.since == window.since:
            return kept, ()
        shown, wanted = (moment.strftime("%Y-%m-%d %H:%M:%S") for moment in (kept.since, window.since))
        note = (
            f"the window begins at {shown} UTC instead of {wanted}: part of the pairs is read pair by pair, "
            f"the latest {DIRECT_PAIRS:,}"
        )
        return kept, (note,)

    def _since(self, window: Window) -> datetime:
        span = Span(window.since, window.until)
        part = Part(span, by_block=False)
        found = self._ask(
            f"SELECT toUnixTimestamp64Micro(min(ts)) AS first_us, count() AS n FROM (SELECT ts FROM {PAIRS.name} "  # noqa: S608 - our own names
            f"WHERE {part.condition} ORDER BY ts DESC LIMIT {DIRECT_PAIRS})",
            part.parameters(),
        )
        if int(found["n"][0]) < DIRECT_PAIRS:
            return window.since
        return window.since + timedelta(microseconds=int(found["first_us"][0]) - unix_us(window.since))

    def conduct(self, window: Window, experiments: Sequence[Experiment], setting: Setting) -> dict[str, Conduct]:
        """Nothing is known of a part by itself."""
        return {experiment.candidate: Conduct() for experiment in experiments}

    def surroundings(
        self, window: Window, experiments: Sequence[Experiment], setting: Setting
    ) -> dict[str, Surroundings]:
        """What surrounds the pairs surrounds all of them."""
        return {experiment.candidate: Surroundings() for experiment in experiments}
