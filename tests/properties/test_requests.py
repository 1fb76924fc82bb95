"""No client can make the upstream see another request than the one that it sent: compared with h11, byte for byte.

`make fuzz` runs the long form.
"""

import os
import random
import re

from tests.properties.grammar import cuts, request
from tests.properties.proxied import PEER, UPSTREAM, Outcome, Proxied, Reading, Seen, read_requests

CASES = int(os.environ.get("SHADOWBENCH_FUZZ_CASES", "20000"))
SEED = int(os.environ.get("SHADOWBENCH_FUZZ_SEED", "1"))
OWN = {b"content-length", b"transfer-encoding", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"}
"""What a proxy says for itself."""
SWITCH = {b"connection", b"upgrade"}
_SPACED_LINE = re.compile(r"illegal request line: bytearray\(b'[A-Z]+ +\S+ +HTTP/1\.[01]'\)")


def complaint(data: bytes, outcome: Outcome, expected: Reading) -> str | None:
    """What is wrong with what became of the bytes; None when nothing is."""
    forwarded = outcome.forwarded
    if forwarded.refused is not None:
        return f"the upstream got what h11 refuses: {forwarded.refused}"
    if len(forwarded.requests) > len(expected.requests) and not _is_harmless(expected):
        return "the upstream got more requests than were sent"
    for number, (got, sent) in enumerate(zip(forwarded.requests, expected.requests, strict=False)):
        if (got.method, _path(got), got.body) != (sent.method, _path(sent), sent.body):
            return f"request {number} reached the upstream as another"
        foreign = set(got.headers) - set(sent.headers) - {(b"host", UPSTREAM.encode())}
        if {name for name, _ in foreign} - OWN - (SWITCH if _asks_for_websocket(sent) else set()) - _te(sent):
            return f"request {number} got headers that nobody sent: {foreign}"
        if last_hop(got) != PEER.encode():
            return f"request {number} does not say whom it came from: {got.headers}"
    if b"HTTP/1.1 500" in outcome.answer:
        return "a fault of ours"
    return None


def last_hop(seen: Seen) -> bytes:
    """The address behind all others, in the one line that there may be."""
    (said,) = [value for name, value in seen.headers if name == b"x-forwarded-for"]
    return said.rpartition(b",")[2].strip()


def _asks_for_websocket(seen: Seen) -> bool:
    tokens = [
        token.strip().lower() for name, value in seen.headers if name == b"upgrade" for token in value.split(b",")
    ]
    return seen.method == b"GET" and not seen.body and b"websocket" in tokens


def _te(seen: Seen) -> set[bytes]:
    return {b"te", b"connection"} if any(name == b"te" for name, _ in seen.headers) else set()


def _is_harmless(expected: Reading) -> bool:
    """Where h11 is stricter without need: it does not keep HTTP/1.0 alive, skips no blank line between requests, and
    takes no second space in a request line. What is forwarded has none of these."""
    refused = expected.refused
    if expected.in_body and is_of_trailers(refused):
        return True
    known = ("no request line received", "Got data when expecting EOF", "illegal request line: bytearray(b'\\r")
    return refused is not None and (refused.startswith(known) or _SPACED_LINE.search(refused) is not None)


def is_of_trailers(refused: str | None) -> bool:
    """Behind a head: h11 minds a transfer coding among the trailers; here such a trailer does not travel on."""
    known = ("Only Transfer-Encoding: chunked", "multiple Transfer-Encoding headers")
    return refused is not None and refused.startswith(known)


def _path(seen: Seen) -> bytes:
    scheme, mark, rest = seen.target.partition(b"://")
    return b"/" + rest.partition(b"/")[2] if mark and scheme else seen.target


def test_what_reaches_the_upstream_is_what_h11_reads_from_the_same_bytes() -> None:
    draw = random.Random(SEED)
    agreed = 0
    with Proxied() as proxied:
        for number in range(CASES):
            data = b"".join(request(draw) for _ in range(draw.choice((1, 1, 2, 3))))
            outcome = proxied.send(cuts(draw, data))
            expected = read_requests(data)
            problem = complaint(data, outcome, expected)
            assert problem is None, f"seed {SEED}, case {number}: {problem}\n{data!r}\n{outcome}\n{expected}"
            agreed += bool(outcome.forwarded.requests)
    assert agreed > CASES / 4, "the generator makes too little that is well-formed"
