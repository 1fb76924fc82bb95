"""What judging would take per day: copies x share x calls x price, and never more than the budget."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cli.forecast import Forecast, Traffic, forecast_by, forecast_form, forecast_lines
from cli.judging_forecast import calls_per_pair, judging_forecast
from config.load import located, validate
from config.model import Config
from config.source import Source

MODEL = {"name": "j", "url": "http://j", "model": "m", "price": {"input_per_mtok": 2, "output_per_mtok": 10}}
COPIES = {"llama": 10_000, "control": 500}


def config_of(**judge: Any) -> Config:
    values = {
        "primary": {"url": "http://gateway:4000"},
        "candidates": [{"name": "llama", "url": "http://vllm:8000", "sample": "10%"}],
        "judge": {"sample": "20%", "models": [MODEL], "repeats": 0, "canaries": 0, **judge},
    }
    return located(validate(Source("test", values, {})), Path("/nowhere"))


@pytest.mark.parametrize(
    ("settings", "calls"),
    [
        ({}, 2),
        ({"orders": "random"}, 1),
        ({"mode": "pointwise"}, 2),
        ({"mode": "both"}, 4),
        ({"mode": "both", "orders": "random"}, 3),
        ({"repeats": 0.02, "canaries": 0.01}, 2.03),
    ],
)
def test_calls_for_one_pair(settings: dict[str, Any], calls: float) -> None:
    judge = config_of(**settings).judge
    assert judge is not None
    assert calls_per_pair(judge) == pytest.approx(calls)


def test_a_judge_that_was_asked_costs_what_it_cost() -> None:
    """10,000 copies, a fifth of them, asked twice at a quarter of a cent: $10. The control is never judged."""
    found = judging_forecast(config_of(budget={"usd_per_day": None}), COPIES, {"j": Decimal("0.0025")})
    assert found is not None
    assert (found.pairs, found.calls, found.is_measured, found.is_at_budget) == (2000, 4000, True, False)
    assert found.usd == pytest.approx(Decimal(10))


def test_one_that_was_not_is_taken_for_a_typical_one() -> None:
    """1,500 tokens at $2 and 120 at $10 a million are $0.0042; two judges, 4,000 calls each."""
    config = config_of(budget={"usd_per_day": 100}, models=[MODEL, {**MODEL, "name": "k"}])
    found = judging_forecast(config, COPIES, {"j": Decimal("0.0025")})
    assert found is not None
    assert found.calls == 8000
    assert found.usd == pytest.approx(4000 * (Decimal("0.0025") + Decimal("0.0042")))
    assert not found.is_measured


def test_the_budget_and_the_rate_end_it() -> None:
    found = judging_forecast(config_of(budget={"usd_per_day": 5}), COPIES, {"j": Decimal("0.0025")})
    assert found is not None
    assert (found.pairs, found.calls, found.is_at_budget) == (1000, 2000, True)
    assert found.usd == pytest.approx(Decimal(5))
    found = judging_forecast(config_of(budget={"calls_per_minute": 1}), COPIES, {"j": Decimal("0.0025")})
    assert found is not None
    assert (found.calls, found.is_at_budget) == (1440, False)
    assert found.usd == pytest.approx(1440 * Decimal("0.0025"))


def test_nobody_asked_takes_nothing() -> None:
    assert judging_forecast(config_of(models=[]), COPIES, {}) is None
    found = judging_forecast(config_of(sample=0), COPIES, {})
    assert found is not None
    assert (found.pairs, found.calls, found.usd) == (0, 0, Decimal(0))


def test_it_stands_below_the_copies() -> None:
    """1,000 requests, 100 copies, 20 judged pairs, 40 calls at a cent."""
    found = forecast_by(config_of(), Traffic({"llama": 1000}, {}, {"j": Decimal("0.01")}))
    assert isinstance(found, Forecast)
    assert forecast_lines(found)[-1] == "  judging: at most 20 pairs, 40 calls, about $0.4000"
    assert forecast_form(found)["judging"] == {
        "pairs_per_day": 20, "calls_per_day": 40, "usd_per_day": "0.400000000", "at_budget": False, "measured": True,
    }  # fmt: skip
    found = forecast_by(config_of(budget={"usd_per_day": "0.1"}), Traffic({"llama": 1000}, {}))
    assert isinstance(found, Forecast)
    assert forecast_lines(found)[-1] == (
        "  judging: at most 12 pairs, 24 calls, about $0.1000 (the budget; questions end there); "
        "calls taken for 1,500 tokens until some were made"
    )
