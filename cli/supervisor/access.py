"""Whom the admin port answers: names of this machine, holders of the token, no web page of somebody else."""

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from runtime.access import foreign_page, is_own_host, is_token

PROBES = frozenset({"/livez", "/readyz"})
_JSON = "application/json"

Token = Callable[[], str | None]
"""The token as of now; None: nobody needs one."""


def foreign(request: web.BaseRequest) -> str | None:
    """Why a request that changes something may come from a web page of another site; None when it cannot.

    There are no cookies here, but a browser on the operator's machine can reach a loopback port. It asks first
    (preflight, which is not answered) before it sends a JSON type or an Authorization header for another site's page.
    """
    if reason := foreign_page(request.headers, {request.headers.get("Host", "").lower()}):
        return reason
    if "Authorization" not in request.headers and request.content_type != _JSON:
        return f"send the header Content-Type: {_JSON}"
    return None


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
