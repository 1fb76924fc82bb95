"""One process of a role, and the link to it."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from cli.supervisor.plan import STORE, RoleSpec
from runtime.link import Drain, FromRole, Order, Start, StartMessage, decode_from_role, line

Command = Callable[[RoleSpec, int], Sequence[str]]
"""(role, number of its link's descriptor) -> the command that runs it."""

MAX_LINE_BYTES = 2**20
"""A longer message from a role is a fault; figures of a machine take some ten thousand."""
MAX_UNSENT_BYTES = 2**20
"""To a role that does not read; what is told to it beyond that is left out."""
TERMINATE_S = 3.0
"""Between SIGTERM and SIGKILL."""
_LAST_WORDS_S = 1.0


def role_command(spec: RoleSpec, link_fd: int) -> Sequence[str]:
    """What runs a role. -P: a folder called `config` where the operator stands is none of ours."""
    return [sys.executable, "-P", "-m", "cli.role", "--role", spec.role, "--name", spec.name, "--link-fd", str(link_fd)]


def role_environment(spec: RoleSpec) -> Mapping[str, str]:
    """The environment of a role: ours, with our packages on the path where they are not installed."""
    environment = dict(os.environ)
    root = Path(__file__).resolve().parents[2]
    if root.name not in {"site-packages", "dist-packages"}:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    if spec.role == STORE:
        environment["TZ"] = "UTC"  # the embedded engine takes its time zone from here
    return environment


class Patience:
    """How long a stop waits; a second signal makes it wait no longer."""

    def __init__(self) -> None:
        self.is_over = False
        self._waiting: set[asyncio.Timeout] = set()

    def hurry(self) -> None:
        """Ends all waits, and those to come."""
        self.is_over = True
        for timeout in self._waiting:
            if not timeout.expired():
                timeout.reschedule(asyncio.get_running_loop().time())

    @contextlib.asynccontextmanager
    async def limit(self, seconds: float) -> AsyncIterator[None]:
        """Like asyncio.timeout.

        Raises:
            TimeoutError: the time, or the patience, was over.
        """
        async with asyncio.timeout(0 if self.is_over else seconds) as timeout:
            self._waiting.add(timeout)
            try:
                yield
            finally:
                self._waiting.discard(timeout)


class Child:
    """A running process; its end is waited for, whatever happens."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def spawn(cls, spec: RoleSpec, start: Start, command: Command) -> "Child":
        """Starts a process and tells it what to do.

        It leads a session of its own, so that Ctrl-C reaches the supervisor alone.

        Raises:
            OSError: the system could not start it.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = await asyncio.create_subprocess_exec(
                    *command(spec, theirs.fileno()),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=sys.stderr.fileno(),  # standard output belongs to the supervisor's own lines
                    env=role_environment(spec),
                    pass_fds=(theirs.fileno(), *start.listen_fds),
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=MAX_LINE_BYTES)
        writer.write(line(StartMessage.of(start)))
        return cls(process, reader, writer)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    async def listen(self, heard: Callable[[FromRole], None]) -> None:
        """Hands over every message until the link ends; what is no message of ours ends the link too."""
        with contextlib.suppress(ConnectionError, ValueError, msgspec.DecodeError):
            while text := await self._reader.readline():
                heard(decode_from_role(text))
        self._writer.close()

    def tell(self, message: Order) -> bool:
        """Tells the role; False when it is gone, or has not read what it was told before."""
        if self._writer.is_closing() or self._writer.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            return False
        self._writer.write(line(message))
        return True

    async def ended(self) -> int:
        """Waits for the end of the process; its exit code, negative for a signal."""
        return await self._process.wait()

    async def stop(self, drain_s: float, patience: Patience) -> bool:
        """Asks for a drain; after `drain_s` seconds SIGTERM, then SIGKILL. Was the drain enough?"""
        if not self._writer.is_closing():
            self._writer.write(line(Drain()))
        with contextlib.suppress(TimeoutError):
            async with patience.limit(drain_s):
                await self._process.wait()
                return True
        await self._end_by_force()
        return False

    async def _end_by_force(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TERMINATE_S):
                await self._process.wait()
                return
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def last_words(self, listening: "asyncio.Task[None]") -> None:
        """After the end: what the process still said, read until the link ends or a second has passed."""
        await asyncio.wait([listening], timeout=_LAST_WORDS_S)
        listening.cancel()
        self._writer.close()
