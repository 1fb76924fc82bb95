"""Whom a port of ours answers: names of this machine, holders of a token, no web page of somebody else."""

import hmac
import ipaddress
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

_OTHER_SITES = frozenset({"cross-site", "same-site"})


def is_own_host(header: str, own: Collection[str | None]) -> bool:
    """Does a `Host` header name this machine: a loopback name or address, or one of `own`?"""
    host = header.strip().lower()
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if host == "localhost" or host.endswith(".localhost") or host in own:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_secret(said: str, secret: str) -> bool:
    """Are both the same? Takes as long for a near miss as for any other."""
    return hmac.compare_digest(said.encode(errors="surrogatepass"), secret.encode())


def is_token(header: str | None, token: str) -> bool:
    """Does an `Authorization` header bear the token?"""
    scheme, _, said = (header or "").strip().partition(" ")
    return scheme.lower() == "bearer" and is_secret(said.strip(), token)


def foreign_page(headers: Mapping[str, str], hosts: Collection[str]) -> str | None:
    """Why a request comes from a web page of another site; None when a browser says that it does not, or says nothing.

    Args:
        headers: of the request, found whatever their case.
        hosts: what an `Origin` of our own names, lower case: the `Host` header.
    """
    if headers.get("Sec-Fetch-Site", "").lower() in _OTHER_SITES:
        return "a web page of another site may not ask for this"
    origin = headers.get("Origin")
    if origin is not None and _netloc(origin) not in hosts:
        return "a web page of another origin may not ask for this"
    return None


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
