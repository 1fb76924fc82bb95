"""The `dashboard` role: serves pages on the inherited socket until the supervisor asks for a drain."""

import asyncio
import contextlib
import socket

from aiohttp import web

from analyzer.dashboard.app import application
from analyzer.dashboard.site import Site
from analyzer.webhooks.service import of_role
from runtime.link import Link, Order, Reload, Start
from runtime.log import Log

KEEPALIVE_S = 75.0
DRAIN_S = 3.0
"""For answers under way; the supervisor waits five seconds."""
_REPORT_S = 1.0


async def run(start: Start, link: Link) -> None:
    """Serves pages; without a store they say so, and since when."""
    site = Site.of(start.config, Log(start.name))
    site.admin_url = start.admin_url
    webhooks = of_role(lambda: site.config, site.log)
    app = application(site)
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=KEEPALIVE_S, shutdown_timeout=DRAIN_S)
    await runner.setup()
    try:
        for fd in start.listen_fds:
            await web.SockSite(runner, socket.socket(fileno=fd)).start()
        link.obey(lambda order: _obey(order, site, link))
        link.ready(f"pages for people{'' if site.token is None else ', who log in with dashboard.token'}")
        webhooks.start()
        while not link.stop.is_set():
            link.report(site.all_figures() | webhooks.figures())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(link.stop.wait(), _REPORT_S)
    finally:
        await asyncio.gather(runner.cleanup(), webhooks.close())
        site.close()


def _obey(order: Order, site: Site, link: Link) -> None:
    if not isinstance(order, Reload):
        return
    try:
        site.config = order.configuration()
    except Exception as error:  # noqa: BLE001 - it was checked, so this is a surprise; pages go on as before
        site.log.error("reload failed", error=f"{type(error).__name__}: {error}")
        link.reloaded(order.config_version, "its reload failed; the fault is logged")
    else:
        link.reloaded(order.config_version)
