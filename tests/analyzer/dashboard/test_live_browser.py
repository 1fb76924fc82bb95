"""The live page in a real browser: it stays up to date, and what somebody reads or does stays where it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser

from analyzer.dashboard.live import watching
from analyzer.dashboard.live.admin import AdminPort, RoleLine, Status
from analyzer.dashboard.live.recent import LatestPair, Recent
from analyzer.dashboard.pages import live as live_module
from analyzer.dashboard.store_thread import StoreThread
from config.model import Store
from store.errors import StoreUnavailable
from tests.analyzer.dashboard.browsing import DESKTOP, PHONE, chromium, window
from tests.analyzer.dashboard.conftest import Served, site_of
from tests.analyzer.dashboard.made import HOSTILE, SCRIPT

PAGE = "/?window=6h"
STUDY = "#candidate-1"
AS_OF = "#decisions .as-of time"
NARROW = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
ID = "6ba7b812-9dad-11d1-80b4-00c04fd430c8"


class Switched:
    """The store for studies, with a switch."""

    def __init__(self, store: StoreThread) -> None:
        self._store = store
        self.trouble: StoreUnavailable | None = None

    async def read(self, work: Callable[..., Any]) -> Any:
        if self.trouble is not None:
            raise self.trouble
        return await self._store.read(work)

    def close(self) -> None:
        self._store.close()


@dataclass
class Stage:
    """The pages, and what they are shown."""

    served: Served
    store: Switched
    status: Status
    recent: Recent

    def paused(self) -> set[str]:
        return set(self.status.paused)

    def page(self, query: str = PAGE) -> str:
        return f"{self.served.url}{query}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def stage(pages_store: Store, browser: Browser) -> Iterator[Stage]:
    del browser  # without one nothing needs to be served
    roles = (RoleLine("proxy-0", is_ready=True, restarts=0), RoleLine("judge", is_ready=False, restarts=4))
    site = site_of(pages_store)
    store = Switched(site.studies)
    site.studies = store  # type: ignore[assignment]
    one = Stage(Served(site), store, Status(roles, ("swift", "sage", "quick"), ()), Recent({"swift": 3}, None, ()))

    async def status(_port: AdminPort, _token: str | None) -> Status:
        return one.status

    async def switch(_port: AdminPort, candidate: str, _token: str | None, *, pause: bool) -> None:
        paused = set(one.status.paused) - {candidate} | ({candidate} if pause else set())
        one.status = replace(one.status, paused=tuple(paused))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watching, "FIRST_S", 60.0)
        patch.setattr(watching, "LEAST_S", 0.3)
        patch.setattr(watching, "SHARE", 1.0)
        patch.setattr(live_module, "BEAT_S", 0.1)
        patch.setattr(live_module, "_STATUS_S", 0.0)
        patch.setattr(live_module, "recent", lambda *_: one.recent)
        patch.setattr(AdminPort, "status", status)
        patch.setattr(AdminPort, "switch", switch)
        with one.served:
            yield one


def test_it_renews_itself_and_what_is_read_stays_where_it_is(browser: Browser, stage: Stage) -> None:
    with window(browser) as one:
        one.page.goto(stage.page())
        one.wait(STUDY)
        one.page.locator(f"{STUDY} summary").last.click()
        one.page.locator(f"{STUDY} summary").last.focus()
        one.page.evaluate(f"document.querySelector('{STUDY} .metrics').scrollIntoView()")
        before = one.page.evaluate("scrollY")
        assert before > 0
        shown = one.text(AS_OF)
        one.wait(f"{AS_OF}:not(:text-is('{shown}'))")
        assert one.page.evaluate("scrollY") == pytest.approx(before, abs=2)
        assert one.page.locator(f"{STUDY} details").last.get_attribute("open") is not None
        assert one.page.evaluate("document.activeElement.tagName") == "SUMMARY"
        assert one.page.evaluate(f"document.querySelector('{STUDY}').contains(document.activeElement)")
        assert "here" in (one.page.locator(AS_OF).get_attribute("title") or "")


def test_what_arrives_is_seen_without_a_hand(browser: Browser, stage: Stage) -> None:
    pair = LatestPair(ID, datetime.now(UTC), "swift", "ok", "timeout", 812.4, None, None, None)
    try:
        with window(browser) as one:
            one.page.goto(stage.page())
            one.wait("text=no pair in five minutes")
            stage.recent = Recent({"swift": 4}, datetime.now(UTC) - timedelta(seconds=2), (pair,))
            one.wait(f"[data-pair='{ID}']", state="attached")
            one.page.click("#newest > summary")
            one.wait("#newest >> text=812 ms")
            stage.recent = Recent({"swift": 5}, datetime.now(UTC), (pair,))
            one.wait(".now-lines td:has-text('5')")
            assert one.page.locator("#newest").get_attribute("open") is not None
            assert one.page.locator(f"[data-pair='{ID}'] a").get_attribute("href") == f"/pairs/{ID}/swift"
    finally:
        stage.recent = Recent({"swift": 3}, None, ())


def test_a_store_that_goes_and_comes_back(browser: Browser, stage: Stage) -> None:
    with window(browser) as one:
        one.page.goto(stage.page())
        one.wait(STUDY)
        stage.store.trouble = StoreUnavailable("nobody answers")
        try:
            one.wait("#decisions >> text=Stale since")
            assert one.page.locator(STUDY).is_visible()
            assert "nobody answers" in one.text("#decisions")
        finally:
            stage.store.trouble = None
        one.wait("#decisions >> text=Stale since", state="detached")


def test_a_server_that_goes_and_comes_back(browser: Browser, stage: Stage) -> None:
    with window(browser) as one:
        one.page.goto(stage.page())
        one.wait(STUDY)
        stage.served.stop()
        try:
            one.wait("#connection >> text=Not up to date")
        finally:
            stage.served.start_again()
        one.wait("#connection:empty", state="attached")
        one.faults = [text for text in one.faults if "ERR_" not in text]


def test_copies_are_paused_by_two_presses_of_a_key(browser: Browser, stage: Stage) -> None:
    with window(browser) as one:
        one.page.goto(stage.page())
        one.wait(STUDY)
        one.page.focus(".now-lines tr:has(th:text-is('sage')) summary")
        one.press("Enter")
        assert stage.paused() == set()
        one.press("Tab")
        one.press("Enter")
        one.wait(".now-lines tr:has(th:text-is('sage')) >> text=paused")
        assert stage.paused() == {"sage"}
        one.page.focus("button:has-text('Resume')")
        one.press("Enter")
        one.wait(".now-lines tr:has(th:text-is('sage')) summary")
        assert stage.paused() == set()


def test_window_and_filter_are_reached_by_keys(browser: Browser, stage: Stage) -> None:
    with window(browser) as one:
        one.page.goto(stage.page())
        one.page.focus(".windows a >> nth=2")
        one.press("Shift+Tab")
        one.press("Enter")
        one.wait(".windows a[aria-current]:text-is('1h')")
        one.page.focus(".windows a >> nth=5")
        one.press("Tab")
        one.press("Enter")
        one.press("Tab")
        one.page.keyboard.type("chat/completions")
        one.press("Enter")
        one.page.wait_for_url("**endpoint=chat*")
        one.wait(".live-head a:text-is('All requests')")
        assert "chat/completions" in one.text(".filters summary")
        assert "window=1h" in one.page.url


def test_hostile_names_and_values_do_nothing(browser: Browser, stage: Stage) -> None:
    try:
        stage.recent = Recent({text[:400]: 7 for text in HOSTILE}, None, ())
        with window(browser, viewport=PHONE) as one:
            one.page.goto(stage.page(PAGE))
            one.wait(STUDY)
            one.wait(".now-lines td:has-text('7') >> nth=0")
            stage.recent = Recent({text[:400]: 8 for text in HOSTILE}, None, ())
            one.wait(".now-lines td:has-text('8') >> nth=0")
            assert one.page.evaluate(NARROW)
            one.page.goto(stage.page() + "&label." + "tenant".ljust(80, "x") + "=" + SCRIPT.replace("#", "%23"))
            assert one.page.input_value(f"input[name='label.{'tenant'.ljust(80, 'x')}']") == SCRIPT
            assert "owned" not in one.page.title()
            assert one.page.locator("#forged").count() == 0
            assert one.page.evaluate(NARROW)
    finally:
        stage.recent = Recent({"swift": 3}, None, ())


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("path", [PAGE, "/reports"])
def test_no_page_is_wider_than_its_window(browser: Browser, stage: Stage, viewport: dict[str, int], path: str) -> None:
    with window(browser, viewport=viewport) as one:
        one.page.goto(stage.page(path))
        for summary in one.page.locator("main summary").all():
            summary.evaluate("element => { element.parentElement.open = true; }")
        assert one.page.evaluate(NARROW)


def test_it_works_without_scripts(browser: Browser, stage: Stage) -> None:
    with window(browser, java_script_enabled=False) as one:
        one.page.goto(stage.page())
        one.wait(STUDY)
        assert "swift" in one.text("#decisions")
        assert one.page.locator("noscript meta[http-equiv=refresh], meta[http-equiv=refresh]").count() == 1
        one.page.click(".now-lines tr:has(th:text-is('swift')) summary")
        one.page.click(".now-lines tr:has(th:text-is('swift')) button")
        one.wait(".now-lines tr:has(th:text-is('swift')) >> text=paused")
        one.page.click("button:has-text('Resume')")
        one.wait(".now-lines tr:has(th:text-is('swift')) summary")
