"""One attempt to deliver: a POST whose answer's status is read and nothing else. Nothing of an address is told."""

import asyncio
import os
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import httpx

from analyzer.judge.wire import retry_after_s
from analyzer.report.printable import clipped
from analyzer.webhooks.backoff import Answer

_MAX_DETAIL: Final = 200


def host_of(url: str) -> str:
    """`hooks.example.com`, or with a port that is not the usual one; the part of an address that is no secret."""
    parts = urlsplit(url)
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return name if parts.port is None else f"{name}:{parts.port}"


async def send(url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Answer:
    """Makes one attempt. It never raises but when it is cancelled.

    Proxies of the environment are not used, redirections not followed: an address is told to nobody else.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _exchange(url, headers, body)
    except TimeoutError:
        return Answer(None, f"no answer within {timeout_s:g} s")
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        return Answer(None, f"no connection: {_reason(error)}")
    except (httpx.HTTPError, httpx.StreamError) as error:
        return Answer(None, f"no answer: {type(error).__name__}")
    except Exception as error:  # noqa: BLE001 - an address that libraries stumble over: the next notice goes on
        return Answer(None, f"it cannot be called: {type(error).__name__}")


async def _exchange(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    verify = ssl.create_default_context() if urlsplit(url).scheme == "https" else False
    # Of the whole attempt, `send` keeps the time. Attempts are rare: each has a connection of its own.
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)
    async with (
        httpx.AsyncClient(
            verify=verify, trust_env=False, follow_redirects=False, timeout=httpx.Timeout(None), limits=limits
        ) as client,
        client.stream("POST", url, headers=dict(headers), content=body) as response,
    ):
        status = response.status_code
        detail = f"status {status}, a redirection, which is not followed" if 300 <= status < 400 else f"status {status}"
        return Answer(status, detail, retry_after_s(response.headers, datetime.now(UTC)))


def _reason(error: httpx.HTTPError) -> str:
    """Of the system, or of TLS; texts of the library may hold the address."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return clipped(f"its certificate: {cause.verify_message}", _MAX_DETAIL)
        if isinstance(cause, ssl.SSLError):
            return clipped(f"TLS: {cause.reason or 'failed'}", _MAX_DETAIL)
        if isinstance(cause, socket.gaierror):
            return "nobody knows the name of the host"
        if isinstance(cause, OSError) and cause.errno is not None:
            return os.strerror(cause.errno).lower()
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__
