"""A connection is used again only while the server has promised to keep it, or nearly all servers do."""

import pytest

from proxy.upstream.idle import UNSAID_NS, usable_idle_ns

S = 1_000_000_000


@pytest.mark.parametrize(
    ("value", "usable_s"),
    [
        (b"timeout=5", 4),
        (b"timeout=5, max=100", 4),
        (b"max=100, timeout=20", 19),
        (b"Timeout = 30", 29),
        (b"timeout=1", 0),
        (b"timeout=0", 0),
        (b"timeout=3600", 60),
    ],
)
def test_the_servers_promise_less_a_second_and_at_most_a_minute(value: bytes, usable_s: int) -> None:
    assert usable_idle_ns([(b"Keep-Alive", b"keep-alive", value)]) == usable_s * S


@pytest.mark.parametrize("value", [b"", b"max=100", b"timeout", b"timeout=-1", b"timeout=x", b"mytimeout=50"])
def test_without_a_promise_it_is_less_than_what_servers_do_by_default(value: bytes) -> None:
    assert usable_idle_ns([(b"Keep-Alive", b"keep-alive", value)]) == UNSAID_NS
    assert usable_idle_ns([]) == UNSAID_NS == 4 * S
