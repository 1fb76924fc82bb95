"""The overview: what the store has, and what is said when it has nothing or is away."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analyzer.dashboard.pages import overview
from config.model import Store
from store.errors import StoreUnavailable
from tests.analyzer.dashboard.conftest import site_of
from tests.analyzer.dashboard.made import HOSTILE, PLAIN, RUBRIC, SOON


def words(body: str) -> str:
    """The text of a page, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", body.partition("<main")[2].partition("</main>")[0]).split())


def same_day() -> None:
    """Figures of today are of another day soon after midnight."""
    if datetime.now(UTC).date() != SOON.date():
        pytest.skip("midnight UTC came between")


async def test_arms_judges_budget_and_labels_stand_as_the_store_has_them(pages_store: Store, open_pages: Any) -> None:
    same_day()
    pages = await open_pages(site_of(pages_store))
    text = words(await pages.page("/judging"))
    assert f"swift vendor/swift-large 10 % {len(PLAIN) + 1}" in text
    assert f"sage vendor/sage-large 10 % {len(HOSTILE)}" in text
    assert "quick vendor/quick-large 10 % 3" in text
    assert "prod primary as clients ask all" in text
    assert "control A/A the primary once more 5 % 0" in text
    judged = len(PLAIN) + 1 + len(HOSTILE)
    assert f"Waiting {judged + 3} pairs the oldest for 2 h" in text
    assert f"Judged today {judged} pairs 1 settled for free" in text
    # Eleven known costs, and five cents each for two calls of which none is known.
    assert "Spent today $0.31 of $1.00 31 % 2 calls of unknown cost" in text
    assert "judge-a judge-large working 10 $0.20 1 refusal" in text
    assert re.search(
        r"judge-b judge-small away connect error at \d\d:\d\d:\d\d UTC 3 \$0\.01 1 connect error, 1 rate limited", text
    )
    assert "judge-c judge-idle quiet not asked within the last hour 0 $0.00 –" in text
    assert f"swift {RUBRIC} {len(PLAIN) + 1} Label" in text
    assert "No judge process is at work" not in text


async def test_without_a_judge_it_says_so(pages_store: Store, open_pages: Any) -> None:
    pages = await open_pages(site_of(pages_store, judge=None, candidates=[], control={"sample": 0}))
    text = words(await pages.page("/judging"))
    assert "Nobody judges quality" in text
    assert "No candidate is configured, so nothing is copied." in text
    assert "A/A" not in text
    pages = await open_pages(site_of(pages_store, judge={"models": []}))
    assert "No judge model is configured" in words(await pages.page("/judging"))


async def test_judges_without_a_process_are_said(
    pages_store: Store, open_pages: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "at_work", lambda _reader: 0)
    pages = await open_pages(site_of(pages_store))
    assert "No judge process is at work now, so pairs wait." in words(await pages.page("/judging"))


async def test_names_cannot_be_markup(nowhere: Store, open_pages: Any) -> None:
    evil = {"name": "swift", "url": "http://127.0.0.1:9", "model": "<script>alert(1)</script>\x1b[31m"}
    pages = await open_pages(site_of(nowhere, candidates=[evil]))
    body = await pages.page("/judging")
    assert "<script>alert" not in body
    assert "&lt;script&gt;alert(1)&lt;/script&gt;␛[31m" in body


async def test_a_store_that_was_never_there_leaves_what_the_configuration_says(nowhere: Store, open_pages: Any) -> None:
    pages = await open_pages(site_of(nowhere))
    text = words(await pages.page("/judging"))
    assert re.search(r"The store has not answered since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\. Clients are served", text)
    assert "swift vendor/swift-large 10 % –" in text
    assert "judge-a judge-large – – – –" in text
    assert "Not known while the store is away." in text
    assert pages.site.all_figures()["shadowbench_dashboard_store_up"] == 0


async def test_a_store_that_goes_leaves_the_last_view_marked(
    pages_store: Store, open_pages: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "_FRESH_S", 0.0)
    site = site_of(pages_store)
    pages = await open_pages(site)
    before = words(await pages.page("/judging"))
    gone = site.clock()
    site.clock = lambda: gone + timedelta(minutes=5)

    async def away(_work: object) -> None:
        raise StoreUnavailable("connection refused")

    monkeypatch.setattr(site.reading, "read", away)
    after = words(await pages.page("/judging"))
    assert ": not fresh" in after
    assert "What stands here is the last that was read" in after
    assert "connection refused" in after
    assert "Judged today" in before
    assert before.partition("Judged today")[2][:40] == after.partition("Judged today")[2][:40]


async def test_a_spent_budget_is_said(pages_store: Store, open_pages: Any) -> None:
    same_day()
    judge = {"models": [{"name": "judge-a", "url": "http://h", "model": "m"}], "budget": {"usd_per_day": "0.30"}}
    pages = await open_pages(site_of(pages_store, judge=judge))
    text = words(await pages.page("/judging"))
    assert "Spent today $0.31 of $0.30 100 %" in text
    assert "The budget of the day is spent" in text
    unlimited = {**judge, "budget": {"usd_per_day": None}}
    text = words(await (await open_pages(site_of(pages_store, judge=unlimited))).page("/judging"))
    assert "Spent today $0.31 no limit is set" in text
