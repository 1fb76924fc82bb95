"""What each role's process runs: `python -m cli.role --role NAME --name NAME-0 --link-fd N`.

Ends with 0 after a drain that was asked for, else with 70 and one line that says why.
"""

import argparse
import asyncio
import importlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from runtime.link import Link, RoleError, Start
from runtime.log import Log
from runtime.outlet import STDERR
from runtime.tasks import Tasks
from store.errors import StoreError

Run = Callable[[Start, Link], Coroutine[Any, Any, None]]

MODULES = {
    "proxy": "proxy.worker",
    "recorder": "proxy.recorder.role",
    "store": "store.endpoint.role",
    "judge": "analyzer.judge.role",
    "dashboard": "analyzer.dashboard.role",
}
"""Where each role's `run` is; nothing else is imported."""
NICENESS = 10
"""Of all roles but the proxy: on a busy machine clients come first."""
LATE_S = 30.0
"""A role that still runs this long after `drain` has hung, and ends itself: nobody else may be there to do it."""

CLEAN = 0
FAILED = 70


def main() -> int:
    """Runs the role that the command line names."""
    parser = argparse.ArgumentParser(prog="cli.role")
    parser.add_argument("--role", choices=sorted(MODULES), required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--link-fd", type=int, required=True)
    arguments = parser.parse_args()
    if arguments.role != "proxy":
        os.nice(NICENESS)
    with asyncio.Runner(loop_factory=_loop_factory(arguments.role)) as runner:
        return runner.run(_serve(arguments.name, arguments.role, arguments.link_fd))


def _loop_factory(role: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if role != "proxy":
        return asyncio.new_event_loop
    import uvloop  # noqa: PLC0415 - only the proxy needs it

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _serve(name: str, role: str, link_fd: int) -> int:
    log = Log(name)
    log.take_libraries()
    tasks = Tasks(lambda task, error: log.error("task failed", task=task, error=_text(error)))
    link = await Link.open(link_fd)
    try:
        start = await link.start()
    except EOFError:
        return FAILED
    tasks.start("link", link.listen())
    tasks.start("deadline", _end_when_late(link, log))
    try:
        reason = await _work(role, start, link, log)
        if reason is None:
            return CLEAN
        link.failed(reason)
        return FAILED
    finally:
        await tasks.close()
        await link.close()


async def _work(role: str, start: Start, link: Link, log: Log) -> str | None:
    """Runs the role to its end. None, or why it failed."""
    try:
        run: Run = importlib.import_module(MODULES[role]).run
        work = Tasks(lambda _name, _error: None).start("role", run(start, link))  # its error is heard below
        _on_sigterm(link, work)
        await work
    except (RoleError, StoreError) as error:
        return str(error)
    except asyncio.CancelledError:
        return "was ended before its drain was over"
    except Exception as error:  # noqa: BLE001 - the border of the process: whatever happened becomes one line
        log.error("role failed", error=_text(error), at=_place(error))
        return _text(error)
    return None if link.stop.is_set() else "ended without being asked to"


def _on_sigterm(link: Link, work: "asyncio.Task[Any]") -> None:
    """The first SIGTERM asks for a drain, as the supervisor's message does; one during the drain cuts it short."""

    def terminate() -> None:
        if link.stop.is_set():
            work.cancel()
        link.stop.set()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminate)


async def _end_when_late(link: Link, log: Log) -> None:
    """A thread's timer, so that it also ends a role whose event loop hangs."""
    await link.stop.wait()
    limit_s = (link.drain_s or 0.0) + LATE_S

    def end() -> None:
        log.error("role hangs", limit_s=limit_s)
        STDERR.flush()
        os._exit(FAILED)

    timer = threading.Timer(limit_s, end)
    timer.daemon = True
    timer.start()


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0].removesuffix(": ")


def _place(error: Exception) -> str:
    """`module:line` of where it was raised, without paths of this machine."""
    innermost, number = list(traceback.walk_tb(error.__traceback__))[-1]
    return f"{innermost.f_globals.get('__name__', '?')}:{number}"


if __name__ == "__main__":
    sys.exit(main())
