"""Bounds hold whatever comes back, costs are what was reported, and what cannot be budgeted is refused."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.judge.money import Prices, faults, placed_faults, warnings
from config.judge import Embeddings, JudgeModel
from config.model import Config
from record.usage import Usage

NOW = datetime(2026, 5, 1, tzinfo=UTC)
PRICE = {"input_per_mtok": 2.5, "output_per_mtok": 10, "cached_input_per_mtok": 1.25}


def judge(**settings: Any) -> JudgeModel:
    values = {"name": "j", "url": "http://judge", "model": "own-model", "price": PRICE, **settings}
    return JudgeModel.model_validate(values)


def config(*models: dict[str, Any], candidates: list[dict[str, Any]] | None = None, **settings: Any) -> Config:
    return Config.model_validate(
        {"primary": {"url": "http://p"}, "candidates": candidates or [], "judge": {"models": list(models), **settings}}
    )


def model(name: str = "j", **settings: Any) -> dict[str, Any]:
    return {"name": name, "url": "http://judge", "model": "own-model", "price": PRICE, **settings}


def test_a_bound_is_bytes_as_tokens_and_the_longest_answer() -> None:
    bound = Prices(judge(max_tokens=300)).bound(5_000, NOW)
    assert bound == ((5_000 + 64) * Decimal("2.5") + 300 * Decimal(10)) / 1_000_000


def test_a_cost_is_what_was_reported() -> None:
    usage = Usage(1_000, 50, cached_tokens=400)
    cost = Prices(judge()).cost(usage, "whatever", NOW)
    assert cost == (600 * Decimal("2.5") + 400 * Decimal("1.25") + 50 * Decimal(10)) / 1_000_000


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 65_536), st.sampled_from(["openai", "anthropic"]))
def test_no_call_costs_more_than_its_bound(body_bytes: int, output: int, api: Any) -> None:
    """No token is shorter than a byte of the body that it came in, and an answer ends at `max_tokens`."""
    prices = Prices(judge(max_tokens=max(16, output), api=api))
    bound = prices.bound(body_bytes, NOW)
    most = prices.cost(Usage(body_bytes, output), "m", NOW)
    assert bound is not None
    assert most is not None
    assert most <= bound


@pytest.mark.parametrize("usage", [Usage(), Usage(5, None), Usage(None, 5)])
def test_without_a_report_a_cost_is_unknown(usage: Usage) -> None:
    assert Prices(judge()).cost(usage, "m", NOW) is None


def test_the_price_list_knows_models_by_the_name_in_the_answer_first() -> None:
    prices = Prices(judge(model="gpt-4o", price=None, url="https://api.openai.com/v1"))
    large = prices.cost(Usage(10**6, 0), "", NOW)
    small = prices.cost(Usage(10**6, 0), "gpt-4o-mini-2024-07-18", NOW)
    unheard = prices.cost(Usage(10**6, 0), "a-model-nobody-lists", NOW)
    assert large is not None
    assert small is not None
    assert small < large == unheard


def test_embeddings_have_no_output() -> None:
    settings = Embeddings.model_validate({"url": "http://e", "model": "m", "price": PRICE})
    assert Prices(settings).bound(936, NOW) == Decimal("0.0025")


def test_a_judge_without_a_price_is_refused_by_its_key() -> None:
    (fault,) = placed_faults(config(model(), model("k", price=None)))
    assert fault[0] == ("judge", "models", 1, "model")
    assert "price" in fault[1]
    assert faults(config(model("k", price=None)))[0].startswith("judge.models[0].model: no price of own-model")
    endpoint = {"url": "http://e", "model": "own-model"}
    (fault,) = placed_faults(config(metrics=["embedding_similarity"], embeddings=endpoint))
    assert fault[0] == ("judge", "embeddings", "model")


def test_a_budget_that_not_one_call_fits_into_is_refused() -> None:
    (text,) = faults(config(model(), budget={"usd_per_day": 0.001}))
    assert "max_tokens" in text
    assert not faults(config(model(), budget={"usd_per_day": None}))


def test_a_judge_of_a_candidates_family_is_warned_about() -> None:
    candidates = [
        {"name": "small", "url": "http://c", "model": "gpt-4o-mini"},
        {"name": "llama", "url": "http://c", "model": "llama-3"},
        {"name": "same-as-client", "url": "http://c"},
    ]
    (line,) = warnings(config(model(model="gpt-4o"), model("k", model="claude-x"), candidates=candidates))
    assert "small" in line
    assert "gpt-4o" in line
    assert warnings(Config.model_validate({"primary": {"url": "http://p"}})) == []
