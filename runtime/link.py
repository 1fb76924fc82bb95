"""The tie between the supervisor and a role: JSON lines over an inherited Unix socket.

Its end is the death of the other side: a role whose link closes drains and exits by itself.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from config.model import Config
from config.wire import from_wire, to_wire

MAX_LINE_BYTES = 16 * 2**20
_MAX_UNSENT_BYTES = 256 * 2**10
_CLOSE_S = 2.0
DROPPED = "shadowbench_link_reports_dropped_total"


class RoleError(Exception):
    """Why a role cannot work, in one line that says what to do; the supervisor shows it and tries again."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a role is told before it begins."""

    role: str
    """`proxy`, `recorder` or `store`."""
    name: str
    """`proxy-0`: unique on the machine."""
    config: Config
    config_version: int
    listen_fds: tuple[int, ...]
    """Inherited listening sockets; empty for roles without."""
    paused: tuple[str, ...] = ()
    """Candidates that get no copies for now; `*` is all of them."""
    slots: Mapping[str, int] = field(default_factory=dict)
    """Copies that a worker may have under way, by candidate, before its first lease; one not named: an even part."""
    admin_url: str = ""
    """Where the supervisor's admin port is reached from this machine; empty: nowhere."""


class StartMessage(msgspec.Struct, frozen=True, tag_field="type", tag="start"):
    """The first message to a role. It holds secrets: it goes over the inherited socket and nowhere else."""

    role: str
    name: str
    config: dict[str, Any]
    config_version: int
    listen_fds: tuple[int, ...]
    paused: tuple[str, ...] = ()
    slots: dict[str, int] = {}
    admin_url: str = ""

    @classmethod
    def of(cls, start: Start) -> "StartMessage":
        """The message that tells a role `start`."""
        return cls(
            start.role,
            start.name,
            to_wire(start.config),
            start.config_version,
            start.listen_fds,
            start.paused,
            dict(start.slots),
            start.admin_url,
        )

    def start(self) -> Start:
        """What the message says."""
        return Start(
            self.role,
            self.name,
            from_wire(self.config),
            self.config_version,
            self.listen_fds,
            self.paused,
            self.slots,
            self.admin_url,
        )


class Drain(msgspec.Struct, frozen=True, tag_field="type", tag="drain"):
    """To a role: finish what is under way, then exit."""


class Reload(msgspec.Struct, frozen=True, tag_field="type", tag="reload"):
    """To a role: from now on this configuration, which the supervisor has checked. It holds secrets.

    The version that the role has already means: only files that the configuration names have changed.
    """

    config: dict[str, Any]
    config_version: int

    @classmethod
    def of(cls, config: Config, config_version: int) -> "Reload":
        """The message that hands over `config`."""
        return cls(to_wire(config), config_version)

    def configuration(self) -> Config:
        """What the message hands over."""
        return from_wire(self.config)


class Pause(msgspec.Struct, frozen=True, tag_field="type", tag="pause"):
    """To a worker: these candidates, and no others, get no copies for now; `*` is all of them."""

    candidates: tuple[str, ...]


class Terms(msgspec.Struct, frozen=True):
    """What a worker may do with one candidate. Totals count from the worker's start, so a lost message does no harm."""

    max_in_flight: int
    budget_copies: int | None = None
    """Copies that the budget allows, in total; None: there is no budget."""
    rate_copies: int | None = None
    """Copies that the rate allows, in total; None: there is no limit."""


class Lease(msgspec.Struct, frozen=True, tag_field="type", tag="lease"):
    """To a worker: its part of the limits that are shared, by candidate."""

    number: int
    """Grows; `Demand` says which one was read last."""
    terms: dict[str, Terms]
    valid_until_ns: int
    """CLOCK_MONOTONIC, which all processes of a machine share: a worker that slept does not take an old one for new."""


class Ready(msgspec.Struct, frozen=True, tag_field="type", tag="ready"):
    """From a role: it works; `detail` is shown to the operator in one line."""

    detail: str


class Figures(msgspec.Struct, frozen=True, tag_field="type", tag="figures"):
    """From a role: figures for `/metrics`, by metric name; each message replaces the one before."""

    figures: dict[str, float]


class Used(msgspec.Struct, frozen=True):
    """What a worker did with one candidate since its start."""

    in_flight: int
    begun: int
    ended: int
    refused: int
    """Copies that a shared limit kept back: there is demand for a larger part."""


class Demand(msgspec.Struct, frozen=True, tag_field="type", tag="demand"):
    """From a worker: what it did with the limits that are shared, by candidate."""

    used: dict[str, Used]
    lease: int = 0
    """Number of the newest lease that it has read; 0 before the first."""


class Reloaded(msgspec.Struct, frozen=True, tag_field="type", tag="reloaded"):
    """From a role: it works by the configuration of this version, or why it does not yet."""

    config_version: int
    not_yet: str | None = None
    """In one line; it is said again without this once the configuration is taken up."""


class Failed(msgspec.Struct, frozen=True, tag_field="type", tag="failed"):
    """From a role, last of all: why it exits."""

    reason: str


Order = Reload | Pause | Lease
"""What a role may be told while it works."""
ToRole = StartMessage | Drain | Order
FromRole = Ready | Figures | Demand | Reloaded | Failed
decode_to_role = msgspec.json.Decoder(ToRole).decode
decode_from_role = msgspec.json.Decoder(FromRole).decode


def line(message: ToRole | FromRole) -> bytes:
    """A message as it goes over the socket."""
    return msgspec.json.encode(message) + b"\n"


class Link:
    """A role's end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.stop = asyncio.Event()
        """Set when the supervisor asks for a drain, or is gone."""
        self.is_lost = False
        """The supervisor is gone; the other roles of this machine are draining too."""
        self.reports_dropped = 0
        """Reports left out because the supervisor did not read; the next one replaces them."""
        self.drain_s: float | None = None
        """How long a drain may take, as last said; None before the start."""
        self._obey: Callable[[Order], None] | None = None
        self._kept: dict[type[Order], Order] = {}

    @classmethod
    async def open(cls, fd: int) -> "Link":
        """Takes over the inherited socket; processes that this role starts do not get it."""
        sock = socket.socket(fileno=fd)
        sock.set_inheritable(False)
        reader, writer = await asyncio.open_unix_connection(sock=sock, limit=MAX_LINE_BYTES)
        return cls(reader, writer)

    async def start(self) -> Start:
        """Waits for the first message.

        Raises:
            EOFError: the supervisor died first.
        """
        first = await self._reader.readline()
        if not first:
            raise EOFError("the supervisor ended before it said what to do")
        message = decode_to_role(first)
        if not isinstance(message, StartMessage):
            raise EOFError("the supervisor asked for the end before the beginning")
        start = message.start()
        self.drain_s = start.config.drain
        return start

    def obey(self, order: Callable[[Order], None]) -> None:
        """Hands over every order from now on; first the newest of each kind that came before. `order` never raises."""
        self._obey = order
        kept, self._kept = self._kept, {}
        for message in kept.values():
            order(message)

    async def listen(self) -> None:
        """Reads messages until the link ends; run it as a task."""
        try:
            while text := await self._reader.readline():
                message = decode_to_role(text)
                if isinstance(message, Drain):
                    self.stop.set()
                elif not isinstance(message, StartMessage):
                    self._ordered(message)
        except (ConnectionError, ValueError):  # ValueError: a line too long, or no message of ours
            pass
        finally:
            # Also when this wait is cancelled: then nobody listens any more.
            self.is_lost = True
            self.stop.set()

    def _ordered(self, message: Order) -> None:
        if isinstance(message, Reload):
            self.drain_s = float(message.config["drain"])
        if self._obey is None:
            self._kept[type(message)] = message
        else:
            self._obey(message)

    def ready(self, detail: str) -> None:
        """The role works; `detail` is shown to the operator in one line."""
        self._send(Ready(detail))

    def report(self, figures: dict[str, float]) -> None:
        """Figures of this role for `/metrics`, by metric name (labels inside the name, Prometheus style)."""
        if self._writer.transport.get_write_buffer_size() > _MAX_UNSENT_BYTES:
            self.reports_dropped += 1
            return
        dropped = {DROPPED: float(self.reports_dropped)} if self.reports_dropped else {}
        self._send(Figures(figures | dropped))

    def reloaded(self, config_version: int, not_yet: str | None = None) -> None:
        """The role works by this version, or why it does not yet."""
        self._send(Reloaded(config_version, not_yet))

    def demand(self, used: dict[str, Used], lease: int) -> None:
        """What a worker did with the limits that are shared, by candidate; a report like any other."""
        if self._writer.transport.get_write_buffer_size() > _MAX_UNSENT_BYTES:
            self.reports_dropped += 1
            return
        self._send(Demand(used, lease))

    def failed(self, reason: str) -> None:
        """Why the role is about to exit."""
        self._send(Failed(reason))

    async def close(self) -> None:
        """Hands over what was said, for at most two seconds, and closes."""
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_CLOSE_S):
                await self._writer.drain()
                self._writer.close()
                await self._writer.wait_closed()

    def _send(self, message: FromRole) -> None:
        if not self._writer.is_closing():
            self._writer.write(line(message))
