"""Sampling: sticky, nested, and the same on every replica."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.shadow.body import RequestBody
from proxy.shadow.sampling import SamplingKey, threshold
from proxy.wire.apis import APIS
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


def turn(endpoint: str, said: list[tuple[str, str]], system: str = "be brief") -> dict[str, object]:
    """One request of a conversation, `said` being (role, text) from its beginning on."""
    if endpoint == "messages":
        return {"system": system, "messages": [{"role": r, "content": t} for r, t in said], "max_tokens": len(said)}
    if endpoint.endswith("enerateContent"):
        contents = [{"role": "model" if r == "assistant" else r, "parts": [{"text": t}]} for r, t in said]
        return {"systemInstruction": {"parts": [{"text": system}]}, "contents": contents}
    if endpoint == "responses":
        return {"instructions": system, "input": [{"role": r, "content": t} for r, t in said]}
    return {"messages": [{"role": "system", "content": system}, *({"role": r, "content": t} for r, t in said)]}


TURNS = ("chat/completions", "messages", "responses", "generateContent", "streamGenerateContent", "api/chat")
texts = st.text(min_size=1, max_size=6)


@pytest.mark.parametrize("endpoint", TURNS)
@given(first=texts, more=st.lists(texts, min_size=1, max_size=5), share=shares)
def test_all_turns_of_a_conversation_fall_one_way_whatever_the_api(
    endpoint: str, first: str, more: list[str], share: float
) -> None:
    key = SamplingKey("conversation", ("prefix",), 3)
    said = [("user", first)]
    hashes = {key.hash_of(b"1", [], parsed(endpoint, turn(endpoint, said)))}
    for number, text in enumerate(more):
        said.append(("assistant" if number % 2 == 0 else "user", text))
        hashes.add(key.hash_of(b"%d" % number, [], parsed(endpoint, turn(endpoint, said))))
    assert len({value < threshold(share) for value in hashes}) == len(hashes) == 1


@pytest.mark.parametrize("endpoint", TURNS)
def test_other_words_another_system_prompt_and_another_client_are_other_conversations(endpoint: str) -> None:
    key = SamplingKey("conversation", ("prefix",), 3)
    asked = [turn(endpoint, [("user", "a")]), turn(endpoint, [("user", "b")]), turn(endpoint, [("user", "a")], "long")]
    hashes = {key.hash_of(b"1", [], parsed(endpoint, value)) for value in asked}
    for name in ("authorization", "x_api_key", "api_key", "x_goog_api_key"):
        hashes.add(key.hash_of(b"1", headers(**{name: "secret"}), parsed(endpoint, asked[0])))
    assert len(hashes) == 4  # the four names hold one and the same key


@pytest.mark.parametrize(
    ("endpoint", "value"),
    [
        ("completions", {"prompt": "once upon"}),
        ("completions", {"prompt": [1, 2, 3]}),
        ("api/generate", {"prompt": "once upon", "system": "s"}),
        ("responses", {"input": "once upon"}),
    ],
)
def test_a_prompt_stands_for_itself(endpoint: str, value: dict[str, object]) -> None:
    key = SamplingKey("conversation", ("prefix",), 3)
    assert key.hash_of(b"1", [], parsed(endpoint, value)) == key.hash_of(b"2", [], parsed(endpoint, value))
    other: dict[str, object] = dict.fromkeys(value, "twice")
    assert key.hash_of(b"1", [], parsed(endpoint, value)) != key.hash_of(b"1", [], parsed(endpoint, other))


@pytest.mark.parametrize("value", [{}, {"messages": []}, {"messages": None}, {"messages": [1]}, {"messages": {}}])
def test_a_request_without_words_draws_alone(value: dict[str, object]) -> None:
    key = SamplingKey("conversation", ("prefix",), 3)
    body = parsed("chat/completions", value)
    assert key.hash_of(b"1", [], body) != key.hash_of(b"2", [], body)


SOURCES = st.permutations(["header:x-conversation-id", "header:x-session", "body:user", "prefix"])


@given(SOURCES, st.booleans(), st.booleans())
def test_headers_decide_without_the_body_exactly_where_they_come_first(
    sources: list[str], has_id: bool, has_session: bool
) -> None:
    key = SamplingKey("conversation", tuple(sources), 3)
    sent = headers(**({"x_conversation_id": "c"} if has_id else {}), **({"x_session": "s"} if has_session else {}))
    body = parsed("chat/completions", {"user": "u", "messages": [{"role": "user", "content": "a"}]})
    known = key.hash_in_head(sent)
    assert known is None or known == key.hash_of(b"1", sent, body)
    given_first = next(s for s in sources if not s.startswith("header:") or headers_hold(sent, s))
    assert (known is not None) == given_first.startswith("header:")


def headers_hold(sent: Headers, source: str) -> bool:
    return any(low == source.removeprefix("header:").encode() for _, low, _ in sent)


def parsed(endpoint: str, value: dict[str, object]) -> RequestBody:
    return RequestBody(json.dumps(value).encode(), APIS[endpoint])
