"""Pages over a real embedded store, which all tests here share: each labels under a name of its own."""

import asyncio
import importlib.util
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import pytest
from aiohttp import web

from analyzer.dashboard.app import application
from analyzer.dashboard.site import Site
from config.model import Store
from runtime.log import Log
from store.locate import close, connect
from store.reader import Reader
from tests.analyzer.dashboard.made import configuration, fill
from tests.store.owners import store_at, transient


@pytest.fixture(scope="session")
def pages_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("the embedded engine is not installed: pip install shadowbench[embedded]")
    directory: Path = tmp_path_factory.mktemp("dashboard-store")
    with transient(directory):
        store = store_at(directory)
        fill(store)
        yield store


@pytest.fixture
def reader(pages_store: Store) -> Iterator[Reader]:
    client = connect(pages_store, access="reader", start_owner=False)
    yield Reader(client)
    close(client)


class Served:
    """The application on a free port of loopback, in a thread with a loop of its own."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._loop.run_forever)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self.site.close()

    def stop(self) -> None:
        """Nobody is served any more."""
        if self._runner is not None:
            asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
            self._runner = None

    async def _start(self) -> None:
        self._runner = web.AppRunner(application(self.site), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    def start_again(self) -> None:
        """On the same port."""
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)


def site_of(store: Store, **values: Any) -> Site:
    return Site.of(configuration(store, **values), Log("dashboard"))


class Asking:
    """A client that keeps its cookies, and says where its forms are."""

    def __init__(self, site: Site, url: str, session: aiohttp.ClientSession) -> None:
        self.site = site
        self.url = url
        self._session = session

    async def ask(self, method: str, path: str, **more: Any) -> tuple[int, str, Any]:
        """Status, body, headers; redirections are not followed."""
        headers = {"Accept": "text/html", **more.pop("headers", {})}
        async with self._session.request(
            method, f"{self.url}{path}", allow_redirects=False, headers=headers, **more
        ) as answer:
            return answer.status, await answer.text(), answer.headers

    async def page(self, path: str, status: int = 200) -> str:
        found, body, _ = await self.ask("GET", path)
        assert found == status, body
        return body

    async def form(self, path: str, **fields: str) -> tuple[int, str, Any]:
        return await self.ask("POST", path, data=fields, headers={"Origin": self.url})

    async def json(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        async with self._session.request(
            method, f"{self.url}{path}", json=body, headers={"Accept": "application/json"}
        ) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def open_pages() -> AsyncIterator[Any]:
    """`await open_pages(site)` serves a site in this loop, and gives a client of it."""
    opened: list[Any] = []

    async def serve(site: Site) -> Asking:
        runner = web.AppRunner(application(site), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        opened.append((session, runner, site))
        return Asking(site, f"http://127.0.0.1:{runner.addresses[0][1]}", session)

    yield serve
    for session, runner, site in opened:
        await session.close()
        await runner.cleanup()
        site.close()


@pytest.fixture
def nowhere(tmp_path: Path) -> Store:
    """A store that nobody owns."""
    return store_at(tmp_path)
