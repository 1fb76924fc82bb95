"""Whom the dashboard answers, and what every answer says of itself."""

import re
from typing import Any

import pytest
from aiohttp import web

from analyzer.dashboard.access import foreign
from config.model import Store
from tests.analyzer.dashboard.conftest import site_of

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
TOKEN = {"dashboard": {"token": "secret-token"}}


async def test_every_answer_is_closed_to_others(nowhere: Store, open_pages: Any) -> None:
    """Pages, errors, redirections, JSON and files alike."""
    pages = await open_pages(site_of(nowhere))
    _, home, _ = await pages.ask("GET", "/judging")
    (css,) = re.findall(r'href="(/static/dashboard\.[0-9a-f]{12}\.css)"', home)
    for method, path in (
        ("GET", "/judging"),
        ("GET", "/none"),
        ("GET", "/login"),
        ("POST", "/label/answers"),
        ("GET", css),
    ):
        _, _, headers = await pages.ask(method, path)
        said = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert said == POLICY, path
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Server"] == "shadowbench"
        kept = "public, max-age=31536000, immutable" if path == css else "no-store"
        assert headers["Cache-Control"] == kept, path


async def test_without_a_token_a_name_that_is_not_ours_gets_nothing(nowhere: Store, open_pages: Any) -> None:
    """DNS rebinding: a page on evil.example whose name points at loopback."""
    pages = await open_pages(site_of(nowhere))
    for host, status in (("evil.example", 421), ("localhost:9", 200), ("127.0.0.1.evil.example", 421), ("[::1]", 200)):
        found, body, _ = await pages.ask("GET", "/judging", headers={"Host": host})
        assert found == status, host
        assert (status == 200) or "not ours" in body
    assert pages.site.all_figures()['shadowbench_dashboard_refused_total{reason="host"}'] == 2


async def test_with_a_token_nothing_is_shown_before_it_was_said(nowhere: Store, open_pages: Any) -> None:
    pages = await open_pages(site_of(nowhere, **TOKEN))
    for path in ("/", "/label", "/label?candidate=swift", "/none"):
        status, body, headers = await pages.ask("GET", path)
        assert status == 303
        assert headers["Location"].startswith("/login?next=/")
        assert "swift" not in body
    for method, path in (("POST", "/label/answers"), ("POST", "/label/name"), ("POST", "/logout")):
        status, _, headers = await pages.ask(method, path, headers={"Origin": pages.url})
        assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
    status, body = await pages.json("GET", "/label/next")
    assert (status, body) == (401, {"error": "log in, or send the header Authorization: Bearer TOKEN"})
    for said, status in (("Bearer secret-token", 200), ("bearer secret-token", 200), ("Bearer secret", 303)):
        assert (await pages.ask("GET", "/judging", headers={"Authorization": said}))[0] == status


async def test_with_a_token_any_name_will_do(nowhere: Store, open_pages: Any) -> None:
    """Behind a balancer it has the name that people type; without a login it shows nothing under any."""
    pages = await open_pages(site_of(nowhere, **TOKEN))
    headers = {"Host": "bench.internal.example", "Authorization": "Bearer secret-token"}
    assert (await pages.ask("GET", "/judging", headers=headers))[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 409),
        ({"Content-Type": "application/json", "Origin": "OWN", "Sec-Fetch-Site": "same-origin"}, 409),
        ({"Content-Type": "application/json", "Origin": "http://evil.example"}, 403),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "application/json", "Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 403),
        ({"Content-Type": "text/plain", "Origin": "OWN"}, 403),
        ({"Content-Type": "multipart/form-data; boundary=x", "Origin": "OWN"}, 403),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 403),
    ],
)
async def test_a_web_page_of_somebody_else_changes_nothing(
    nowhere: Store, open_pages: Any, headers: dict[str, str], status: int
) -> None:
    """409: it was let in, and is told what is missing there."""
    pages = await open_pages(site_of(nowhere))
    sent = {name: pages.url if value == "OWN" else value for name, value in headers.items()}
    body = b'{"request":"6ba7b812-9dad-11d1-80b4-00c04fd430c8","candidate":"c","rubric":"r","choice":"tie"}'
    found, said, _ = await pages.ask("POST", "/label/answers", data=body, headers=sent)
    assert found == status, said


@pytest.mark.parametrize("path", ["/login", "/logout", "/label/name"])
async def test_a_form_has_to_come_from_a_page_of_ours(nowhere: Store, open_pages: Any, path: str) -> None:
    pages = await open_pages(site_of(nowhere))
    fields = {"name": "Mallory", "token": "x"}
    for origin, fetched in (("http://evil.example", None), (None, None), (pages.url, "cross-site"), ("null", None)):
        headers = {n: v for n, v in (("Origin", origin), ("Sec-Fetch-Site", fetched)) if v is not None}
        status, _, answered = await pages.ask("POST", path, data=fields, headers=headers)
        assert status == 403, headers
        assert "Set-Cookie" not in answered
    assert (await pages.form(path, **fields))[0] == 303


def test_a_proxy_that_hands_on_the_name_that_people_type_is_understood() -> None:
    """Only a page of ours can have a browser send `X-Forwarded-Host`: for others it needs a permission."""
    from aiohttp.test_utils import make_mocked_request  # noqa: PLC0415

    def asked(**headers: str) -> str | None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return foreign(make_mocked_request("POST", "/", headers=named))

    form = {"Content_Type": "application/x-www-form-urlencoded", "Host": "10.0.0.1:8082"}
    assert asked(**form, Origin="https://bench.example") is not None
    assert asked(**form, Origin="https://bench.example", X_Forwarded_Host="bench.example") is None
    assert asked(Content_Type="text/plain", Authorization="Bearer x") is None


async def test_errors_are_one_line_for_people_and_programs(nowhere: Store, open_pages: Any) -> None:
    pages = await open_pages(site_of(nowhere))
    body = await pages.page("/<script>alert(1)</script>", 404)
    assert "There is no page at this address." in body
    assert "<script>alert" not in body
    assert await pages.json("GET", "/none") == (404, {"error": "there is no page at this address"})
    assert await pages.json("POST", "/", {}) == (405, {"error": "this address is asked in another way"})
    status, said = await pages.json("POST", "/label/answers", {"reason": "x" * 2**18})
    assert (status, said) == (413, {"error": "more was sent than anything here may hold"})


async def test_a_fault_of_ours_is_an_answer_and_is_counted(
    nowhere: Store, open_pages: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pages = await open_pages(site_of(nowhere))

    async def fault(*_: object) -> web.Response:
        raise ZeroDivisionError("secret of the inside")

    monkeypatch.setattr(type(pages.site.reading), "read", fault)
    body = await pages.page("/judging", 500)
    assert "secret of the inside" not in body
    figures = pages.site.all_figures()
    assert figures["shadowbench_dashboard_internal_errors_total"] == 1
    assert figures['shadowbench_dashboard_requests_total{page="/judging",class="5xx"}'] == 1


async def test_pages_are_counted_by_route_and_not_by_what_is_asked_for(nowhere: Store, open_pages: Any) -> None:
    pages = await open_pages(site_of(nowhere))
    for path in ("/a", "/b", "/static/x", "/static/y"):
        await pages.page(path, 404)
    figures = pages.site.all_figures()
    assert figures['shadowbench_dashboard_requests_total{page="none",class="4xx"}'] == 2
    assert figures['shadowbench_dashboard_requests_total{page="/static/{name}",class="4xx"}'] == 2
    assert figures['shadowbench_dashboard_request_seconds_total{page="none"}'] > 0
