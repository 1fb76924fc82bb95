"""What becomes of a request's body, and what it gives away about state and tools, for each API."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.shadow.body import RequestBody
from proxy.wire.apis import APIS

CHAT = "chat/completions"
scalars = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('abmodelnst"\\é ', max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
keys = st.sampled_from(["model", "n", "store", "stream", "stream_options", "messages"]) | st.text(max_size=5)


def body(value: Any, endpoint: str = CHAT) -> RequestBody:
    return RequestBody(value if isinstance(value, bytes) else json.dumps(value).encode(), APIS[endpoint])


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """JSON objects in any spelling: spaces anywhere, escapes in keys and values, keys that come twice."""
    space = st.sampled_from(["", " ", "\n\t", "\r\n  "])
    members = []
    for key, value in draw(st.lists(st.tuples(keys, values), max_size=6)):
        name = json.dumps(key, ensure_ascii=draw(st.booleans()))
        if key and key[0].isascii() and draw(st.booleans()):
            name = f'"\\u{ord(key[0]):04x}' + json.dumps(key[1:])[1:]
        text = json.dumps(value, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 2])))
        members.append(f"{draw(space)}{name}{draw(space)}:{draw(space)}{text}{draw(space)}")
    return ("{" + ",".join(members) + draw(space) + "}").encode("utf-8", "surrogatepass")


@given(
    documents(), st.none() | st.just("llama"), st.dictionaries(keys.filter(lambda k: k != "model"), values, max_size=3)
)
def test_the_body_for_a_candidate_is_the_clients_with_what_was_asked_for(
    data: bytes, model: str | None, params: dict[str, Any]
) -> None:
    """Against Python's own reading of the same document; of a key that comes twice the last one counts."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    expected = json.loads(text)
    asked = body(data)
    sent, changed = asked.for_candidate(
        raw(model) if model else None,
        {name: None if value is None else raw(value) for name, value in params.items()},
        path_names_model=False,
    )
    before = dict(expected)
    if expected.get("store") is True:
        expected["store"] = False
    if expected.get("n", 1) != 1 or isinstance(expected.get("n"), bool):
        expected["n"] = 1 if expected["n"] is not None else None
    if expected.get("stream") is True:
        options = expected.get("stream_options")
        expected["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
    expected |= {"model": model} if model else {}
    for name, value in params.items():
        expected[name] = value
        if value is None:
            del expected[name]
    assert json.loads(sent) == expected
    assert {n for n in before.keys() | expected.keys() if before.get(n, "-") != expected.get(n, "-")} <= set(changed)
    if not changed:
        assert sent == data


def test_what_is_not_changed_keeps_its_bytes() -> None:
    sent, changed = body(b'{"model": "a",  "t": 0.10, "x": ["\\u00e9",  1e2], "model": "b"}').for_candidate(
        raw("llama"), {}, path_names_model=False
    )
    assert b'"t":0.10' in sent
    assert b'["\\u00e9",  1e2]' in sent
    assert sent.count(b'"model"') == 1
    assert changed == ["model"]


def rewritten(endpoint: str, value: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    sent, changed = body(value, endpoint).for_candidate(None, {}, path_names_model=False)
    return json.loads(sent), changed


@pytest.mark.parametrize("endpoint", [e for e in APIS if e not in {CHAT, "completions"}])
def test_usage_is_asked_for_only_where_the_api_knows_the_wish(endpoint: str) -> None:
    value = {"model": "m", "stream": True, "store": False, "messages": []}
    assert rewritten(endpoint, value) == (value, [])


def test_a_stream_of_completions_asks_for_its_usage() -> None:
    sent, changed = rewritten("completions", {"prompt": "a", "stream": True, "stream_options": {"x": 1}})
    assert sent["stream_options"] == {"x": 1, "include_usage": True}
    assert changed == ["stream_options"]
    told = {"stream": True, "stream_options": {"include_usage": True}}
    assert rewritten(CHAT, told) == (told, [])


def test_responses_are_kept_by_the_provider_unless_told_and_are_told() -> None:
    assert rewritten("responses", {"input": "a"}) == ({"input": "a", "store": False}, ["store"])
    assert rewritten("responses", {"input": "a", "store": True}) == ({"input": "a", "store": False}, ["store"])
    assert rewritten("responses", {"input": "a", "store": False})[1] == []
    assert rewritten(CHAT, {"messages": []})[1] == []


@pytest.mark.parametrize(
    ("holder", "name"), [("generationConfig", "candidateCount"), ("generation_config", "candidate_count")]
)
def test_gemini_is_asked_for_one_answer(holder: str, name: str) -> None:
    sent, changed = rewritten("generateContent", {"contents": [], holder: {"topK": 1, name: 4}})
    assert sent == {"contents": [], holder: {"topK": 1, name: 1}}
    assert changed == [f"{holder}.{name}"]
    assert rewritten("generateContent", {holder: {name: 1}})[1] == []
    assert rewritten("generateContent", {holder: {"topK": 3}})[1] == []
    assert rewritten("generateContent", {"n": 3, holder: 5})[1] == []


def test_a_model_that_the_path_names_is_not_put_into_the_body_and_one_there_goes() -> None:
    sent, changed = body({"contents": [], "model": "models/a"}, "generateContent").for_candidate(
        raw("b"), {}, path_names_model=True
    )
    assert (json.loads(sent), changed) == ({"contents": []}, ["model"])
    assert body({"contents": []}, "generateContent").for_candidate(raw("b"), {}, path_names_model=True)[1] == []


def test_keys_that_a_client_hands_to_its_gateway_stay_behind() -> None:
    secrets = {"api_key": "sk-secret", "extra_headers": {"authorization": "secret"}, "aws_secret_access_key": "secret"}
    sent, changed = rewritten(CHAT, {"model": "m", "messages": [], **secrets})
    assert sent == {"model": "m", "messages": []}
    assert changed == sorted(secrets)


def test_the_control_leg_gets_the_clients_body_but_stores_nothing_in_the_clients_account() -> None:
    value = {"model": "m", "n": 3, "stream": True, "api_key": "k", "messages": []}
    asked = body(value)
    assert asked.for_control() == (asked.raw, [])
    sent, changed = body({**value, "store": True}).for_control()
    assert (json.loads(sent), changed) == ({**value, "store": False}, ["store"])
    assert body({"input": "a"}, "responses").for_control()[1] == ["store"]


STREAMS = {
    CHAT: (False, True, False),
    "completions": (False, True, False),
    "embeddings": (False, False, False),
    "responses": (False, True, False),
    "messages": (False, True, False),
    "generateContent": (False, False, False),
    "streamGenerateContent": (True, True, True),
    "api/chat": (True, True, False),
    "api/generate": (True, True, False),
}


@pytest.mark.parametrize("endpoint", APIS)
def test_whether_a_stream_was_asked_for_goes_by_the_api(endpoint: str) -> None:
    asked: tuple[dict[str, bool], ...] = ({}, {"stream": True}, {"stream": False})
    assert tuple(body(value, endpoint).stream for value in asked) == STREAMS[endpoint]


FILE = {"file_id": "file-1"}
STATEFUL: list[tuple[str, dict[str, Any]]] = [
    (CHAT, {"previous_response_id": "r"}),
    (CHAT, {"messages": [{"role": "user", "content": [{"type": "file", "file": FILE}]}]}),
    (CHAT, {"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}),
    ("responses", {"previous_response_id": "r", "input": "a"}),
    ("responses", {"conversation": {"id": "conv_1"}, "input": "a"}),
    ("responses", {"background": True, "input": "a"}),
    ("responses", {"prompt": {"id": "pmpt_1"}}),
    ("responses", {"input": [{"type": "item_reference", "id": "msg_1"}]}),
    ("responses", {"input": [{"role": "user", "content": [{"type": "input_file", **FILE}]}]}),
    ("responses", {"input": [{"role": "user", "content": [{"type": "input_image", **FILE}]}]}),
    ("responses", {"input": [{"type": "function_call_output", "output": [{"type": "input_file", **FILE}]}]}),
    ("responses", {"input": [{"type": "computer_call_output", "output": {"type": "computer_screenshot", **FILE}}]}),
    ("messages", {"container": "container_1", "messages": []}),
    ("messages", {"messages": [{"role": "user", "content": [
        {"type": "document", "source": {"type": "file", **FILE}}]}]}),
    ("messages", {"messages": [{"role": "user", "content": [{"type": "container_upload", **FILE}]}]}),
    ("messages", {"messages": [{"role": "user", "content": [
        {"type": "tool_result", "content": [{"type": "image", "source": {"type": "file", **FILE}}]}]}]}),
    ("generateContent", {"cachedContent": "cachedContents/1", "contents": []}),
    ("streamGenerateContent", {"cached_content": "cachedContents/1", "contents": []}),
    ("generateContent", {"contents": [{"parts": [{"fileData": {"fileUri": "https://files/1"}}]}]}),
    ("generateContent", {"contents": [{"parts": [{"file_data": {"file_uri": "https://files/1"}}]}]}),
    ("api/generate", {"prompt": "a", "context": [1, 2]}),
]  # fmt: skip
STATELESS: list[tuple[str, dict[str, Any]]] = [
    (CHAT, {"previous_response_id": None, "background": False, "messages": []}),
    (CHAT, {"messages": [{"role": "user", "content": 'what is "file_id"?'}]}),
    (CHAT, {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": "data:"}}]}]}),
    (CHAT, {"messages": [], "tools": [{"type": "function", "function": {"parameters": {"properties": FILE}}}]}),
    (CHAT, {"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": '{"file_id": 1}'}}]}]}),
    (CHAT, {"messages": ["no message"]}),
    (CHAT, {"messages": "none either"}),
    ("responses", {"input": "previous_response_id", "conversation": None}),
    ("responses", {"input": [{"role": "user", "content": [{"type": "input_file", "file_data": "data:"}]}]}),
    ("messages", {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "input": FILE}]}]}),
    ("messages", {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "base64"}}]}]}),
    ("messages", {"messages": [{"role": "assistant", "content": [{"type": "thinking", "signature": "s"}]}]}),
    ("generateContent", {"contents": [{"parts": [{"functionCall": {"args": {"fileUri": "x"}}}]}]}),
    ("generateContent", {"contents": [{"parts": [{"inlineData": {"data": "x"}}]}]}),
    ("embeddings", {"input": ["a"]}),
]


@pytest.mark.parametrize(("endpoint", "value"), STATEFUL, ids=str)
def test_what_leans_on_the_providers_state_is_seen(endpoint: str, value: dict[str, Any]) -> None:
    assert body(value, endpoint).is_stateful


@pytest.mark.parametrize(("endpoint", "value"), STATELESS, ids=str)
def test_words_about_state_are_no_state(endpoint: str, value: dict[str, Any]) -> None:
    assert not body(value, endpoint).is_stateful


ACTING: list[tuple[str, dict[str, Any]]] = [
    (CHAT, {"web_search_options": {}}),
    (CHAT, {"plugins": [{"id": "web"}]}),
    (CHAT, {"data_sources": [{"type": "azure_search"}]}),
    (CHAT, {"tools": [{"type": "function"}, {"type": "web_search"}]}),
    (CHAT, {"tools": "unreadable"}),
    (CHAT, {"tools": [1]}),
    *(("responses", {"tools": [{"type": kind}]}) for kind in (
        "web_search", "web_search_preview_2025_03_11", "file_search", "code_interpreter", "mcp", "image_generation",
        "computer_use_preview", "shell", "of_next_year",
    )),
    ("messages", {"mcp_servers": [{"url": "https://mcp"}]}),
    *(("messages", {"tools": [{"name": "x", "input_schema": {}}, {"type": kind}]}) for kind in (
        "web_search_20250305", "web_fetch_20250910", "code_execution_20250825", "mcp_toolset", "of_next_year_20270101",
    )),
    *(("generateContent", {"tools": [{"functionDeclarations": []}, {kind: {}}]}) for kind in (
        "googleSearch", "google_search", "googleSearchRetrieval", "codeExecution", "code_execution", "urlContext",
        "fileSearch", "googleMaps", "ofNextYear",
    )),
    ("streamGenerateContent", {"tools": [{"functionDeclarations": [], "googleSearch": {}}]}),
    ("generateContent", {"tools": {"googleSearch": {}}}),
    ("api/chat", {"tools": [{"type": "web_search"}]}),
]  # fmt: skip
CLIENT_RUN: list[tuple[str, dict[str, Any]]] = [
    (CHAT, {"tools": [{"type": "function", "function": {}}, {"type": "custom"}]}),
    (CHAT, {"tools": None, "mcp_servers": None}),
    (CHAT, {"tools": []}),
    ("responses", {"tools": [{"type": "function", "name": "f"}, {"type": "custom"}, {"type": "local_shell"}]}),
    ("messages", {"tools": [{"name": "f", "input_schema": {}}, {"type": "custom"}, {"type": None}]}),
    ("messages", {"tools": [{"type": kind} for kind in (
        "bash_20250124", "text_editor_20250728", "computer_20251124", "memory_20250818")]}),
    ("generateContent", {"tools": [{"functionDeclarations": [{"name": "f"}]}, {"function_declarations": []}]}),
    ("generateContent", {"tools": [{}]}),
    ("api/chat", {"tools": [{"type": "function"}]}),
    ("embeddings", {"input": "a"}),
]  # fmt: skip


@pytest.mark.parametrize(("endpoint", "value"), ACTING, ids=str)
def test_tools_that_the_provider_runs_are_seen_and_unknown_ones_count_as_such(
    endpoint: str, value: dict[str, Any]
) -> None:
    assert body(value, endpoint).has_provider_tools


@pytest.mark.parametrize(("endpoint", "value"), CLIENT_RUN, ids=str)
def test_tools_that_the_client_runs_are_none(endpoint: str, value: dict[str, Any]) -> None:
    assert not body(value, endpoint).has_provider_tools


@pytest.mark.parametrize("endpoint", APIS)
@given(value=values)
def test_no_conversation_breaks_the_look_at_it(endpoint: str, value: Any) -> None:
    fields = ("messages", "input", "contents", "prompt", "tools", "system", "model", "generationConfig")
    asked = body(dict.fromkeys(fields, value), endpoint)
    assert isinstance(asked.is_stateful, bool)
    assert isinstance(asked.has_provider_tools, bool)
    asked.turns.opening()
    assert asked.model is None or isinstance(value, str)
    json.loads(asked.for_candidate(raw("m"), {}, path_names_model=False)[0])
