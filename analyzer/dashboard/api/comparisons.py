"""The study of a window, as report, `watch` and pages have it; shared by all who ask the same at about one time."""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from analyzer.answering import Question, UnknownCandidate, answer
from analyzer.dashboard.api.asked import Impossible, OfComparisons
from analyzer.dashboard.site import Site
from analyzer.metrics import Metric
from analyzer.narrowed import NarrowedPairs
from analyzer.report.json_form import as_json
from analyzer.report.printable import clipped
from analyzer.stored import StoredPairs
from config.model import Config
from runtime.version import version
from store.reader import Reader

LEAST_S = 1.0
SHARE = 4.0
"""An answer that took a second to compute is given again for four: asking must not load the store."""
MOST = 16
"""Questions whose last answer is kept."""


@dataclass(slots=True)
class _Kept:
    one: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Invariant: a question is computed once at a time."""
    body: bytes | None = None
    config: Config | None = None
    """By which it was computed."""
    until_s: float = 0.0
    """By the monotonic clock."""


class Comparisons:
    """Answers to `comparisons`."""

    def __init__(
        self, site: Site, metrics: tuple[Metric, ...], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._site = site
        self._metrics = metrics
        self._monotonic = monotonic
        self._kept: OrderedDict[OfComparisons, _Kept] = OrderedDict()

    async def report(self, asked: OfComparisons) -> bytes:
        """The report as JSON.

        Raises:
            Impossible: there is no such window or candidate.
            StoreError: no answer.
        """
        asked.window(self._site.clock())  # before anything waits
        kept = self._kept.setdefault(asked, _Kept())
        self._kept.move_to_end(asked)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
        async with kept.one:
            config = self._site.config
            if kept.body is None or kept.config is not config or self._monotonic() >= kept.until_s:
                began_s = self._monotonic()
                kept.body, kept.config = await self._computed(asked, config), config
                kept.until_s = self._monotonic() + max(LEAST_S, SHARE * (self._monotonic() - began_s))
            return kept.body

    async def _computed(self, asked: OfComparisons, config: Config) -> bytes:
        now = self._site.clock()
        narrowing = asked.narrowing
        question = Question(
            config,
            asked.window(now),
            asked.candidate,
            asked.kind,
            # Part of the pairs is for looking: decisions are about all of them.
            config.policy if narrowing.is_all else None,
            self._metrics,
        )
        configured = [candidate.name for candidate in config.candidates]

        def work(reader: Reader) -> bytes:
            source = StoredPairs(reader.columns) if narrowing.is_all else NarrowedPairs(reader.columns, narrowing)
            study = answer(source, question, now, configured=configured).study
            return json.dumps(as_json(study, version=version()), allow_nan=False).encode()

        try:
            return await self._site.studies.read(work)
        except UnknownCandidate as error:
            known = ", ".join(map(clipped, error.known)) or "none"
            said = f"no candidate {clipped(error.name)!r} is configured or has pairs in the window; known: {known}"
            raise Impossible(said) from None
