"""Whom the dashboard answers, what every answer says of itself, and what becomes of errors."""

import time
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from analyzer.dashboard import session
from analyzer.dashboard.site import Site
from analyzer.dashboard.templating import Templates
from runtime.access import foreign_page, is_own_host, is_token

HEADERS = {
    # Nothing runs or loads but our own files; nothing of a stored text can change that.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    # Others are told nothing. With no-referrer browsers would call the origin of our own forms `null`, as anybody's.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NO_STORE = "no-store"
LOGIN = "/login"
STATIC = "/static/"
API = "/api/"
"""Below it only programs ask."""
_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"


def session_cookie(request: web.BaseRequest) -> str:
    """Name of the login's cookie: browsers do not tell ports of one host apart."""
    return f"shadowbench-session-{port_of(request)}"


def port_of(request: web.BaseRequest) -> int:
    """Of ours, at which the request came in."""
    name = request.transport.get_extra_info("sockname") if request.transport is not None else None
    return int(name[1]) if name else 0


def wants_json(request: web.BaseRequest) -> bool:
    """Is it a program that asks?"""
    if request.path.startswith(API) or request.content_type == _JSON:
        return True
    accepted = request.headers.get("Accept", "")
    return _JSON in accepted and "text/html" not in accepted


async def add_headers(_request: web.BaseRequest, response: web.StreamResponse) -> None:
    """On every answer; one that says itself how long it may be kept says so still."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", NO_STORE)
    response.headers["Server"] = "shadowbench"


def guarded(site: Site, templates: Templates) -> list[Middleware]:
    """Checks in the order in which they are made."""

    def refusal(request: web.Request, status: int, kind: str, reason: str) -> web.Response:
        site.figures.refused(kind)
        return answer_error(request, templates, status, reason)

    @web.middleware
    async def own_host(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Where nobody logs in, a name that somebody else points at this machine gets nothing."""
        if site.token is None:
            own = request.transport.get_extra_info("sockname")[0] if request.transport else None
            if not is_own_host(request.headers.get("Host", ""), {site.config.dashboard.host.lower(), own}):
                said = (
                    "this Host is not ours; use the address of the dashboard, or set dashboard.host or dashboard.token"
                )
                return refusal(request, 421, "host", said)
        return await handler(request)

    @web.middleware
    async def logged_in(request: web.Request, handler: Handler) -> web.StreamResponse:
        token = site.token
        if token is None or request.path == LOGIN or request.path.startswith(STATIC):
            return await handler(request)
        if is_token(request.headers.get("Authorization"), token):
            return await handler(request)
        if session.is_valid(request.cookies.get(session_cookie(request)), token, time.time()):
            return await handler(request)
        if request.method in {"GET", "HEAD"} and not wants_json(request):
            site.figures.refused("login")
            raise web.HTTPSeeOther(f"{LOGIN}?next={quote(request.path_qs, safe='')}")
        answer = refusal(request, 401, "login", "log in, or send the header Authorization: Bearer TOKEN")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    @web.middleware
    async def own_site(request: web.Request, handler: Handler) -> web.StreamResponse:
        # Where nothing is, or not in this way, nothing changes: the answer says so whoever asks.
        changes = request.method not in {"GET", "HEAD"} and request.match_info.http_exception is None
        reason = foreign(request) if changes else None
        return await handler(request) if reason is None else refusal(request, 403, "site", reason)

    return [own_host, logged_in, own_site]


def foreign(request: web.BaseRequest) -> str | None:
    """Why a request that changes something may come from a web page of another site; None when it cannot.

    JSON and an Authorization header need a permission that is never given (preflight). A form needs none, so a
    browser has to have said where it comes from.
    """
    # Only our own pages can make a browser send X-Forwarded-Host; a proxy in front of us does.
    hosts = {request.headers.get(name, "").lower() for name in ("Host", "X-Forwarded-Host")} - {""}
    if reason := foreign_page(request.headers, hosts):
        return reason
    if "Authorization" in request.headers or request.content_type == _JSON:
        return None
    if request.content_type != _FORM:
        return f"send the header Content-Type: {_JSON}"
    if "Origin" not in request.headers and "Sec-Fetch-Site" not in request.headers:
        return f"this browser does not say which page a form is on; send the header Content-Type: {_JSON}"
    return None


def watched(site: Site, templates: Templates) -> Middleware:
    """Counts and times answers, and makes whatever went wrong an answer of one line."""

    @web.middleware
    async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
        began_s = time.monotonic()
        answer: web.StreamResponse
        try:
            answer = await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                site.figures.answered(page_name(request), error.status, time.monotonic() - began_s)
                raise
            answer = answer_error(request, templates, error.status, _REASONS.get(error.status, error.reason))
            answer.headers.update({name: error.headers[name] for name in _SAID_BESIDE if name in error.headers})
            answer.headers.update({name: error.headers[name] for name in _KEPT if name in error.headers})
        except Exception as error:  # noqa: BLE001 - the border of a request: a fault is an answer, and goes on record
            site.figures.count("shadowbench_dashboard_internal_errors_total")
            site.log.error("page failed", page=page_name(request), error=f"{type(error).__name__}: {error}")
            answer = answer_error(request, templates, 500, "a fault of shadowbench; its log has one line about it")
        site.figures.answered(page_name(request), answer.status, time.monotonic() - began_s)
        return answer

    return watch


def page_name(request: web.Request) -> str:
    """The route, not the path: there are few of them, whatever is asked for."""
    resource = request.match_info.route.resource
    return "none" if resource is None else resource.canonical


_TITLES = {
    400: "This cannot be read",
    401: "Log in first",
    403: "Not from here",
    404: "Nothing is here",
    405: "Not in this way",
    500: "A fault",
}
_KEPT = ("Allow", "Retry-After")
_SAID_BESIDE = ("Allow", "Retry-After")
"""Headers that say what would do instead."""
_REASONS = {
    404: "there is no page at this address",
    405: "this address is asked in another way",
    429: "too much at once; wait a little",
    413: "more was sent than anything here may hold",
}


def answer_error(request: web.BaseRequest, templates: Templates, status: int, reason: str) -> web.Response:
    """An error in one line: a page for a person, JSON for a program."""
    if wants_json(request):
        return web.json_response({"error": reason}, status=status)
    title = _TITLES.get(status, "This did not work")
    return templates.page(request, "error.html", status=status, title=title, code=status, reason=reason)
