"""The `store` role: the embedded engine's owner under the supervisor."""

import asyncio
import contextlib

from runtime.link import Link, Order, Reload, Start
from store.endpoint.owner import directory_of, serving, take

_REPORT_S = 1.0


def _obey(order: Order, link: Link) -> None:
    """Nothing that the store works by can change without a restart."""
    if isinstance(order, Reload):
        link.reloaded(order.config_version)


async def run(start: Start, link: Link) -> None:
    """Owns the store directory until the supervisor asks for a drain, ends.

    Raises:
        StoreError: one line that says why the store cannot run here.
    """
    directory = directory_of(start.config.store)
    claim = await take(directory)
    async with serving(directory, claim, retention_s=start.config.privacy.retention, on_quit=None) as owner:
        link.obey(lambda order: _obey(order, link))
        link.ready(f"embedded store on 127.0.0.1:{owner.endpoint.port}, directory {directory}")
        while not link.stop.is_set():
            link.report(owner.server.figures())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(link.stop.wait(), _REPORT_S)
