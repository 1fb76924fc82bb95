"""Bytes of one request and its answer, within limits of size and patience."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from store.endpoint import protocol
from store.endpoint.protocol import Parameters, Refused

STATEMENT_BYTES = 16 * 2**20
"""Longest statement, its parameters included; inserted rows are not part of it."""
_SLOW_CLIENT_S = 120.0
"""A client that takes nothing for so long is cut."""


class Gone(Exception):  # noqa: N818 - says what happened
    """The client stopped taking bytes."""


async def write(request: web.Request, response: web.StreamResponse, data: bytes) -> None:
    """Sends a piece of an answer.

    Raises:
        Gone: the client takes nothing; its connection is cut.
    """
    try:
        async with asyncio.timeout(_SLOW_CLIENT_S):
            await response.write(data)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise Gone from None


async def whole_statement(beginning: bytes, pieces: AsyncIterator[bytes]) -> bytes:
    """The rest of a statement that is no insert.

    Raises:
        Refused: it is too long.
    """
    sql = bytearray(beginning)
    async for piece in pieces:
        sql += piece
        if len(sql) > STATEMENT_BYTES:
            raise Refused(protocol.TOO_LARGE, f"The statement is longer than {STATEMENT_BYTES} bytes")
    return bytes(sql)


async def form_parameters(request: web.Request) -> Parameters:
    """Clients put parameters that are too long for a URL into a form."""
    fields: dict[str, str] = {}
    for name, value in (await request.post()).items():
        if not isinstance(value, str):
            raise Refused(protocol.SUPPORT_IS_DISABLED, "External data is not available in the embedded store")
        fields[name] = value
    return protocol.parameters({**request.query, **fields})
