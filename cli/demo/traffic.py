"""Sends a schedule: open loop, so that a slow answer never holds back the next call."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import aiohttp

from cli.demo.schedule import Call
from runtime.tasks import Tasks

_PATH = "/v1/chat/completions"
_MAX_IN_FLIGHT = 512
_CALL_TIMEOUT = aiohttp.ClientTimeout(total=60.0, sock_connect=5.0)


@dataclass(slots=True)
class Tally:
    """What came of the calls so far."""

    sent: int = 0
    answered: int = 0
    """Whole answers with a status below 400."""
    refused: int = 0
    """Answers with a status of 400 or more: errors that the simulated primary made."""
    failed: int = 0
    """No whole answer: the connection failed, or the time was up."""
    shed: int = 0
    """Never sent, because too many calls were under way."""

    @property
    def ended(self) -> int:
        """Calls that were sent and are over."""
        return self.answered + self.refused + self.failed


class Traffic:
    """Clients of a proxy."""

    def __init__(self, base_url: str, tasks: Tasks) -> None:
        self.tally = Tally()
        self._url = base_url + _PATH
        self._tasks = tasks
        self._slots = asyncio.Semaphore(_MAX_IN_FLIGHT)

    async def run(self, schedule: Iterable[Call], *, seconds: float | None) -> None:
        """Sends all calls that are due within `seconds` (None: without end), then waits for their answers."""
        loop = asyncio.get_running_loop()
        connector = aiohttp.TCPConnector(limit=_MAX_IN_FLIGHT)
        async with aiohttp.ClientSession(connector=connector, timeout=_CALL_TIMEOUT) as session:
            started = loop.time()
            under_way: set[asyncio.Task[None]] = set()
            for call in schedule:
                if seconds is not None and call.at_s >= seconds:
                    break
                await asyncio.sleep(max(0.0, started + call.at_s - loop.time()))
                if self._slots.locked():
                    self.tally.shed += 1
                    continue
                await self._slots.acquire()
                task = self._tasks.start("call", self._send(session, call))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            await asyncio.gather(*under_way)

    async def _send(self, session: aiohttp.ClientSession, call: Call) -> None:
        self.tally.sent += 1
        try:
            async with session.post(self._url, data=call.body, headers=call.headers) as response:
                await response.read()
                if response.status < 400:
                    self.tally.answered += 1
                else:
                    self.tally.refused += 1
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            self.tally.failed += 1
        finally:
            self._slots.release()
