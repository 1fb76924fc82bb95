"""No upstream can make a client take another answer than the one that was sent: compared with h11, byte for byte.

`make fuzz` runs the long form.
"""

import asyncio
import random
from dataclasses import dataclass
from typing import cast

import h11

from proxy.upstream.connection import UpstreamConnection
from tests.properties.grammar import cuts, response
from tests.properties.proxied import Wire
from tests.properties.test_requests import CASES, SEED, is_of_trailers
from tests.proxy.upstream.test_connection import Heard, Owner


@dataclass
class Expected:
    """The first final response, as h11 reads it."""

    status: int | None = None
    body: bytes = b""
    whole: bool = False
    refused: str | None = None
    reusable: bool = False
    version: bytes = b""


def read_response(data: bytes, *, head_request: bool) -> Expected:
    expected = Expected()
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="HEAD" if head_request else "GET", target="/", headers=[("Host", "h")]))
    connection.send(h11.EndOfMessage())
    try:
        connection.receive_data(data)
        connection.receive_data(b"")
        while not expected.whole:
            event = connection.next_event()
            if isinstance(event, h11.Response):
                expected.status, expected.version = event.status_code, event.http_version
            elif isinstance(event, h11.Data):
                expected.body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                expected.whole = True
                # A blank line between messages is nobody's body.
                left = connection.trailing_data[0].strip(b"\r\n")
                expected.reusable = connection.their_state is h11.DONE and not left
            elif not isinstance(event, h11.InformationalResponse):
                break
    except h11.RemoteProtocolError as error:
        expected.refused = str(error)
    return expected


def complaint(heard: Heard, owner: Owner, expected: Expected, *, is_kept: bool) -> str | None:
    finals = [status for status in heard.heads if status >= 200]
    if owner.faults:
        return f"a fault of ours: {owner.faults[0]!r}"
    if len(finals) > 1:
        return "two final answers to one request"
    if heard.end == "whole":
        if not expected.whole and not (expected.status is not None and is_of_trailers(expected.refused)):
            return "taken for whole; h11 does not agree"
        if (finals, heard.body) != ([expected.status], expected.body):
            return "another answer than h11 reads"
    # h11 does not keep HTTP/1.0 alive, whatever both sides say.
    if is_kept and not expected.reusable and expected.version != b"1.0":
        return "the connection is used again; h11 would not"
    return None


def test_what_is_delivered_is_what_h11_reads_from_the_same_bytes() -> None:
    draw = random.Random(SEED)
    whole = kept = 0
    for number in range(CASES):
        head_request = draw.random() < 0.1
        data = b"".join(response(draw) for _ in range(draw.choice((1, 1, 1, 2))))
        owner, heard = Owner(), Heard()
        wire = Wire()
        connection = UpstreamConnection(owner)
        connection.connection_made(cast("asyncio.BaseTransport", wire))
        connection.carry(heard, head_request=head_request)
        for piece in cuts(draw, data):
            connection.data_received(piece)
        # Bytes that come after the answer end the connection as soon as they are there.
        is_kept = owner.idle_count > 0 and not wire.closed
        connection.connection_lost(None)
        expected = read_response(data, head_request=head_request)
        problem = complaint(heard, owner, expected, is_kept=is_kept)
        assert problem is None, f"seed {SEED}, case {number}: {problem}\n{data!r}\n{vars(heard)}\n{expected}"
        whole += heard.end == "whole"
        kept += is_kept
    assert whole > CASES / 4, "the generator makes too little that is well-formed"
    assert kept > CASES / 8
