"""No secret of a client leaves for a candidate, wherever it was put; the control leg gets what the primary got."""

import string

from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.copy_heads import OwnHeaders, harmless_target, request_to_candidate, request_to_control
from proxy.wire.heads import NOT_TO_PRIMARY, Headers, Origin

ORIGIN = Origin.parse("http://candidate:8000/base")
SECRET = b"sk-5ecre7"
OWN = OwnHeaders([(b"authorization", b"Bearer own"), (b"x-extra", b"1")])
names = st.sampled_from(
    ["Authorization", "x-api-key", "api-key", "Cookie", "x-goog-api-key", "Proxy-Authorization", "X-Amz-Security-Token",
     "OpenAI-Organization", "cf-aig-authorization", "x-shadowbench-sample", "x-shadowbench-request-id", "Forwarded"]
) | st.text(string.ascii_letters + string.digits + "-_.", min_size=1, max_size=20)  # fmt: skip
ALLOWED = (
    "accept", "accept-encoding", "accept-language", "anthropic-beta", "anthropic-version", "content-encoding",
    "content-type", "openai-beta", "user-agent",
)  # fmt: skip


@st.composite
def secret_headers(draw: st.DrawFn) -> Headers:
    """Any headers but those that are passed on, each with the secret in it."""
    chosen = [n for n in draw(st.lists(names, max_size=8)) if n.lower() not in ALLOWED]
    before = draw(st.sampled_from([b"", b"Bearer ", b"session="]))
    return [(n.encode(), n.lower().encode(), before + SECRET) for n in chosen]


@st.composite
def encoded(draw: st.DrawFn, text: str) -> str:
    """The same name for a server, with some of its characters percent-encoded."""
    return "".join(f"%{ord(c):02x}" if draw(st.booleans()) else c for c in text)


@st.composite
def queries(draw: st.DrawFn) -> bytes:
    """Parameters that hold the secret, among harmless ones, with either separator."""
    keys = ["key", "api_key", "code", "access_token", "subscription-key", "sig", "alt2", "x-alt", ""]
    parts = []
    for key in draw(st.lists(st.sampled_from(keys), min_size=1, max_size=5)):
        parts.append(f"{draw(encoded(key))}={SECRET.decode()}")
        parts.append(draw(st.sampled_from(["alt=sse", "api-version=2024-10-21", "beta=true", "x"])))
    parts = draw(st.permutations(parts))
    text = parts[0]
    for part in parts[1:]:
        text += draw(st.sampled_from(["&", ";", "&&", "&;", "#"])) + part
    return text.encode()


@given(secret_headers(), queries())
def test_no_secret_arrives_wherever_it_was_planted(headers: Headers, query: bytes) -> None:
    sent = request_to_candidate(
        b"/v1/chat/completions?" + query, headers, ORIGIN, own=OWN, request_id=b"id", content_length=5
    )
    assert SECRET not in sent
    assert sent.count(b"\r\n\r\n") == 1
    assert b"\r\nauthorization: Bearer own\r\n" in sent


@given(secret_headers().map(lambda headers: [h for h in headers if h[1] not in NOT_TO_PRIMARY]))
def test_the_control_leg_gets_the_clients_credentials_and_no_word_of_ours(headers: Headers) -> None:
    onward = b"".join([b"%b: %b\r\n" % (name, value) for name, _, value in headers])
    sent = request_to_control(
        b"/v1/x?key=" + SECRET, onward, ORIGIN, own=OwnHeaders([]), request_id=b"id", content_length=5
    )
    travels = [h for h in headers if h[1] not in {b"expect", b"x-shadowbench-request-id", b"x-shadowbench-mirror"}]
    assert sent.count(SECRET) == 1 + len(travels)
    assert sent.count(b"x-shadowbench-request-id: id\r\n") == 1


def test_harmless_parameters_stay_as_they_came() -> None:
    assert harmless_target(b"/p?alt=sse&key=k&API-Version=2024-10-21") == b"/p?alt=sse&API-Version=2024-10-21"
    assert harmless_target(b"/p?key=k") == b"/p"
    assert harmless_target(b"/p%2Fq?") == b"/p%2Fq"


def test_a_key_cannot_hide_behind_a_harmless_name() -> None:
    for query in (b"alt=sse;key=s", b"alt=sse#key=s", b"alt=sse%26key%3ds", b"alt=sse key=s", b"beta=Bearer%20s"):
        assert harmless_target(b"/p?" + query) == b"/p"


def test_configured_headers_replace_the_clients() -> None:
    headers = [(b"User-Agent", b"user-agent", b"client"), (b"Accept", b"accept", b"*/*")]
    own = OwnHeaders([(b"user-agent", b"own")])
    sent = request_to_candidate(b"/", headers, ORIGIN, own=own, request_id=b"id", content_length=0)
    assert b"client" not in sent
    assert b"\r\nuser-agent: own\r\n" in sent
    assert b"\r\nAccept: */*\r\n" in sent
    assert sent.startswith(b"POST /base/ HTTP/1.1\r\nHost: candidate:8000\r\n")
    assert sent.endswith(b"x-shadowbench-request-id: id\r\nx-shadowbench-mirror: 1\r\nContent-Length: 0\r\n\r\n")
