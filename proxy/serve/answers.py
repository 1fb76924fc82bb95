"""Answers of our own: only where there is no upstream's answer to give."""

import json
from http import HTTPStatus


def error_answer(status: int, kind: str, message: str, *, close: bool) -> bytes:
    """A whole response with an error object in the shape that clients of OpenAI-like APIs read.

    Args:
        status: HTTP status.
        kind: stable word for programs, such as `upstream_unreachable`.
        message: one sentence for people; never holds upstream bytes.
        close: the connection ends behind it.
    """
    body = json.dumps(
        {"error": {"message": message, "type": "shadowbench_error", "param": None, "code": kind}}
    ).encode()
    return b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b\r\n%b" % (
        status,
        HTTPStatus(status).phrase.encode(),
        len(body),
        b"Connection: close\r\n" if close else b"",
        body,
    )
