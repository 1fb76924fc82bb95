"""As much of HTTP/1.1 as both ends of the test need, so that nobody retries and every byte's time is known."""

import asyncio
from dataclasses import dataclass


class HttpError(Exception):
    """The connection ended within a message."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer, whole."""

    first_line: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


async def read_message(reader: asyncio.StreamReader) -> Message | None:
    """The next message; None when the connection ended before its first byte.

    Raises:
        HttpError: it ended within the message.
        ConnectionError: it was reset.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise HttpError("cut within the head") from None
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    try:
        body = await _body(reader, headers)
    except asyncio.IncompleteReadError:
        raise HttpError("cut within the body") from None
    return Message(first, headers, body)


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    body = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line, 16)
        body += (await reader.readexactly(size + 2))[:-2]
        if not size:
            return body
