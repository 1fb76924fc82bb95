"""Costs against a second list of prices, and the names that gateways give to models."""

import csv
import json
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from config.model import Config
from prices.names import places
from proxy.recorder.pricing import PriceList
from proxy.wire.body import Reply
from proxy.wire.dialects.table import dialect_of
from record.usage import Usage
from tests.proxy.wire.recordings import Recording, needs_recordings, spoken_recordings

DATA = Path(os.environ.get("SHADOWBENCH_SHARED", Path(__file__).parents[4] / "shared")) / "data"
AT = datetime(2026, 9, 21, 14, tzinfo=UTC)
GATEWAY = "http://gateway:4000"
ROUNDING = Decimal("1e-9")


def listed(url: str = GATEWAY, price: dict[str, str] | None = None) -> PriceList:
    primary: dict[str, Any] = {"url": url, **({"price": price} if price else {})}
    return PriceList(Config.model_validate({"primary": primary, "candidates": []}), lambda model: None)


def usd(model: str, usage: Usage, url: str = GATEWAY) -> Decimal | None:
    return listed(url).cost("", usage, model, None, AT).usd


# Recorded usage, priced by whoever made the index of the recordings from LiteLLM's list

DIFFER = {"deepseek_chat_sse_reasoning_content.sse", "deepseek_responses_sse_function_call.sse"}
"""The lists disagree about DeepSeek: one has its price at night."""


def _priced() -> list[tuple[str, Recording, Decimal, str]]:
    index = DATA / "wire" / "index.json"
    hosts = {e["file"]: e["source"].get("host") for e in json.loads(index.read_text())} if index.exists() else {}
    found = []
    for endpoint, recording in spoken_recordings():
        cost = recording.expected.get("cost") or {}
        if Decimal(cost.get("usd") or 0) > 0:
            found.append((endpoint, recording, Decimal(cost["usd"]), hosts[recording.name] or "api.openai.com"))
    return found


PRICED = _priced()


@needs_recordings
def test_there_are_costs_to_compare_with() -> None:
    assert len(PRICED) >= 30
    assert len({recording.expected["model"] for _, recording, *_ in PRICED}) >= 12


@pytest.mark.parametrize(("endpoint", "recording", "cost", "host"), PRICED, ids=[r.name for _, r, *_ in PRICED])
def test_a_recorded_usage_costs_what_the_other_list_says(
    endpoint: str, recording: Recording, cost: Decimal, host: str
) -> None:
    """At the provider's own address and, where the name says whose it is, behind a gateway."""
    answer = dialect_of(endpoint).read_answer(Reply(recording.status, recording.headers, recording.body))
    ours = listed(f"https://{host}").cost("", answer.usage, answer.model, None, AT).usd
    assert ours is not None
    assert ours >= 0
    if recording.name in DIFFER:
        assert abs(ours - cost) > ROUNDING, "the lists agree now; take the name out"
    else:
        assert abs(ours - cost) <= ROUNDING


@pytest.mark.skipif(not (DATA / "prices").exists(), reason=f"price lists are not at {DATA}; set SHADOWBENCH_SHARED")
def test_most_prices_behind_a_gateway_are_those_of_the_other_list() -> None:
    """Names as LiteLLM spells them, prefixes and all. Where we have a price at all, nine in ten agree to the cent of a
    cent; the others are regional surcharges and prices that one of the lists has not brought up to date."""
    with (DATA / "prices" / "litellm_prices.csv").open() as file:
        rows = [r for r in csv.DictReader(file) if r["mode"] in {"chat", "responses"} and r["input_usd_per_mtok"]]
    agree = differ = 0
    for row in rows:
        ours = usd(row["model"], Usage(1000, 500))
        if ours is not None:
            theirs = Decimal(row["input_usd_per_mtok"]) * 1000 + Decimal(row["output_usd_per_mtok"] or 0) * 500
            same = abs(ours - theirs / 10**6) <= Decimal("1e-8")
            agree, differ = agree + same, differ + (not same)
    assert agree >= 400
    assert agree / (agree + differ) >= 0.85


# Names


@pytest.mark.parametrize(
    ("name", "same_as"),
    [
        ("openai/gpt-4o", "gpt-4o"),
        ("azure/gpt-4o", "gpt-4o"),
        ("anthropic/claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("gemini/gemini-2.5-pro", "gemini-2.5-pro"),
        ("google/gemini-2.5-pro", "gemini-2.5-pro"),
        ("vertex_ai/gemini-2.5-pro", "gemini-2.5-pro"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("openrouter/openai/gpt-4o", "gpt-4o"),
        ("xai/grok-4", "grok-4"),
        ("x-ai/grok-4", "grok-4"),
        ("cohere/command-r-plus", "command-r-plus"),
    ],
)
def test_a_gateways_prefix_does_not_hide_a_price(name: str, same_as: str) -> None:
    usage = Usage(1000, 500)
    assert usd(name, usage) is not None
    assert usd(name, usage) == usd(same_as, usage)


@pytest.mark.parametrize(
    ("name", "dollars"),
    [("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "3.3"), ("text-embedding-3-small", "0.02"),
     ("groq/llama-3.3-70b-versatile", "0.59")],
)  # fmt: skip
def test_names_that_say_whose_they_are_have_a_price(name: str, dollars: str) -> None:
    """Per million input tokens: Amazon's regional price is a tenth above Anthropic's; OpenAI's and Groq's pages."""
    assert usd(name, Usage(1_000_000, 0)) == Decimal(dollars)


@pytest.mark.parametrize(
    "name",
    ["openai/gpt-oss-120b", "mistralai/Mistral-7B-Instruct-v0.3", "google/gemma-2-9b-it", "meta-llama/Llama-3.3-70B",
     "deepseek-ai/DeepSeek-V3", "our/gpt-4o", "gpt-4o-but-ours/x", "x" * 10_000, "/", "a//b", "openai/"],
)  # fmt: skip
def test_open_weights_and_names_of_ones_own_have_no_price(name: str) -> None:
    assert usd(name, Usage(1000, 500)) is None


def test_places_are_few_whatever_the_name() -> None:
    assert len(list(places(GATEWAY, "openai/" * 30))) <= 6


# Parts of the counts


def test_what_is_kept_for_an_hour_costs_more_than_for_five_minutes() -> None:
    """Claude Haiku 4.5: $1 in, $1.25 and $2 to write, $0.10 to read, $5 out (Anthropic's price page)."""
    five = usd("claude-haiku-4-5", Usage(1_000_000, 0, 0, 400_000))
    hour = usd("claude-haiku-4-5", Usage(1_000_000, 0, 0, 400_000, written_1h_tokens=300_000))
    assert five == Decimal("0.6") + Decimal("0.5")
    assert hour == Decimal("0.6") + Decimal("0.125") + Decimal("0.6")


def test_sound_has_its_own_price() -> None:
    """gpt-audio: text 2.5 and 10, sound 32 and 64 dollars per million (OpenAI's price page)."""
    usage = Usage(1_000_000, 1_000_000, input_audio_tokens=250_000, output_audio_tokens=500_000)
    assert usd("gpt-audio", usage) == Decimal("1.875") + 8 + 5 + 32


def test_sound_whose_price_is_not_listed_makes_the_cost_unknown() -> None:
    prices = listed()
    assert prices.cost("", Usage(1000, 10, output_audio_tokens=5), "gpt-4o", None, AT).usd is None
    assert prices.unpriced == 1
    assert usd("gpt-4o", Usage(1000, 10, input_audio_tokens=0, output_audio_tokens=0)) is not None


def test_an_endless_name_is_not_remembered_whole() -> None:
    named: list[str] = []
    config = Config.model_validate({"primary": {"url": GATEWAY}, "candidates": []})
    assert PriceList(config, named.append).cost("", Usage(1, 1), "m" * 10**6, "n" * 10**6, AT).usd is None
    assert [len(name) < 300 for name in named] == [True]


def test_a_fee_per_request_is_charged_once_however_many_tokens_there_are() -> None:
    """Perplexity's published prices of `sonar`: a dollar per million tokens either way, and $12 per 1,000 requests."""
    tokens = Decimal(3_000) / 10**6
    fee = Decimal(12) / 1000
    assert usd("sonar", Usage(1_000, 2_000), "https://api.perplexity.ai") == tokens + fee


def test_own_prices_charge_every_token_once_and_never_less_than_nothing() -> None:
    own = listed(price={"input_per_mtok": "2", "output_per_mtok": "8", "cached_input_per_mtok": "1"})
    usage = Usage(1000, 100, 600, 300, written_1h_tokens=300, input_audio_tokens=50, output_audio_tokens=20)
    assert own.cost("", usage, "m", None, AT).usd == Decimal("0.0008") + Decimal("0.0006") + Decimal("0.0008")
    contradictory = Usage(10, 0, 600, 300)
    cost = own.cost("", contradictory, "m", None, AT).usd
    assert cost is not None
    assert cost >= 0
