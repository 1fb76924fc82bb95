"""A store in memory, a clock that the test moves, and lines that are kept: for everything around webhooks."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from analyzer.results import Study
from analyzer.webhooks.backoff import Answer
from analyzer.webhooks.books import Money
from config.model import Config
from store.errors import StoreError, StoreUnavailable
from store.judging.progress import Leader
from store.notices import LeftOut, NoticeRow, Told
from tests.analyzer.report.studies import made

START = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Lines:
    """What was logged."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, dict[str, object]]] = []

    def info(self, event: str, **fields: object) -> None:
        self.said.append(("info", event, fields))

    def warning(self, event: str, **fields: object) -> None:
        self.said.append(("warning", event, fields))

    def error(self, event: str, **fields: object) -> None:
        self.said.append(("error", event, fields))

    def events(self, level: str | None = None) -> list[str]:
        return [event for own, event, _ in self.said if level in {None, own}]

    @property
    def text(self) -> str:
        return repr(self.said)


class Clock:
    """Both clocks; nothing passes by itself."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds - 1000.0)

    def steady_s(self) -> float:
        return self.seconds


@dataclass
class Shelf:
    """The tables, which several processes may share."""

    rows: list[NoticeRow] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    at_work: list[str] = field(default_factory=list)
    """Processes, the longest at work first."""

    def newest(self) -> dict[tuple[str, str], NoticeRow]:
        """(event, webhook) -> what came last."""
        return {(row.event, row.webhook): row for row in self.rows}


class MemoryBooks:
    """The store, as far as webhooks ask it."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.made: Study = made()
        self.known = Money(None, None, None)
        self.gaps: list[LeftOut] = []
        self.away: StoreError | None = None
        """Whatever is asked."""
        self.takes_no_rows: StoreError | None = None
        self.studies = 0
        self.study_takes: Callable[[], None] = lambda: None
        self.is_closed = False

    def _answer(self) -> None:
        if self.away is not None:
            raise self.away

    async def study(self, config: Config, now: datetime) -> Study:
        self._answer()
        self.studies += 1
        self.study_takes()
        return self.made

    async def money(self, config: Config) -> Money:
        self._answer()
        return self.known

    async def left_out(self, since: datetime) -> list[LeftOut]:
        self._answer()
        return self.gaps

    async def told(self) -> list[Told]:
        self._answer()
        found = {r.notice: r for r in self.shelf.rows}
        told = [Told(r.notice, r.event, r.candidate, r.topic, r.state, r.since, r.noticed) for r in found.values()]
        return sorted(told, key=lambda t: t.noticed, reverse=True)

    async def waiting(self, now: datetime) -> list[NoticeRow]:
        self._answer()
        newest: dict[object, NoticeRow] = {}
        for row in self.shelf.rows:
            before = newest.get((row.notice, row.webhook))
            if before is None or (row.attempts, row.at) >= (before.attempts, before.at):
                newest[row.notice, row.webhook] = row
        return sorted((r for r in newest.values() if r.is_waiting), key=lambda r: r.noticed)

    async def write(self, rows: Sequence[NoticeRow], token: str) -> None:
        self._answer()
        if self.takes_no_rows is not None:
            raise self.takes_no_rows
        if token not in self.shelf.tokens:
            self.shelf.tokens.add(token)
            self.shelf.rows += [replace(row) for row in rows]

    async def beat(self, judge: str) -> Leader | None:
        self._answer()
        if judge not in self.shelf.at_work:
            self.shelf.at_work.append(judge)
        first = self.shelf.at_work[0]
        return Leader(first, 0.0, 1.0, first == judge)

    async def resign(self, number: str) -> None:
        self._answer()
        if number in self.shelf.at_work:
            self.shelf.at_work.remove(number)

    async def close(self) -> None:
        self.is_closed = True


AWAY = StoreUnavailable("nobody answers")


class Post:
    """Webhooks in memory: what they were sent, and what they answer."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Mapping[str, str], bytes]] = []
        self.answers: list[Answer] = []
        """One after another; then everything is taken."""
        self.gate: asyncio.Event | None = None
        """Set: an attempt waits for it."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Answer:
        self.sent.append((url, headers, body))
        if self.gate is not None:
            await self.gate.wait()
        return self.answers.pop(0) if self.answers else Answer(200, "status 200")


def configuration(*webhooks: Mapping[str, Any], **values: Any) -> Config:
    """One candidate with a budget, and these webhooks."""
    return Config.model_validate(
        {
            "primary": {"url": "http://127.0.0.1:9", "name": "prod"},
            "candidates": [{"name": "swift", "url": "http://127.0.0.1:9", "budget": {"usd_per_day": "50"}}],
            "webhooks": [{"url": "https://hooks.example.com/S3CRET", **webhook} for webhook in webhooks],
            "capture": {"dir": "nowhere/capture"},
            "store": {"dir": "nowhere/store"},
            **values,
        }
    )


async def until(is_so: Callable[[], object], patience_s: float = 60.0) -> None:
    """Lets others work until it is so."""
    async with asyncio.timeout(patience_s):
        while not is_so():
            await asyncio.sleep(0.005)
