"""Starts and ends the processes of the demonstration: each is known by its id, and none is ended by name."""

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import aiohttp

_START_TIMEOUT_S = 20.0
_STOP_TIMEOUT_S = 15.0
_POLL_S = 0.1


class DemoError(Exception):
    """The demonstration cannot go on; the message is one line that says why, and what to do."""


def free_ports(count: int) -> list[int]:
    """Loopback ports that are free now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def _python(*arguments: str) -> Sequence[str]:
    """A command. -P: a folder called `config` where the user stands is none of ours."""
    return [sys.executable, "-P", *arguments]


def _environment() -> Mapping[str, str]:
    """Ours, with our packages on the path where they are not installed."""
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": path}


class Child:
    """One process of the demonstration, in a session of its own so that Ctrl-C reaches it only through us."""

    def __init__(self, name: str, process: Process) -> None:
        self.name = name
        self.process = process

    @classmethod
    async def start(cls, name: str, arguments: Sequence[str], *, stdin: int, stdout: int, log: Path) -> "Child":
        """Starts `python ARGUMENTS`; standard error goes to the end of `log`."""
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *_python(*arguments),
                stdin=stdin,
                stdout=errors if stdout == DEVNULL else stdout,
                stderr=errors,
                start_new_session=True,
                env=_environment(),
            )
        return cls(name, process)

    @property
    def is_running(self) -> bool:
        """Has it not ended by itself?"""
        return self.process.returncode is None

    async def stop(self) -> None:
        """Asks it to end (end of input, then SIGTERM), and makes it end after 15 seconds."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        elif self.is_running:
            self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), _STOP_TIMEOUT_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()


async def start_providers(*, seed: int, log: Path) -> tuple[Child, dict[str, int]]:
    """Starts the simulated providers.

    Returns:
        The process, and the port of each provider by its name.

    Raises:
        DemoError: they did not start.
    """
    arguments = ["-m", "cli.demo.provider", "--seed", str(seed)]
    child = await Child.start("simulated providers", arguments, stdin=PIPE, stdout=PIPE, log=log)
    output = child.process.stdout
    try:
        line = await asyncio.wait_for(output.readline(), _START_TIMEOUT_S) if output else b""
        ports: dict[str, int] = json.loads(line)
    except (TimeoutError, ValueError):
        await child.stop()
        raise DemoError(f"the simulated providers did not start; see {log}") from None
    return child, ports


async def start_serve(configuration: Path, *, log: Path) -> Child:
    """Starts `shadowbench serve` as a user would."""
    arguments = ["-m", "cli.main", "serve", "-c", str(configuration)]
    return await Child.start("serve", arguments, stdin=DEVNULL, stdout=DEVNULL, log=log)


async def wait_until_ready(serve: Child, *, admin_port: int, log: Path) -> None:
    """Waits until all roles work.

    Raises:
        DemoError: `serve` ended by itself, or is not ready after 20 seconds.
    """
    url = f"http://127.0.0.1:{admin_port}/readyz"
    deadline = asyncio.get_running_loop().time() + _START_TIMEOUT_S
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0)) as session:
        while serve.is_running and asyncio.get_running_loop().time() < deadline:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(url) as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(_POLL_S)
    state = "is not ready" if serve.is_running else "ended"
    raise DemoError(f"shadowbench serve {state}: {last_line(log)}; all of it is in {log}")


def last_line(log: Path) -> str:
    """What a process said last."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.exists() else []
    return next((text.strip() for text in reversed(lines) if text.strip()), "it said nothing")


async def run_command(*arguments: str) -> int:
    """Runs one `shadowbench` command with our terminal, to its end.

    Returns:
        Its exit code.
    """
    command = _python("-m", "cli.main", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, env=_environment())
    return await process.wait()
