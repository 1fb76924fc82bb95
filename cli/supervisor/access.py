"""Whom the admin port answers: names of this machine, holders of the token, no web page of somebody else."""

import hmac
import ipaddress
from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

PROBES = frozenset({"/livez", "/readyz"})
_JSON = "application/json"
_OTHER_SITES = frozenset({"cross-site", "same-site"})

Token = Callable[[], str | None]
"""The token as of now; None: nobody needs one."""


def is_own_host(header: str, own: set[str | None]) -> bool:
    """Does a `Host` header name this machine: a loopback name or address, or one of `own`?"""
    host = header.strip().lower()
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if host == "localhost" or host.endswith(".localhost") or host in own:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_token(header: str | None, token: str) -> bool:
    """Does an `Authorization` header bear the token? Takes as long for a near miss as for any other."""
    scheme, _, said = (header or "").strip().partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(said.strip().encode(), token.encode())


def foreign(request: web.BaseRequest) -> str | None:
    """Why a request that changes something may come from a web page of another site; None when it cannot.

    There are no cookies here, but a browser on the operator's machine can reach a loopback port. It asks first
    (preflight, which is not answered) before it sends a JSON type or an Authorization header for another site's page.
    """
    if request.headers.get("Sec-Fetch-Site", "").lower() in _OTHER_SITES:
        return "a web page of another site may not ask for this"
    origin = request.headers.get("Origin")
    if origin is not None and _netloc(origin) != request.headers.get("Host", "").lower():
        return "a web page of another origin may not ask for this"
    if "Authorization" not in request.headers and request.content_type != _JSON:
        return f"send the header Content-Type: {_JSON}"
    return None


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def guarded(host: str, token: Token) -> list[Middleware]:
    """Checks in the order in which they are made; `host` is the configured one, which a `Host` header may name."""

    @web.middleware
    async def own_host(request: web.Request, handler: Handler) -> web.StreamResponse:
        own = request.transport.get_extra_info("sockname")[0] if request.transport else None
        if is_own_host(request.headers.get("Host", ""), {host.lower(), own}):
            return await handler(request)
        return refusal(421, "this Host is not ours; use the address of the admin port, or set admin.host to the name")

    @web.middleware
    async def bearer(request: web.Request, handler: Handler) -> web.StreamResponse:
        wanted = token()
        if wanted is None or request.path in PROBES or is_token(request.headers.get("Authorization"), wanted):
            return await handler(request)
        answer = refusal(401, "send the header Authorization: Bearer TOKEN, with the token of admin.token")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    @web.middleware
    async def own_site(request: web.Request, handler: Handler) -> web.StreamResponse:
        reason = foreign(request) if request.method not in {"GET", "HEAD"} else None
        return await handler(request) if reason is None else refusal(403, reason)

    return [own_host, bearer, own_site]


def refusal(status: int, reason: str) -> web.Response:
    """An error as JSON."""
    return web.json_response({"error": reason}, status=status)
