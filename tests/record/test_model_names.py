"""Which names mean one model, and who made it: real names of price lists and recordings."""

import pytest

from record.model_names import bare_name, family, same_model


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("azure/gpt-4o", "openai/GPT-4o"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro-latest"),
        ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
        ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet-20241022"),
        ("vertex_ai/claude-opus-4@20250514", "claude-opus-4"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b-instruct"),
        ("o3-mini-2025-01-31", "o3-mini"),
        ("gpt-4-1106-preview", "gpt-4"),
        ("mistral-large-latest", "mistral-large-2411"),
        ("llama3:latest", "llama3"),
    ],
)
def test_one_model_has_many_names(one: str, other: str) -> None:
    assert same_model(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gpt-4o", "gpt-4o-mini"),
        ("gpt-4", "gpt-4-turbo"),
        ("claude-3-5-sonnet", "claude-3-7-sonnet"),
        ("llama-3.3-70b-instruct", "llama-3.1-70b-instruct"),
        ("gemini-2.5-pro", "gemini-2.5-flash"),
        ("o3", "o3-mini"),
        ("qwen2.5-72b", "qwen2.5-7b"),
    ],
)
def test_another_model_is_another_one(one: str, other: str) -> None:
    assert not same_model(one, other)


@pytest.mark.parametrize(
    ("name", "maker"),
    [
        ("azure/gpt-4.1-mini", "openai"),
        ("o4-mini", "openai"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "anthropic"),
        ("google/gemma-3-27b-it", "google"),
        ("meta-llama/Llama-3.3-70B-Instruct", "meta"),
        ("mixtral-8x7b", "mistral"),
        ("Qwen/Qwen3-32B", "alibaba"),
        ("deepseek-chat", "deepseek"),
        ("simulated-prime", None),
        ("opera-1", None),
        ("", None),
    ],
)
def test_makers(name: str, maker: str | None) -> None:
    assert family(name) == maker


def test_nothing_is_taken_away_whole() -> None:
    assert bare_name("latest") == "latest"
    assert bare_name("-2024-08-06") == "-2024-08-06"
