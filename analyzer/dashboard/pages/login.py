"""The token is asked for once; the browser keeps a signed date in its place."""

import asyncio
import time

from aiohttp import web

from analyzer.dashboard import session
from analyzer.dashboard.access import LOGIN, session_cookie
from analyzer.dashboard.site import Site
from analyzer.dashboard.templating import Templates
from runtime.access import is_secret

WRONG_S = 1.0
"""What a wrong token costs whoever guesses."""
MAX_GUESSES = 16
"""Wrong tokens that are answered at once; more are refused."""


class Login:
    """Logging in and out; without `dashboard.token` nobody needs to."""

    def __init__(self, site: Site, templates: Templates) -> None:
        self._site = site
        self._templates = templates
        self._guesses = 0

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_get(LOGIN, self._show)
        app.router.add_post(LOGIN, self._enter)
        app.router.add_post("/logout", self._leave)

    async def _show(self, request: web.Request) -> web.Response:
        target = local(request.query.get("next", "/"))
        if self._site.token is None:
            raise web.HTTPSeeOther(target)
        return self._templates.page(request, "login.html", target=target, fault=None)

    async def _enter(self, request: web.Request) -> web.Response:
        form = await request.post()
        target, said = local(str(form.get("next", "/"))), str(form.get("token", ""))
        token = self._site.token
        if token is not None and not is_secret(said.strip(), token):
            return await self._wrong(request, target)
        answer = web.HTTPSeeOther(target)
        if token is not None:
            answer.set_cookie(
                session_cookie(request),
                session.issue(token, time.time()),
                max_age=session.LIFETIME_S,
                httponly=True,
                samesite="Strict",
                secure=is_encrypted(request),
            )
        raise answer

    async def _wrong(self, request: web.Request, target: str) -> web.Response:
        self._site.figures.refused("token")
        if self._guesses >= MAX_GUESSES:
            raise web.HTTPTooManyRequests(headers={"Retry-After": "2"})
        self._guesses += 1
        try:
            await asyncio.sleep(WRONG_S)
        finally:
            self._guesses -= 1
        fault = "That is not the token; it is what dashboard.token says in the configuration."
        return self._templates.page(request, "login.html", status=401, target=target, fault=fault)

    async def _leave(self, request: web.Request) -> web.Response:
        answer = web.HTTPSeeOther(LOGIN)
        answer.del_cookie(session_cookie(request), samesite="Strict")
        raise answer


def is_encrypted(request: web.BaseRequest) -> bool:
    """Did the browser come over TLS? A proxy in front of us says so."""
    return request.headers.get("X-Forwarded-Proto", "").lower() == "https"


def local(target: str) -> str:
    """A place on this dashboard: no address that leads elsewhere."""
    is_path = target.startswith("/") and not target.startswith("//") and "\\" not in target and target.isprintable()
    return target if is_path else "/"
