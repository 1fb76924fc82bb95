"""The deliveries to one webhook, one after another, oldest first: things are read of in the order in which they were.

The store is the queue: a channel holds what was read of it, a bounded number, and writes down what came of each
attempt. One that can tell nothing to its webhook holds up no other.
"""

import asyncio
import contextlib
import hashlib
import random
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, cast
from uuid import UUID

from analyzer.judge.shared import Lines
from analyzer.webhooks.backoff import Answer, outcome, wait_s
from analyzer.webhooks.books import Books
from analyzer.webhooks.payload import body, headers
from analyzer.webhooks.sending import host_of
from config.views import Event, Webhook
from store.errors import StoreError, StoreUnavailable
from store.notices import MOST_WAITING, NoticeRow

REMEMBERED: Final = 4 * MOST_WAITING
"""Notices that are done: a reading of the store may be older than what we have written since."""
_AGAIN_S: Final = 2.0
"""Between two attempts to write down that something was delivered."""

Send = Callable[[str, Mapping[str, str], bytes, float], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Tools:
    """What all channels share."""

    books: Books
    lines: Lines
    version: str
    now: Callable[[], datetime]
    """UTC."""
    may_send: Callable[[], bool]
    """Are we the process that tells, and does the store know it?"""
    send: Send
    counts: defaultdict[str, float]
    """Totals for `/metrics`, by name."""


def key_of(webhook: Webhook) -> str:
    """Stands for an address and a form in the store; the address cannot be had back from it."""
    text = f"{webhook.format}\n{webhook.url.get_secret_value()}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def deliveries(event: str, outcome_: str) -> str:
    """Name of the total of attempts."""
    return f'shadowbench_webhook_deliveries_total{{event="{event}",outcome="{outcome_}"}}'


class Channel:
    """To one webhook; `run` is a task."""

    def __init__(self, webhook: Webhook, tools: Tools) -> None:
        self.webhook = webhook
        """A reload may replace it by one of the same address."""
        self._tools = tools
        self._waiting: OrderedDict[UUID, NoticeRow] = OrderedDict()
        self._done: OrderedDict[UUID, None] = OrderedDict()
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()

    def __len__(self) -> int:
        """Notices that wait here, the one under way among them."""
        return len(self._waiting)

    def offer(self, rows: Sequence[NoticeRow]) -> None:
        """What the store says is to be told, oldest first; what is known already changes nothing."""
        for row in rows:
            if len(self._waiting) >= MOST_WAITING:
                break  # the rest stays in the store, and is offered again
            if row.notice not in self._done:
                self._waiting.setdefault(row.notice, row)
        self._changed.set()

    def clear(self) -> None:
        """Another process tells them now."""
        self._waiting.clear()

    def stop(self) -> None:
        """Ends `run` after the attempt under way."""
        self._stopping.set()
        self._changed.set()

    async def run(self) -> None:
        """Delivers what is offered, until `stop`."""
        while not self._stopping.is_set():
            row = next(iter(self._waiting.values()), None)
            if row is None:
                self._changed.clear()
                await self._changed.wait()
            elif self._tools.may_send():
                await self._deliver(row)
            else:
                await self._pause(1.0)

    async def _deliver(self, row: NoticeRow) -> None:
        """One attempt, and the wait after it."""
        if row.attempts >= self.webhook.attempts:
            await self._end(replace(row, outcome="given_up"), None)
            return
        answer = await self._attempt(row)
        attempts = row.attempts + 1
        after = replace(
            row, outcome=outcome(answer, attempts, self.webhook.attempts), attempts=attempts, detail=answer.detail
        )
        self._tools.counts[deliveries(row.event, after.outcome)] += 1
        if not after.is_waiting:
            await self._end(after, answer)
            return
        again_s = wait_s(attempts, answer.retry_after_s, random.random())  # noqa: S311 - no secret
        self._tools.lines.warning("webhook not delivered", **_said(after), again_in_s=round(again_s, 1))
        if row.notice in self._waiting:
            self._waiting[row.notice] = after
        # If it cannot be written down, the next start tries once more than it would have; no more is lost.
        with contextlib.suppress(StoreError):
            await self._write(after)
        await self._pause(again_s)

    async def _attempt(self, row: NoticeRow) -> Answer:
        webhook = self.webhook
        return await self._tools.send(
            webhook.url.get_secret_value(),
            headers(webhook, row.notice, cast("Event", row.event), row.attempts + 1, self._tools.version),
            body(webhook, row.payload),
            webhook.timeout,
        )

    async def _end(self, row: NoticeRow, answer: Answer | None) -> None:
        """It is told, or given up, and written down as such before the next one."""
        if row.outcome == "delivered":
            self._tools.lines.info("webhook delivered", **_said(row))
        else:
            why = {} if answer is not None else {"reason": "webhooks[].attempts allows no more"}
            self._tools.lines.error("webhook given up", **_said(row), **why)
        self._done[row.notice] = None
        while len(self._done) > REMEMBERED:
            self._done.popitem(last=False)
        self._waiting.pop(row.notice, None)
        while True:
            try:
                await self._write(row)
            except StoreUnavailable:
                await asyncio.sleep(_AGAIN_S)
            except StoreError as error:
                self._tools.lines.error("a delivery is not written down", **_said(row), error=str(error))
                return
            else:
                return

    async def _write(self, row: NoticeRow) -> None:
        token = f"notice-{row.notice}-{row.webhook}-{row.attempts}-{row.outcome}"
        await self._tools.books.write([replace(row, at=self._tools.now())], token)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


def _said(row: NoticeRow) -> dict[str, object]:
    """For a line of the log; of the address the host alone."""
    return {
        "notice": str(row.notice),
        "about": row.event,
        "candidate": row.candidate or None,
        "host": row.host,
        "attempt": row.attempts,
        "answer": row.detail,
    }


def pending(webhook: Webhook, of: NoticeRow) -> NoticeRow:
    """The row of a notice that a webhook is to be told."""
    return replace(of, webhook=key_of(webhook), host=host_of(webhook.url.get_secret_value()), outcome="pending")
