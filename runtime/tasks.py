"""Background work: every task has a name, is kept, and its failure is heard."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

OnError = Callable[[str, BaseException], None]
"""Called with the task's name and what it raised."""


class Tasks:
    """The only place where tasks are started."""

    def __init__(self, on_error: OnError) -> None:
        self._on_error = on_error
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Starts `work`; an exception other than cancellation goes to `on_error`."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_error(task.get_name(), error)

    def report(self, name: str, error: BaseException) -> None:
        """Tells of a failure outside any task, in the same way."""
        self._on_error(name, error)

    def names(self) -> list[str]:
        """Names of the tasks under way, sorted."""
        return sorted(task.get_name() for task in self._running)

    async def close(self) -> None:
        """Cancels all and waits for their end."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
