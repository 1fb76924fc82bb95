"""One process's time at it: takes turns with others, looks once a minute what is new, writes it down, has it told.

Of all processes that share a store one is at work, the one that has been the longest; another takes its place when it
has ended, or when the store has not heard of it for half a minute.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from analyzer.judge.leading import Identity, Leading, lock_directory
from analyzer.judge.shared import Lines
from analyzer.webhooks import seen
from analyzer.webhooks.books import Books, Money
from analyzer.webhooks.channel import Channel, Send, Tools, key_of, pending
from analyzer.webhooks.holding import Holding
from analyzer.webhooks.news import Notice, news
from analyzer.webhooks.payload import payload
from analyzer.webhooks.seen import Seen, Studied
from analyzer.webhooks.sending import send
from config.model import Config
from config.views import Webhook
from runtime.tasks import Tasks
from store.errors import StoreError
from store.judging.progress import Leader
from store.notices import NoticeRow

LOOK_EVERY_S: Final = 60.0
STUDY_SHARE: Final = 4.0
"""After a study that took so long, others have the store for four times as long."""
BACK: Final = timedelta(hours=6)
"""How far back open breakers are looked for: so long may nobody have been at work."""
DRAIN_S: Final = 1.5
"""For attempts under way to end and to be written down."""
LAST_WORDS_S: Final = 0.7
"""For what is said to the store last of all."""
SAY_AFTER_S: Final = 30.0
"""A store that comes up beside us is no news."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class World:
    """What is needed of the world; tests have their own."""

    version: str
    """Of shadowbench."""
    books: Callable[[Config], Books]
    """Opens the store of a configuration."""
    send: Send = send
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    steady_s: Callable[[], float] = time.monotonic
    look_every_s: float = LOOK_EVERY_S


class Session:
    """`step` is called about twice a second, `close` once."""

    def __init__(
        self, config: Callable[[], Config], lines: Lines, around: World, counts: defaultdict[str, float]
    ) -> None:
        """`counts`: totals for `/metrics`, by name."""
        self._config = config
        self._lines = lines
        self._around = around
        self._counts = counts
        self._books = around.books(config())
        self._identity = Identity(lock_directory(config()), name="webhooks.lock")
        self._leading = Leading(self, self._identity.number)
        self._tools = Tools(
            self._books, lines, around.version, around.now, self._leading.may_start, around.send, counts
        )
        self._channels: dict[str, Channel] = {}
        self._holding = Holding()
        self._tasks = Tasks(self._fault)
        self._running: list[asyncio.Task[Any]] = []
        self._next_look_s = 0.0
        self._next_study_s = 0.0
        self._troubles: dict[str, str] = {}
        self._trouble_since_s: float | None = None
        self._is_said = False
        self._tasks.start("webhook turn", self._leading.keep())

    @property
    def is_at_work(self) -> bool:
        """Are we the process that tells?"""
        return self._leading.may_start()

    @property
    def waiting(self) -> int:
        """Deliveries that wait here."""
        return sum(map(len, self._channels.values()))

    async def beat(self, judge: str) -> Leader | None:
        """Of our turn: says that we are at work, and hears whose turn it is.

        Raises:
            StoreError: it could not be said.
        """
        try:
            leader = await self._books.beat(judge)
        except StoreError as error:
            self._failed("turn", error)
            raise
        self._works("turn")
        return leader

    async def step(self) -> None:
        """Looks if it is time to."""
        self._say_trouble()
        self._follow(self._config().webhooks)
        if not self._leading.may_start():
            for channel in self._channels.values():
                channel.clear()
            self._next_look_s = 0.0  # at once when it is our turn: somebody else's notices may wait
            return
        now_s = self._around.steady_s()
        if now_s < self._next_look_s:
            return
        self._next_look_s = now_s + self._around.look_every_s
        try:
            await self._look(self._config())
        except Exception as error:  # noqa: BLE001 - the next look may work; nobody is told of anything otherwise
            self._fault("webhook look", error)

    def _follow(self, webhooks: Sequence[Webhook]) -> None:
        """Channels of the webhooks that are configured now; one of the same address goes on."""
        # Of two that are the same the first one counts.
        wanted = {key_of(webhook): webhook for webhook in reversed(webhooks)}
        for key in [key for key in self._channels if key not in wanted]:
            self._channels.pop(key).stop()
        for key, webhook in wanted.items():
            if key in self._channels:
                self._channels[key].webhook = webhook
            else:
                channel = self._channels[key] = Channel(webhook, self._tools)
                self._running = [task for task in self._running if not task.done()]
                self._running.append(self._tasks.start(f"webhook {key[:8]}", channel.run()))

    async def _look(self, config: Config) -> None:
        found, held_s = await self._see(config)
        # Read last: what another process wrote down meanwhile is no news.
        told = await self._tried("notices", self._books.told())
        if told is None:
            return
        for notice in news(told, found, held_s, self._around.now()):
            if not await self._write_down(notice, config):
                return
        waiting = await self._tried("notices", self._books.waiting(self._around.now()))
        for key, channel in self._channels.items():
            channel.offer([r for r in waiting or () if r.webhook == key and r.event in channel.webhook.on])

    async def _see(self, config: Config) -> tuple[Seen, Mapping[str, float]]:
        """What is so now. What the store does not say is not known, and no news."""
        now = self._around.now()
        studied, held_s = await self._study(config, now)
        money = await self._tried("money", self._books.money(config)) or Money(None, None, None)
        left_out = await self._tried("breakers", self._books.left_out(now - BACK)) or []
        spent = seen.spent_budgets(config, money.day, money.judging, money.dearest)
        return Seen(studied, tuple(spent), tuple(seen.openings(left_out, now - BACK))), held_s

    async def _study(self, config: Config, now: datetime) -> tuple[Studied | None, Mapping[str, float]]:
        """None: it is not time for one yet, or the store does not answer."""
        began_s = self._around.steady_s()
        if began_s < self._next_study_s:
            return None, {}
        study = await self._tried("study", self._books.study(config, now))
        ended_s = self._around.steady_s()
        self._counts["shadowbench_webhook_study_seconds_total"] += ended_s - began_s
        self._next_study_s = ended_s + STUDY_SHARE * (ended_s - began_s)
        if study is None:
            return None, {}
        studied = seen.studied(study)
        return studied, self._holding.note(studied, ended_s)

    async def _write_down(self, notice: Notice, config: Config) -> bool:
        """Before anybody is told: one insert for all who are to be."""
        now = self._around.now()
        wanted = [] if notice.is_silent else [w for w in config.webhooks if notice.event in w.on]
        row = NoticeRow(
            notice=notice.id,
            event=notice.event,
            candidate=notice.candidate,
            topic=notice.topic,
            state=notice.state,
            since=notice.since,
            noticed=now,
            payload=payload(notice, config.primary.name, now) if wanted else "",
            webhook="",
            host="",
            outcome="silent",
            attempts=0,
            detail="",
            at=now,
        )
        rows = list({key_of(webhook): pending(webhook, row) for webhook in wanted}.values())
        if await self._tried("notices", self._wrote(rows or [row], f"notice-{notice.id}")) is None:
            return False
        self._counts[f'shadowbench_webhook_notices_total{{event="{notice.event}"}}'] += 1
        self._lines.info(
            "noticed",
            notice=str(notice.id),
            about=notice.event,
            candidate=notice.candidate or None,
            state=notice.state,
            text=notice.text,
            webhooks=len(rows),
        )
        return True

    async def _wrote(self, rows: Sequence[NoticeRow], token: str) -> bool:
        await self._books.write(rows, token)
        return True

    async def _tried(self, what: str, question: Coroutine[Any, Any, T]) -> T | None:
        """What the store says; None where it does not."""
        try:
            found = await question
        except StoreError as error:
            self._failed(what, error)
            return None
        self._works(what)
        return found

    def _failed(self, what: str, error: StoreError) -> None:
        self._counts["shadowbench_webhook_store_failures_total"] += 1
        if self._trouble_since_s is None:
            self._trouble_since_s = self._around.steady_s()
        self._troubles[what] = str(error)

    def _works(self, what: str) -> None:
        if self._troubles.pop(what, None) is not None and not self._troubles:
            self._trouble_since_s = None
            if self._is_said:
                self._lines.info("what is new for webhooks is known again")
            self._is_said = False

    def _say_trouble(self) -> None:
        since_s = self._trouble_since_s
        if since_s is not None and not self._is_said and self._around.steady_s() - since_s >= SAY_AFTER_S:
            self._is_said = True
            self._lines.warning("what is new for webhooks is not known", reason=next(iter(self._troubles.values())))

    def _fault(self, name: str, error: BaseException) -> None:
        self._counts["shadowbench_webhook_internal_errors_total"] += 1
        self._lines.error("internal error", task=name, error=f"{type(error).__name__}: {error}".partition("\n")[0])

    async def close(self) -> None:
        """Says that we have ended, so that another one begins at once."""
        for channel in self._channels.values():
            channel.stop()
        if running := [task for task in self._running if not task.done()]:
            await asyncio.wait(running, timeout=DRAIN_S)
        await self._tasks.close()
        has_resigned = await _briefly(self._books.resign(self._identity.number))
        self._identity.close(has_resigned=has_resigned)
        await self._books.close()


async def _briefly(work: Coroutine[Any, Any, None]) -> bool:
    """Did it end in time?"""
    try:
        async with asyncio.timeout(LAST_WORDS_S):
            await work
    except (TimeoutError, StoreError):
        return False
    return True
