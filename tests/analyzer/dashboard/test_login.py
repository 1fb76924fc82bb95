"""The token is said once; then a cookie that is none to others."""

import asyncio
from typing import Any

import pytest

from analyzer.dashboard.pages import login
from analyzer.dashboard.pages.login import local
from config.model import Config, Store
from tests.analyzer.dashboard.conftest import site_of
from tests.analyzer.dashboard.made import configuration

TOKEN = {"dashboard": {"token": "secret-token"}}


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("/label?candidate=a&rubric=b", "/label?candidate=a&rubric=b"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x", "/"),
        ("", "/"),
    ],
)
def test_a_login_leads_nowhere_else(target: str, kept: str) -> None:
    assert local(target) == kept


async def test_the_right_token_opens_the_pages_and_logging_out_closes_them(nowhere: Store, open_pages: Any) -> None:
    pages = await open_pages(site_of(nowhere, **TOKEN))
    body = await pages.page("/login?next=/label")
    assert 'name="next" value="/label"' in body
    status, _, headers = await pages.form("/login", token=" secret-token ", next="/label")
    assert (status, headers["Location"]) == (303, "/label")
    cookie = headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=604800"):
        assert part in cookie
    assert "Secure" not in cookie
    assert "secret-token" not in cookie
    port = pages.url.rpartition(":")[2]
    assert cookie.startswith(f"shadowbench-session-{port}="), "browsers do not tell ports apart"
    body = await pages.page("/judging")
    assert "Log out" in body
    status, _, headers = await pages.form("/logout")
    assert (status, headers["Location"]) == (303, "/login")
    assert (await pages.ask("GET", "/judging"))[0] == 303


async def test_whoever_is_asked_to_log_in_comes_to_where_they_wanted_to_go(nowhere: Store, open_pages: Any) -> None:
    pages = await open_pages(site_of(nowhere, **TOKEN))
    wanted = "/label?candidate=a%26b&rubric=c%40d"
    _, _, headers = await pages.ask("GET", wanted)
    body = await pages.page(headers["Location"])
    assert 'value="/label?candidate=a%26b&amp;rubric=c@d"' in body


async def test_behind_tls_the_cookie_stays_there(nowhere: Store, open_pages: Any) -> None:
    pages = await open_pages(site_of(nowhere, **TOKEN))
    headers = {"Origin": pages.url, "X-Forwarded-Proto": "https"}
    _, _, answered = await pages.ask("POST", "/login", data={"token": "secret-token"}, headers=headers)
    assert "Secure" in answered["Set-Cookie"]


async def test_a_wrong_token_costs_time_and_too_many_at_once_are_refused(
    nowhere: Store, open_pages: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "WRONG_S", 0.2)
    pages = await open_pages(site_of(nowhere, **TOKEN))
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    answers = await asyncio.gather(*(pages.form("/login", token=f"guess {n}") for n in range(login.MAX_GUESSES + 4)))
    assert loop.time() - began_s >= 0.2
    statuses = [status for status, _, _ in answers]
    assert (statuses.count(401), statuses.count(429)) == (login.MAX_GUESSES, 4)
    assert {headers.get("Retry-After") for status, _, headers in answers if status == 429} == {"2"}
    assert all("Set-Cookie" not in headers for _, _, headers in answers)
    assert "That is not the token" in next(body for status, body, _ in answers if status == 401)
    assert pages.site.all_figures()['shadowbench_dashboard_refused_total{reason="token"}'] == len(answers)
    assert (await pages.form("/login", token="secret-token"))[0] == 303


async def test_a_new_token_ends_what_the_old_one_opened(nowhere: Store, open_pages: Any) -> None:
    pages = await open_pages(site_of(nowhere, **TOKEN))
    await pages.form("/login", token="secret-token")
    await pages.page("/judging")
    pages.site.config = configuration(nowhere, dashboard={"token": "another"})
    assert (await pages.ask("GET", "/judging"))[0] == 303
    pages.site.config = configuration(nowhere)
    assert isinstance(pages.site.config, Config)
    assert (await pages.ask("GET", "/login?next=/label"))[2]["Location"] == "/label", "nobody needs one any more"
