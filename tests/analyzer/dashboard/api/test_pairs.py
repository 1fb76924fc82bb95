"""Pairs over the API: lists against the rows that are stored, and all that is kept of one of them."""

import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from analyzer.dashboard.api import pairs as pairs_module
from config.model import Store
from store import tables
from store.browsing import listing
from store.judging.rows import write
from store.locate import StoreConnection
from store.writer import Writer
from tests.analyzer.dashboard.conftest import Asking, site_of
from tests.analyzer.dashboard.made import BEGIN, HOSTILE, LONG, NOW, RUBRIC, request_id
from tests.analyzer.rows import as_values
from tests.store.judging.conftest import label, listed_of, pair, score

PAIRS = "/api/v1/pairs"
MANY = (("swift", 13), ("sage", 6), ("quick", 3))
THEIRS = "&".join(f"candidate={name}" for name, _ in MANY)
"""Other tests add pairs of others."""
INJECTION = "a'b=c;--"


@pytest.fixture
async def api(pages_store: Store, open_pages: Any) -> Asking:
    return await open_pages(site_of(pages_store))  # type: ignore[no-any-return]


async def walk(api: Asking, query: str, limit: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All pairs of a list, and its pages."""
    found: list[dict[str, Any]] = []
    pages: list[dict[str, Any]] = []
    after = ""
    while not pages or after:
        status, page = await api.json("GET", f"{PAIRS}?limit={limit}&{query}" + (f"&after={after}" if after else ""))
        assert status == 200, page
        pages.append(page)
        found += page["pairs"]
        after = page["next"] or ""
        assert len(pages) < 50
    return found, pages


@pytest.mark.parametrize("limit", [5, 22, 200])
async def test_pages_together_are_the_list(api: Asking, limit: int) -> None:
    found, pages = await walk(api, f"since=3h&{THEIRS}", limit)
    assert {(p["request_id"], p["candidate"]) for p in found} == {
        (str(request_id(name, n)), name) for name, many in MANY for n in range(many)
    }  # fmt: skip
    times = [p["ts"] for p in found]
    assert times == sorted(times, reverse=True)
    assert len(pages) == max(1, -(-22 // limit))
    assert all(page["looked_at"]["is_all"] for page in pages)
    assert pages[0]["in_window"] == 22


async def test_a_list_that_looks_at_a_part_goes_on_where_it_looked_last(
    api: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages are empty where nothing of the part matches, and the last one comes to the window's begin."""
    real = listing.page
    monkeypatch.setattr(pairs_module, "page", lambda *args, **more: real(*args, **{**more, "most": 1}))
    old = NOW - timedelta(hours=6)
    writer = Writer(StoreConnection(api.site.config.store, access="writer"))
    endpoints = ["responses", "messages", *["responses"] * 4]
    rows = [pair(old + timedelta(minutes=n), "parted", endpoint=endpoint) for n, endpoint in enumerate(endpoints)]
    writer.insert("pairs", as_values(tables.PAIRS, rows), "parted")
    writer.close()
    found, pages = await walk(api, "since=8h&until=5h&candidate=parted&endpoint=messages", 5)
    assert [p["request_id"] for p in found] == [str(rows[1]["request_id"])]
    assert len(pages) > 1
    assert not pages[0]["looked_at"]["is_all"]
    by_value = await api.json("GET", f"{PAIRS}?since=8h&until=5h&candidate=parted&sort=slower&endpoint=messages")
    assert by_value[1]["next"] is None
    assert not by_value[1]["looked_at"]["is_all"]


@pytest.mark.parametrize(
    ("query", "many"),
    [
        ("candidate=swift", 13),
        ("candidate=swift&candidate=quick", 16),
        ("label=tenant=acme", 22),
        ("label=tenant=other", 0),
        (f"label={quote(INJECTION)}=x", 0),
        ("endpoint=chat/completions&model=gpt-x", 22),
        ("stream=true", 22),
        ("stream=false", 0),
        ("conversation=7", 22),
        ("outcome=ok", 22),
        ("outcome=candidate_failed", 0),
        ("answer=refused", 0),
        ("verdict=judged", 19),
        ("verdict=not_judged", 2),
        ("verdict=candidate_better&candidate=sage", 6),
    ],
)
async def test_filters(api: Asking, query: str, many: int) -> None:
    whose = "" if "candidate=" in query else f"&{THEIRS}"
    found, _ = await walk(api, f"since=3h&{query}{whose}", 50)
    assert len(found) == many


async def test_all_that_is_kept_of_a_pair(api: Asking) -> None:
    mine = pair(
        BEGIN + timedelta(minutes=20), "kept", conversation=2**64 - 1, candidate_total_ms=812.5, changed=["store"],
        primary_cost_usd="0.000123456", candidate_price_date=BEGIN.date(), candidate_itl_ms=None,
    )  # fmt: skip
    of = listed_of(mine)
    writer = Writer(StoreConnection(api.site.config.store, access="writer"))
    writer.insert("pairs", as_values(tables.PAIRS, [mine, {**mine, "candidate": "control"}]), "kept")
    write(writer, [label(of, "ada", rubric=RUBRIC), label(of, "bert", preference=None)], "kept-labels")
    write(writer, [score(of, "token_f1", 0.5)], "kept-scores")
    writer.close()
    status, found = await api.json("GET", f"{PAIRS}/{of.request_id}/kept")
    assert status == 200
    assert (found["conversation"], found["changed"]) == ("18446744073709551615", ["store"])
    assert found["arms"]["candidate"]["total_ms"] == 812.5
    assert found["arms"]["primary"]["cost_usd"] == 0.000123456
    assert found["arms"]["candidate"]["price_date"] == BEGIN.date().isoformat()
    assert found["arms"]["candidate"]["itl_ms"] is None
    assert datetime.fromisoformat(found["ts"]) == mine["ts"]
    assert [(one["labeler"], one["preference"]) for one in found["human_labels"]] == [("ada", -1.0)]
    assert [(one["metric"], one["score_candidate"]) for one in found["text_scores"]] == [("token_f1", 0.5)]
    assert found["other_candidates"] == ["control"]
    assert found["texts"]["primary"] is found["texts"]["candidate"] is None
    assert found["texts"]["missing"].startswith("the primary and the candidate: no texts are stored: none were kept")


@pytest.mark.parametrize("number", range(len(HOSTILE)))
async def test_texts_are_as_stored_whatever_they_hold(api: Asking, number: int) -> None:
    """As JSON that no browser takes for anything else."""
    path = f"{PAIRS}/{request_id('sage', number)}/sage"
    status, body, headers = await api.ask("GET", path)
    assert (status, headers["Content-Type"], headers["X-Content-Type-Options"]) == (200, "application/json", "nosniff")
    texts = json.loads(body)["texts"]
    assert texts["primary"]["response"] == HOSTILE[number]
    assert texts["candidate"]["response"] == HOSTILE[number] + " "
    assert json.loads(texts["primary"]["request"])["messages"][-1]["content"] == HOSTILE[number]
    assert texts["missing"] is None
    assert texts["primary"]["cut"] == {}


async def test_texts_may_be_left_out_and_long_ones_are_cut(api: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{PAIRS}/{request_id('sage', HOSTILE.index(LONG))}/sage"
    assert (await api.json("GET", f"{path}?texts=false"))[1]["texts"] is None
    monkeypatch.setattr(pairs_module, "MAX_CHARS", 1000)
    _, found = await api.json("GET", path)
    side = found["texts"]["candidate"]
    assert side["response"] == LONG[:1000]
    assert side["cut"] == {"response": len(LONG) + 1 - 1000}
    assert found["texts"]["primary"]["cut"]["request"] > 0


async def test_what_privacy_says_is_why_texts_are_missing(pages_store: Store, open_pages: Any) -> None:
    none = await open_pages(site_of(pages_store, privacy={"bodies": "none"}, judge=None))
    writer = Writer(StoreConnection(pages_store, access="writer"))
    bare, old = pair(BEGIN + timedelta(minutes=30), "bare"), pair(NOW - timedelta(days=20), "bare")
    writer.insert("pairs", as_values(tables.PAIRS, [bare, old]), "bare")
    writer.close()
    _, found = await none.json("GET", f"{PAIRS}/{bare['request_id']}/bare")
    assert "privacy.bodies is none" in found["texts"]["missing"]
    some = await open_pages(site_of(pages_store))
    _, found = await some.json("GET", f"{PAIRS}/{old['request_id']}/bare")
    assert "privacy.retention" in found["texts"]["missing"]


@pytest.mark.parametrize("candidate", ["nobody", "%00", "a%2Fb", "%f0%9f%91%8d", "x" * 257, "..%2f..%2f"])
async def test_a_pair_that_there_is_not(api: Asking, candidate: str) -> None:
    status, said = await api.json("GET", f"{PAIRS}/{request_id('swift', 0)}/{candidate}")
    assert status in {400, 404}, said
    assert set(said) == {"error"}


@pytest.mark.parametrize("after", ["x", "AAAA", "W10", "eyJhIjoxfQ", "_-_-"])
async def test_a_place_that_is_none(api: Asking, after: str) -> None:
    status, said = await api.json("GET", f"{PAIRS}?after={after}")
    assert (status, said["error"][:6]) == (422, "after:")
