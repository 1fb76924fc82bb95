"""Calls to one judge over HTTP: its own connections, a limit on time and size, and every way in which they fail."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from analyzer.judge.question import Failure
from analyzer.judge.wire import Rejection, Sent
from config.judge import Embeddings, JudgeModel
from config.upstreams import UpstreamTls

MAX_ANSWER_BYTES: Final = 2**20
"""A verdict has a few hundred; embeddings of two texts some ten thousand."""
_LEAST_SECRET: Final = 8
"""Characters; a shorter value of a header is a word."""
KEPT_ALIVE_S: Final = 30.0
"""An idle connection is given up before most servers do: one that they close first costs a call."""


class TlsError(ValueError):
    """A file of certificates that cannot be used, in one line that names it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A response, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class Client:
    """Serves one event loop. Proxies of the environment are not used, redirects not followed, cookies not kept.

    Each call under way has a transport of its own, the one that was used last. A shared pool looks at every connection
    beside every other one for each call: measured with 64 under way, 45 ms of CPU per call instead of 1.
    """

    def __init__(self, settings: JudgeModel | Embeddings) -> None:
        """Raises TlsError; see `check_certificates`."""
        parts = urlsplit(settings.url)
        is_tls = parts.scheme == "https"
        self._total_s = settings.timeout.total
        # Of the whole call, `send` keeps the time.
        self._extensions: dict[str, Any] = {"timeout": {"connect": settings.timeout.connect}}
        if is_tls:
            self._extensions["sni_hostname"] = settings.tls.server_name or parts.hostname
        self._tls = _context(settings.tls) if is_tls else None
        self._idle: list[httpx.AsyncHTTPTransport] = []

    async def send(self, sent: Sent) -> Reply | Rejection:
        """Makes one call. It never raises but when it is cancelled; then nobody knows what it cost."""
        transport = self._idle.pop() if self._idle else self._transport()
        is_sound = False
        try:
            async with asyncio.timeout(self._total_s):
                reply = await self._exchange(transport, sent)
            is_sound = isinstance(reply, Reply)
        except TimeoutError:
            failure = Failure("timeout", f"no answer within {self._total_s:g} s")
            return Rejection(failure, is_about_judge=False)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return Rejection(Failure("connect_error", _text(error)), is_about_judge=True, is_free=True)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            return Rejection(Failure("connect_error", _text(error)), is_about_judge=True)
        else:
            return reply
        finally:
            if is_sound:
                self._idle.append(transport)
            else:
                await transport.aclose()

    def _transport(self) -> httpx.AsyncHTTPTransport:
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEPT_ALIVE_S)
        return httpx.AsyncHTTPTransport(verify=self._tls or False, trust_env=False, limits=limits)

    async def _exchange(self, transport: httpx.AsyncHTTPTransport, sent: Sent) -> Reply | Rejection:
        headers = {"accept-encoding": "gzip, deflate", "user-agent": "shadowbench", **sent.headers}
        request = httpx.Request("POST", sent.url, content=sent.body, headers=headers, extensions=self._extensions)
        response = await transport.handle_async_request(request)
        try:
            parts, size = [], 0
            async for part in response.aiter_bytes():
                size += len(part)
                if size > MAX_ANSWER_BYTES:
                    failure = Failure("unparsable", f"its answer is longer than {MAX_ANSWER_BYTES} bytes")
                    return Rejection(failure, is_about_judge=False)
                parts.append(part)
        finally:
            await response.aclose()
        return Reply(response.status_code, response.headers, b"".join(parts))

    async def close(self) -> None:
        """Closes the connections that are idle; calls under way close theirs."""
        idle, self._idle = self._idle, []
        for transport in idle:
            await transport.aclose()


def secrets_of(settings: JudgeModel | Embeddings) -> tuple[str, ...]:
    """Credentials that go out with each call: a server may say them back in an error, which is logged."""
    values = [*settings.headers.values(), *([] if settings.api_key is None else [settings.api_key])]
    found = {value.get_secret_value() for value in values}
    # What stands behind a scheme such as `Bearer` may come back alone.
    found |= {part for value in found for part in value.split()}
    return tuple(sorted((value for value in found if len(value) >= _LEAST_SECRET), key=len, reverse=True))


def without(text: str, secrets: Sequence[str]) -> str:
    """The text with these values taken out."""
    for secret in secrets:
        text = text.replace(secret, "[credential]")
    return text


def check_certificates(settings: JudgeModel | Embeddings) -> None:
    """Can its file of certificates be used, if it names one?

    Raises:
        TlsError: it cannot.
    """
    if settings.tls.ca is not None:
        _context(settings.tls)


def _context(tls: UpstreamTls) -> ssl.SSLContext:
    """TLS 1.2 or newer, of the system's certificates or those named.

    Raises:
        TlsError: the file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        try:
            context.load_verify_locations(cafile=tls.ca)
        except ssl.SSLError:
            raise TlsError(f"{tls.ca}: no certificates in PEM form are in it") from None
        except OSError as error:
            raise TlsError(f"{tls.ca}: {error.strerror or error}") from None
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0].removesuffix(": ")
