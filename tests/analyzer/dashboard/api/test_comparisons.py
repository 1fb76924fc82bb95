"""`comparisons`: the study of a window, computed once for all who ask at the same time."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from analyzer.dashboard.api.asked import Impossible, OfComparisons
from analyzer.dashboard.api.comparisons import MOST, Comparisons
from analyzer.dashboard.site import Site
from analyzer.dashboard.store_thread import StoreThread
from analyzer.metrics import METRICS
from config.model import Store
from store.errors import StoreUnavailable
from tests.analyzer.dashboard.conftest import Asking, site_of
from tests.analyzer.dashboard.made import NOW, configuration

POLICY = {"primary_metrics": [{"metric": "total_ms", "estimand": "p50", "margin": "5%"}], "planned_pairs": 1000}


class Counted:
    """Stands for the thread of studies: counts what is computed, and says something new each time."""

    def __init__(self) -> None:
        self.asked = 0
        self.trouble: StoreUnavailable | None = None
        self.go = asyncio.Event()
        self.go.set()

    async def read(self, work: Any) -> bytes:
        self.asked += 1
        number = self.asked
        await self.go.wait()
        if self.trouble is not None:
            raise self.trouble
        return f'{{"n": {number}}}'.encode()

    async def release(self) -> None:
        """Answers may go out from now on."""
        await asyncio.sleep(0)
        self.go.set()

    def close(self) -> None:
        """There is no thread."""


class Clock:
    """Moved by the test."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def site(nowhere: Store) -> Any:
    made = site_of(nowhere)
    yield made
    made.close()


def shared(site: Site) -> tuple[Comparisons, Counted, Clock]:
    counted, clock = Counted(), Clock()
    site.studies.close()
    site.studies = counted  # type: ignore[assignment]
    site.clock = lambda: NOW
    return Comparisons(site, METRICS, clock), counted, clock


async def test_who_asks_the_same_at_the_same_time_gets_the_same(site: Site) -> None:
    comparisons, counted, clock = shared(site)
    counted.go.clear()
    *told, _ = await asyncio.gather(*(comparisons.report(OfComparisons()) for _ in range(20)), counted.release())
    assert set(told) == {b'{"n": 1}'}
    assert await comparisons.report(OfComparisons(since="1h")) == b'{"n": 2}'
    clock.now_s += 0.9
    assert await comparisons.report(OfComparisons()) == b'{"n": 1}'
    clock.now_s += 0.2
    assert await comparisons.report(OfComparisons()) == b'{"n": 3}'


async def test_a_new_configuration_is_computed_by_at_once(site: Site) -> None:
    comparisons, counted, _ = shared(site)
    await comparisons.report(OfComparisons())
    site.config = configuration(site.config.store, policy=POLICY)
    await comparisons.report(OfComparisons())
    assert counted.asked == 2


async def test_what_failed_is_asked_again(site: Site) -> None:
    comparisons, counted, _ = shared(site)
    counted.trouble = StoreUnavailable("away")
    with pytest.raises(StoreUnavailable):
        await comparisons.report(OfComparisons())
    counted.trouble = None
    assert await comparisons.report(OfComparisons()) == b'{"n": 2}'


async def test_few_answers_are_kept(site: Site) -> None:
    comparisons, counted, _ = shared(site)
    for hours in range(1, MOST + 3):
        await comparisons.report(OfComparisons(since=f"{hours}h"))
    assert len(comparisons._kept) == MOST
    await comparisons.report(OfComparisons(since="1h"))
    assert counted.asked == MOST + 3


async def test_no_store_is_asked_about_a_window_that_there_is_not(site: Site) -> None:
    comparisons, counted, _ = shared(site)
    with pytest.raises(Impossible):
        await comparisons.report(OfComparisons(since="1h", until="2h"))
    assert counted.asked == 0


@pytest.fixture
async def api(pages_store: Store, open_pages: Any) -> Asking:
    site = site_of(pages_store, policy=POLICY)
    return await open_pages(site)  # type: ignore[no-any-return]


async def test_a_report_is_of_the_window_that_was_asked_for(api: Asking) -> None:
    since, until = NOW - timedelta(hours=3), NOW - timedelta(minutes=1)
    text = "&".join(f"{n}={t.strftime('%Y-%m-%dT%H:%M:%S.%f')}Z" for n, t in (("since", since), ("until", until)))
    status, report = await api.json("GET", f"/api/v1/comparisons?{text}")
    assert status == 200
    assert report["window"]["asked"] == {
        "since": since.isoformat().replace("+00:00", "Z"), "until": until.isoformat().replace("+00:00", "Z")
    }  # fmt: skip
    pairs = {c["name"]: c["pairs"] for c in report["candidates"]}
    assert pairs.items() >= {"swift": 13, "sage": 6, "quick": 3}.items()
    assert report["policy"] is not None
    assert report["kind"] == "anytime"


async def test_candidates_and_kind_are_chosen(api: Asking) -> None:
    _, report = await api.json("GET", "/api/v1/comparisons?candidate=sage&kind=fixed")
    assert ([c["name"] for c in report["candidates"]], report["kind"]) == (["sage"], "fixed")
    status, said = await api.json("GET", "/api/v1/comparisons?candidate=%1b[31mnobody")
    assert status == 422
    assert said["error"].startswith("no candidate 'nobody' is configured")


async def test_some_of_the_pairs_are_for_looking(api: Asking) -> None:
    """No policy speaks of them, and nothing is decided."""
    _, all_of_them = await api.json("GET", "/api/v1/comparisons?label=tenant=acme")
    assert all_of_them["policy"] is None
    assert {c["pairs"] for c in all_of_them["candidates"]} >= {13, 6, 3}
    assert {c["decision"] for c in all_of_them["candidates"]} == {"wait"}
    _, none = await api.json("GET", "/api/v1/comparisons?label=tenant=nobody&stream=true&model=x&endpoint=y")
    assert {c["pairs"] for c in none["candidates"]} == {0}


async def test_a_study_does_not_keep_rows_waiting(api: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies have a connection of their own."""
    whole = StoreThread.read
    began, go = asyncio.Event(), asyncio.Event()

    async def slow(self: StoreThread, work: Any) -> Any:
        if self is api.site.studies:
            began.set()
            await go.wait()
        return await whole(self, work)

    monkeypatch.setattr(StoreThread, "read", slow)

    async def meanwhile() -> int:
        await began.wait()
        status, _ = await api.json("GET", "/api/v1/pairs?limit=1")
        go.set()
        return int(status)

    (status, report), listed = await asyncio.gather(api.json("GET", "/api/v1/comparisons"), meanwhile())
    assert (status, report["schema_version"], listed) == (200, 1, 200)
