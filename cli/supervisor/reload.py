"""Takes up a changed configuration while everything runs: read once, checked once, handed to all roles or to none."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cli.settings import Loaded
from cli.supervisor.supervisor import Supervisor
from cli.supervisor.terminal import Terminal
from cli.supervisor.watch import Look, changed, look
from config.changes import needs_restart
from config.source import ConfigError, Fault, key_text

Load = Callable[[], Loaded]
"""Reads the configuration again, as it was read at the start. Blocks.

Raises:
    ConfigError: with all faults.
"""
LOOK_EVERY_S = 2.0
READ_S = 10.0
"""How long a reload waits for the disk that holds the configuration."""
NO_FILE = "this `serve` was started with options, so there is no file to reload; restart it to change them"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a reload."""

    version: int
    """The configuration that is in force now."""
    faults: Sequence[Fault] = ()
    """Why it was refused; the configuration in force before stays."""
    late: Mapping[str, str] = field(default_factory=dict)
    """Why a role does not work by it yet, by the role's name."""


class Reloader:
    """One per `serve`."""

    def __init__(self, load: Load | None, loaded: Loaded, supervisor: Supervisor, terminal: Terminal) -> None:
        """`load`: None when there is no file."""
        self._load = load
        self._loaded = loaded
        self._supervisor = supervisor
        self._terminal = terminal
        self._asked = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        """The version handed out last is the one read last."""

    async def reload(self, why: str) -> Outcome:
        """Reads, checks and hands over the configuration; `why` is shown to the operator. Never raises."""
        async with self._one_at_a_time:
            before = self._supervisor.config_version
            try:
                loaded = await self._read()
            except ConfigError as error:
                return self._refused(error.faults, why)
            fixed = needs_restart(self._supervisor.config, loaded.config)
            if fixed:
                return self._refused([_needs_restart(loaded, path) for path in fixed], why)
            self._loaded = loaded
            late = await self._supervisor.reload(loaded.config)
            version = self._supervisor.config_version
            said = f"configuration {version}" if version != before else f"configuration {version} has not changed"
            self._terminal.say("supervisor", "reloaded", f"{why}: {said}")
            for name, reason in late.items():
                self._terminal.say(name, "warning", f"not reloaded yet: {reason}")
            return Outcome(version, late=late)

    def signalled(self) -> None:
        """SIGHUP: reload soon; several in a row are one."""
        self._asked.set()

    async def watch(self) -> None:
        """Reloads when it is asked to, and when a secret, a certificate or a key changes; run it as a task."""
        before: Look = {}
        while True:
            # A new configuration may name other files, whose first look says nothing.
            now = await asyncio.to_thread(look, self._loaded.files())
            different = changed(before, now)
            before = now
            if self._asked.is_set():
                self._asked.clear()
                await self.reload("SIGHUP")
            elif different:
                await self.reload(f"{_listed(different)} changed")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._asked.wait()

    async def _read(self) -> Loaded:
        """Raises ConfigError."""
        if self._load is None:
            raise ConfigError([Fault("command line", "", NO_FILE)])
        where = self._loaded.source.origin
        try:
            async with asyncio.timeout(READ_S):
                return await asyncio.to_thread(self._load)
        except ConfigError:
            raise
        except TimeoutError:
            raise ConfigError([Fault(where, "", f"could not be read within {READ_S:g} s")]) from None
        except Exception as error:  # noqa: BLE001 - a surprise must not be the last reload; a file may change as it is read
            raise ConfigError([Fault(where, "", f"could not be read ({type(error).__name__}: {error})")]) from None

    def _refused(self, faults: Sequence[Fault], why: str) -> Outcome:
        more = f" (and {len(faults) - 1} more: `shadowbench check` names all)" if len(faults) > 1 else ""
        text = "; ".join(str(f) for f in faults) if len(faults) <= 2 else f"{faults[0]}{more}"
        self._terminal.say("supervisor", "refused", f"{why}: {text}; the configuration in force stays")
        return Outcome(self._supervisor.config_version, faults=tuple(faults))


def _needs_restart(loaded: Loaded, path: tuple[str | int, ...]) -> Fault:
    return Fault(loaded.source.where(path), key_text(path), "takes effect at a restart of `serve` alone")


def _listed(files: Sequence[Path]) -> str:
    return ", ".join(str(file) for file in files)
