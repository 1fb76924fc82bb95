"""What the primary is told of where a request came from, and who may say it."""

import pytest

from proxy.wire.forwarding import plain_address
from tests.proxy.harness import Received, answering, bench, chat, ok

BODY = b'{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}'
CLAIMED = (
    b"X-Forwarded-For: 203.0.113.9, 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\nX-Forwarded-Proto: https\r\n"
    b"X-Forwarded-Host: shop.example\r\nX-Real-IP: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n"
)
NAMES = {b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip"}


async def told(mode: str, headers: bytes, *, line: bytes = b"GET / HTTP/1.1") -> list[tuple[bytes, bytes]]:
    """What the primary is told, in order."""
    async with bench(answering(ok(b"{}")), listen={"forwarded": mode}) as b:
        client = await b.client()
        client.send(b"%b\r\nHost: api.example:8080\r\n%b\r\n" % (line, headers))
        await client.response()
        return forwarded(b.primary.requests[0])


def forwarded(request: Received) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in request.headers if name in NAMES]


OURS = [
    (b"x-forwarded-for", b"127.0.0.1"),
    (b"x-forwarded-proto", b"http"),
    (b"x-forwarded-host", b"api.example:8080"),
]


@pytest.mark.parametrize("mode", ["append", "replace"])
async def test_the_primary_learns_address_scheme_and_host_of_the_client(mode: str) -> None:
    assert await told(mode, b"") == OURS


async def test_append_puts_the_client_behind_what_the_balancer_said_in_one_line() -> None:
    """Some readers take only the first line, and would believe what the client put there."""
    assert await told("append", CLAIMED) == [
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-host", b"shop.example"),
        (b"x-real-ip", b"203.0.113.9"),
        (b"forwarded", b"for=203.0.113.9"),
        (b"x-forwarded-for", b"203.0.113.9, 10.0.0.1, 10.0.0.2, 127.0.0.1"),
    ]


async def test_replace_believes_nothing_that_the_client_says_of_its_origin() -> None:
    assert await told("replace", CLAIMED) == OURS


async def test_keep_passes_what_was_said_and_adds_nothing() -> None:
    assert await told("keep", b"") == []
    lines = [line.split(b": ") for line in CLAIMED.splitlines()]
    assert await told("keep", CLAIMED) == [(name.lower(), value) for name, value in lines]


@pytest.mark.parametrize("mode", ["append", "replace", "keep"])
async def test_connection_takes_away_nothing_that_says_who_asks(mode: str) -> None:
    """`Connection: X-Forwarded-For` would make the upstream believe that the balancer itself is the client."""
    named = b"Connection: X-Forwarded-For, x-forwarded-host, X-Forwarded-Proto, Forwarded, X-Real-IP\r\n"
    assert await told(mode, named + CLAIMED) == await told(mode, CLAIMED)


async def test_connection_takes_away_no_credentials() -> None:
    async with bench(answering(ok(b"{}"))) as b:
        client = await b.client()
        client.send(
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Authorization, Cookie\r\nAuthorization: a\r\nCookie: c\r\n\r\n"
        )
        await client.response()
        assert b.primary.requests[0].header(b"authorization") == b"a"
        assert b.primary.requests[0].header(b"cookie") == b"c"


async def test_the_host_is_that_of_the_request_target_where_it_has_one() -> None:
    """RFC 9112 section 3.2.2: the Host header beside it does not count."""
    said = await told("replace", b"", line=b"GET http://other.example/a?b HTTP/1.1")
    assert said[-1] == (b"x-forwarded-host", b"other.example")


async def test_each_request_of_a_connection_tells_its_own_host() -> None:
    async with bench(answering(ok(b"{}"))) as b:
        client = await b.client()
        for host in (b"a", b"b", b"b", b"a"):
            client.send(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host)
            await client.response()
        assert [request.header(b"x-forwarded-host") for request in b.primary.requests] == [b"a", b"b", b"b", b"a"]


async def test_the_control_leg_gets_what_the_primary_got_and_candidates_get_nothing_of_it() -> None:
    answer = answering(ok(b"{}"))
    async with bench(answer, {"new": answer}, control={"sample": "100%"}) as b:
        client = await b.client()
        client.send(chat(BODY, b"X-Forwarded-For: 203.0.113.9", b"X-Odd: 1", b"Connection: X-Odd"))
        await client.response()
        await b.recorded(3)
        first, second = b.primary.requests
        assert forwarded(first) == forwarded(second)
        assert first.header(b"x-forwarded-for") == b"203.0.113.9, 127.0.0.1"
        assert second.header(b"x-odd") is None
        assert forwarded(b.candidates["new"].requests[0]) == []


@pytest.mark.parametrize(
    ("socket_says", "told_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:1:2", "::ffff:1:2"),
        ("", ""),
    ],
)
def test_addresses_are_told_as_people_write_them(socket_says: str, told_as: str) -> None:
    assert plain_address(socket_says) == told_as


async def test_answers_to_recorded_requests_carry_their_id_when_asked_to() -> None:
    """And never one that comes from the upstream."""
    answer = answering(ok(b"{}", b"X-Shadowbench-Request-Id: theirs"))
    async with bench(answer, {"new": answering(ok(b"{}"))}, listen={"send_request_id": True}) as b:
        client = await b.client()
        client.send(chat(BODY))
        head, _ = await client.response()
        await b.recorded(2)
        sent = b.candidates["new"].requests[0].header(b"x-shadowbench-request-id")
        assert sent is not None
        lines = [line for line in head.split(b"\r\n") if line.lower().startswith(b"x-shadowbench")]
        assert lines == [b"x-shadowbench-request-id: " + sent]
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"x-shadowbench" not in (await client.response())[0].lower()


async def test_answers_carry_no_id_unless_asked_to() -> None:
    async with bench(answering(ok(b"{}", b"X-Shadowbench-Request-Id: theirs")), {"new": answering(ok(b"{}"))}) as b:
        client = await b.client()
        client.send(chat(BODY))
        assert b"x-shadowbench" not in (await client.response())[0].lower()
