"""Sampling: sticky, nested, and the same on every replica."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.shadow.body import RequestBody
from proxy.shadow.sampling import SamplingKey, threshold
from proxy.wire.heads import Headers

shares = st.floats(0, 1)
hashes = st.integers(0, 2**64 - 1)


def headers(**values: str) -> Headers:
    return [(n.encode(), n.replace("_", "-").encode(), v.encode()) for n, v in values.items()]


@given(hashes, shares, shares)
def test_raising_the_share_keeps_every_request_already_sampled(value: int, a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert value >= threshold(low) or value < threshold(high)


@given(hashes)
def test_no_share_samples_nothing_and_the_whole_samples_everything(value: int) -> None:
    assert value >= threshold(0)
    assert value < threshold(1)


def test_a_tenth_is_a_tenth() -> None:
    """20,000 conversations at 10 %: within four standard deviations of a binomial count."""
    key = SamplingKey("conversation", ("header:x-conversation-id",), 7)
    hits = sum(
        key.hash_of(b"r%d" % i, headers(x_conversation_id=f"c{i}"), None) < threshold(0.1) for i in range(20_000)
    )
    assert abs(hits - 2_000) < 4 * (20_000 * 0.1 * 0.9) ** 0.5


def test_the_seed_changes_who_is_drawn() -> None:
    sent = headers(x_conversation_id="c1")
    one, other = (SamplingKey("conversation", ("header:x-conversation-id",), seed) for seed in (1, 2))
    assert one.hash_of(b"a", sent, None) == one.hash_of(b"b", sent, None)
    assert one.hash_of(b"a", sent, None) != other.hash_of(b"a", sent, None)


def test_turns_of_a_conversation_share_their_prefix_and_clients_with_other_keys_do_not() -> None:
    key = SamplingKey("conversation", ("prefix",), 0)
    first = RequestBody(b'{"messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"}]}')
    second = RequestBody(
        b'{"messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"},'
        b'{"role":"assistant","content":"yes?"},{"role":"user","content":"more"}]}'
    )
    other = RequestBody(b'{"messages":[{"role":"system","content":"s"},{"role":"user","content":"ho"}]}')
    mine, yours = headers(authorization="Bearer a"), headers(authorization="Bearer b")
    assert key.hash_of(b"1", mine, first) == key.hash_of(b"2", mine, second)
    assert key.hash_of(b"1", mine, first) != key.hash_of(b"1", mine, other)
    assert key.hash_of(b"1", mine, first) != key.hash_of(b"1", yours, first)


def test_the_first_place_that_has_a_value_decides() -> None:
    key = SamplingKey("conversation", ("header:x-conversation-id", "body:metadata.session_id", "prefix"), 0)
    body = RequestBody(b'{"metadata":{"session_id":"s1"},"messages":[{"role":"user","content":"a"}]}')
    same = RequestBody(b'{"metadata":{"session_id":"s1"},"messages":[{"role":"user","content":"b"}]}')
    assert key.hash_of(b"1", [], body) == key.hash_of(b"2", [], same)
    named = headers(x_conversation_id="c")
    assert key.hash_of(b"1", named, body) == key.hash_of(b"2", named, None)
    assert key.hash_of(b"1", named, body) != key.hash_of(b"1", [], body)


def test_requests_without_a_key_and_unit_request_draw_alone() -> None:
    body = RequestBody(b'{"messages":[{"role":"user","content":"a"}]}')
    for key in (SamplingKey("request", ("prefix",), 0), SamplingKey("conversation", ("header:x",), 0)):
        assert key.hash_of(b"1", [], body) != key.hash_of(b"2", [], body)
