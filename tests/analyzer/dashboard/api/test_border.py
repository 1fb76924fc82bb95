"""What every answer of the API has in common: errors of one shape, bounds, and no answer for whoever may not ask."""

import asyncio
import gzip
import json
from typing import Any

import aiohttp
import pytest

from analyzer.dashboard.api import border
from analyzer.dashboard.api.bodies import MAX_FEEDBACK_BYTES
from analyzer.dashboard.api.operations import OPERATIONS
from analyzer.dashboard.store_thread import StoreThread
from config.model import Store
from store.errors import QueryFailed
from tests.analyzer.dashboard.conftest import Asking, site_of

BASE = "/api/v1"
JSON = {"Content-Type": "application/json"}
TOKEN = "a-token-of-the-dashboard"
LISTS = [o.path for o in OPERATIONS if o.method == "GET" and o.place is None]
FEEDBACK = {"request_id": "0195f0a0-0000-7000-8000-000000000001", "labeler": "u", "thumbs": "up"}


@pytest.fixture
async def api(pages_store: Store, open_pages: Any) -> Asking:
    return await open_pages(site_of(pages_store))  # type: ignore[no-any-return]


def error_of(body: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body)
    assert isinstance(found["error"], str)
    assert set(found) <= {"error", "details", "since"}
    assert "\n" not in found["error"]
    return found


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/pairs?windw=1h", 400, 'there is no parameter "windw"; there are since'),
        ("/pairs?limt=1", 400, 'there is no parameter "limt"; the nearest is limit'),
        ("/configuration?a=1", 400, 'there is no parameter "a"; there are none here'),
        ("/pairs?limit=1&limit=2", 400, "limit: stands twice; say it once"),
        ("/pairs?limit=0", 400, "limit: input should be greater than or equal to 1"),
        ("/pairs?limit=x", 400, "limit: input should be a valid integer"),
        ("/pairs?sort=wildest", 400, "sort: input should be 'newest'"),
        ("/pairs?label=tenant", 400, "label[0]: string should match pattern"),
        ("/pairs?label=a=1&label=a=2", 422, "label: the same name stands twice"),
        ("/pairs?since=yesterday", 400, "since: string should match pattern"),
        ("/pairs?since=2026-13-01", 422, "'2026-13-01' is no time; write how long ago"),
        ("/states?since=1h&until=2h", 422, "before it starts"),
        ("/comparisons?since=2199-01-01&until=2199-01-02", 422, "after now: nothing can be in it"),
        ("/pairs?conversation=99999999999999999999", 422, "conversation: there is no such number"),
        ("/pairs/no-uuid/llama", 400, "request_id: input should be a valid UUID"),
        ("/pairs/0195f0a0-0000-7000-8000-000000000001/llama", 404, "no pair of this request and candidate"),
        ("/reports/20260101T000000Z", 404, "there is no such report"),
        ("/nothing", 404, "there is no page at this address"),
    ],
)
async def test_what_cannot_be_asked_is_an_error_of_one_line(api: Asking, path: str, status: int, said: str) -> None:
    """Also for a browser: below /api only programs ask."""
    found, body, headers = await api.ask("GET", f"{BASE}{path}")
    assert (found, headers["Content-Type"].partition(";")[0]) == (status, "application/json"), body
    assert said in error_of(body)["error"]
    assert headers["Cache-Control"] == "no-store"


async def test_every_fault_is_told(api: Asking) -> None:
    _, body, _ = await api.ask("GET", f"{BASE}/pairs?limit=0&since=never&stream=maybe")
    said = error_of(body)
    assert said["error"] == said["details"][0]
    assert sorted(one.partition(":")[0] for one in said["details"]) == ["limit", "since", "stream"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("DELETE", "/pairs", "GET,HEAD"), ("PUT", "/configuration", "GET,HEAD"), ("GET", "/feedback", "POST")],
)
async def test_another_method_is_told_which_one_would_do(api: Asking, method: str, path: str, allowed: str) -> None:
    status, body, headers = await api.ask(method, f"{BASE}{path}")
    assert (status, headers["Allow"]) == (405, allowed)
    assert error_of(body)["error"] == "this address is asked in another way"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "invalid JSON"),
        (b"{", "invalid JSON"),
        (b"[]", "input should be an object"),
        (b"nul", "invalid JSON"),
        (b'{"labeler": "u", "thumbs": "up"}', "request_id: field required"),
        (json.dumps({**FEEDBACK, "thumbs": "sideways"}).encode(), "thumbs: input should be 'up' or 'down'"),
        (json.dumps({**FEEDBACK, "score": 3}).encode(), "score: extra inputs are not permitted"),
        (json.dumps({**FEEDBACK, "labeler": ""}).encode(), "labeler: string should have at least 1 character"),
        (b'{"request_id": "x", "labeler": "\\ud800", "score": NaN}', "invalid JSON"),
        (json.dumps({"request_id": 3, "labeler": "u", "score": "5"}).encode(), "request_id: "),
        (b"\xff\xfe", "invalid JSON"),
        (b'{"a":' * 5_000, "invalid JSON"),
    ],
)
async def test_what_is_sent_wrongly_is_told_where(api: Asking, body: bytes, said: str) -> None:
    status, answer, _ = await api.ask("POST", f"{BASE}/feedback", data=body, headers=JSON)
    assert status == 400
    assert error_of(answer)["error"].startswith(said)


async def test_a_body_has_a_bound_and_a_type(api: Asking) -> None:
    long = json.dumps({**FEEDBACK, "comment": "x" * (MAX_FEEDBACK_BYTES + 1)}).encode()
    for body, more, status in (
        (long, {}, 413),
        # A million bytes in a thousand: unpacked, they count as what they are.
        (gzip.compress(b" " * 2**20), {"Content-Encoding": "gzip"}, 413),
    ):
        found, answer, _ = await api.ask("POST", f"{BASE}/feedback", data=body, headers={**JSON, **more})
        assert (found, error_of(answer)["error"] != "") == (status, True)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        headers = {"Content-Type": kind, "Origin": api.url}
        found, answer, _ = await api.ask("POST", f"{BASE}/feedback", data=b"{}", headers=headers)
        assert found in {403, 415}, kind
        assert "application/json" in error_of(answer)["error"]


async def test_a_body_that_is_not_packed_as_it_says_is_an_error(api: Asking) -> None:
    headers = {**JSON, "Content-Encoding": "gzip", "Connection": "close"}
    status, body, _ = await api.ask("POST", f"{BASE}/feedback", data=b"not packed at all", headers=headers)
    assert status == 400
    assert "not packed as Content-Encoding says" in error_of(body)["error"]


async def test_a_body_that_does_not_come_is_not_waited_for(api: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(border, "BODY_S", 0.05)
    host, port = api.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST {BASE}/feedback HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        "Content-Length: 10\r\nConnection: close\r\n\r\n{".encode()
    )
    assert b"408" in await reader.readline()
    writer.close()


async def test_a_web_page_of_somebody_else_is_refused(api: Asking) -> None:
    headers = {**JSON, "Origin": "http://evil.example"}
    status, body, _ = await api.ask("POST", f"{BASE}/feedback", data=json.dumps(FEEDBACK), headers=headers)
    assert status == 403
    assert error_of(body)["error"] == "a web page of another origin may not ask for this"


@pytest.mark.parametrize("path", [*LISTS, "/openapi.json", "/nothing"])
async def test_without_the_token_there_is_no_answer(nowhere: Store, open_pages: Any, path: str) -> None:
    api = await open_pages(site_of(nowhere, dashboard={"token": TOKEN}))
    status, body, headers = await api.ask("GET", f"{BASE}{path}")
    assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "Authorization: Bearer" in error_of(body)["error"]
    wrong = {"Authorization": "Bearer something-else"}
    assert (await api.ask("GET", f"{BASE}{path}", headers=wrong))[0] == 401


async def test_the_token_opens_and_the_document_asks_for_it(nowhere: Store, open_pages: Any) -> None:
    api = await open_pages(site_of(nowhere, dashboard={"token": TOKEN}))
    status, body, _ = await api.ask("GET", f"{BASE}/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"})
    assert status == 200
    assert json.loads(body)["security"] == [{"token": []}, {"session": []}]


async def test_a_name_that_somebody_else_points_here_gets_nothing(api: Asking) -> None:
    status, body, _ = await api.ask("GET", f"{BASE}/configuration", headers={"Host": "evil.example"})
    assert status == 421
    assert "this Host is not ours" in error_of(body)["error"]


async def test_what_has_not_changed_is_not_sent_again(api: Asking) -> None:
    path = f"{BASE}/metrics-catalogue"
    _, body, headers = await api.ask("GET", path)
    tag = headers["ETag"]
    for said in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        status, again, more = await api.ask("GET", path, headers={"If-None-Match": said})
        assert (status, again, more["ETag"]) == (304, "", tag), said
    assert (await api.ask("GET", path, headers={"If-None-Match": '"other"'}))[1] == body
    status, nothing, head = await api.ask("HEAD", path)
    assert (status, nothing, head["ETag"]) == (200, "", tag)


@pytest.mark.parametrize("path", ["/comparisons", "/states", "/pairs", "/experiments", "/decisions"])
async def test_a_store_that_is_away_is_said_with_since_when(nowhere: Store, open_pages: Any, path: str) -> None:
    api = await open_pages(site_of(nowhere))
    status, body, headers = await api.ask("GET", f"{BASE}{path}")
    said = error_of(body)
    assert (status, headers["Retry-After"]) == (503, "2")
    assert said["since"][:2] == "20"
    assert said["error"]
    status, _, _ = await api.ask("POST", f"{BASE}/feedback", data=json.dumps(FEEDBACK), headers=JSON)
    assert status == 503


@pytest.mark.parametrize("path", ["/configuration", "/metrics-catalogue", "/reports", "/openapi.json"])
async def test_what_needs_no_store_is_answered_without(nowhere: Store, open_pages: Any, path: str) -> None:
    api = await open_pages(site_of(nowhere))
    assert (await api.ask("GET", f"{BASE}{path}"))[0] == 200


@pytest.mark.parametrize("error", [QueryFailed("Code: 47. secret sql of ours", 47), RuntimeError("secret")])
async def test_a_fault_of_ours_says_nothing_of_itself(
    api: Asking, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: StoreThread, work: object) -> None:
        raise error

    monkeypatch.setattr(StoreThread, "read", fail)
    status, body, _ = await api.ask("GET", f"{BASE}/experiments")
    assert (status, "secret" in body) == (500, False)
    assert "log has one line about it" in error_of(body)["error"]
    assert api.site.figures.all()["shadowbench_dashboard_internal_errors_total"] == 1


async def test_routes_are_counted_by_their_names(api: Asking) -> None:
    request = "0195f0a0-0000-7000-8000-000000000001"
    async with aiohttp.ClientSession() as session, session.get(f"{api.url}{BASE}/pairs/{request}/x") as answer:
        assert answer.status == 404
    name = f'shadowbench_dashboard_requests_total{{page="{BASE}/pairs/{{request_id}}/{{candidate}}",class="4xx"}}'
    assert api.site.figures.all()[name] == 1
