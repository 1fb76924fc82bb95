"""An owner's life: claim the directory, open the engine, serve, publish; and back in reverse."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from config.model import Store
from store.endpoint.claim import Claim, Held, Holder
from store.endpoint.engine import Engine
from store.endpoint.place import DATABASE, Endpoint, new_password, publish, read_endpoint, withdraw
from store.endpoint.protocol import Access
from store.endpoint.server import Server
from store.errors import DirectoryHeld, EngineFailed
from store.locate import close, connect_to
from store.migrate import migrate
from store.retention import apply_retention

DRAIN_S = 10.0
"""How long a stop waits for statements under way."""
_TAKE_OVER_S = 30.0
"""A transient owner must let go within this: it drains, and may just be starting."""
_POLL_S = 0.05
_ASK_S = 5.0


@dataclass(frozen=True, slots=True)
class Serving:
    """An owner at work."""

    endpoint: Endpoint
    server: Server


async def take(directory: Path) -> Claim:
    """Claims a directory for good; a transient owner is asked to quit first.

    Raises:
        DirectoryHeld: another permanent owner has it, or a transient one does not let go.
        EngineFailed: it cannot be made or written.
    """
    deadline = time.monotonic() + _TAKE_OVER_S
    while True:
        try:
            return Claim.acquire(directory, is_transient=False)
        except Held as held:
            if not held.holder.is_transient or time.monotonic() > deadline:
                raise DirectoryHeld(held_text(directory, held.holder)) from None
            await _ask_to_quit(directory, held.holder)
        except OSError as error:
            raise EngineFailed(unusable_text(directory, error)) from None
        await asyncio.sleep(_POLL_S)


def held_text(directory: Path, holder: Holder) -> str:
    """The operator's line about a directory that is taken."""
    who = f"process {holder.pid}" if holder.pid else "another process"
    return f"{who} owns the store directory {directory}: stop it, or choose another store.dir"


def unusable_text(directory: Path, error: OSError) -> str:
    """The operator's line about a directory that cannot be made or written."""
    reason = error.strerror or str(error)
    return f"the store directory {directory} cannot be used ({reason}): mend that, or choose another store.dir"


async def _ask_to_quit(directory: Path, holder: Holder) -> None:
    endpoint = read_endpoint(directory)
    if endpoint is None or endpoint.pid != holder.pid:
        return  # not listening yet
    login = aiohttp.BasicAuth("writer", endpoint.writer)
    timeout = aiohttp.ClientTimeout(total=_ASK_S)
    with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
        async with (
            aiohttp.ClientSession(auth=login, timeout=timeout) as session,
            session.post(f"http://127.0.0.1:{endpoint.port}/quit"),
        ):
            pass


@contextlib.asynccontextmanager
async def serving(
    directory: Path, claim: Claim, *, retention_s: float | None, on_quit: Callable[[], None] | None
) -> AsyncIterator[Serving]:
    """Opens and serves a claimed directory until the block ends; the claim is released in any case.

    Args:
        directory: `store.dir`.
        claim: the right to it.
        retention_s: how long texts are kept; None leaves it as it is.
        on_quit: what to do when a permanent owner wants the directory; None makes this a permanent owner.

    Raises:
        StoreError: the engine does not open, or its schema is newer than ours.
    """
    try:
        engine = Engine(directory)
        try:
            passwords: dict[Access, str] = {"writer": new_password(), "reader": new_password()}
            server = Server(engine, passwords, on_quit)
            try:
                endpoint = Endpoint(
                    pid=os.getpid(),
                    port=await server.start(),
                    writer=passwords["writer"],
                    reader=passwords["reader"],
                    version=engine.version,
                    transient=on_quit is not None,
                )
                await asyncio.to_thread(_prepare, endpoint, retention_s)
                publish(directory, endpoint)
                yield Serving(endpoint, server)
            finally:
                withdraw(directory)
                await server.stop(DRAIN_S)
        finally:
            await asyncio.to_thread(engine.close)
    finally:
        claim.release()


def _prepare(endpoint: Endpoint, retention_s: float | None) -> None:
    """Brings the schema up to date, over the same door that everybody uses."""
    client = connect_to(endpoint, "writer")
    try:
        migrate(client, DATABASE)
        if retention_s is not None:
            apply_retention(client, retention_s)
    finally:
        close(client)


def directory_of(store: Store) -> Path:
    """The embedded store's directory."""
    return Path(store.dir).resolve()
