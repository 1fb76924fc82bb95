"""Money, written out: own prices first, then the list, else unknown."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import genai_prices
import pytest

from config.model import Config
from proxy.recorder.pricing import PriceList
from record.cost import UNKNOWN_COST, Cost
from record.usage import Usage

AT = datetime(2026, 9, 21, 14, tzinfo=UTC)


def prices(price: dict[str, str] | None = None, url: str = "http://gateway:4000") -> tuple[PriceList, list[str]]:
    unknown: list[str] = []
    primary: dict[str, Any] = {"url": url, **({"price": price} if price else {})}
    config = Config.model_validate({"primary": primary, "candidates": [{"name": "llama", "url": "http://llama:1"}]})
    return PriceList(config, unknown.append), unknown


def test_own_prices_come_first_and_cached_tokens_have_their_own() -> None:
    """1 200 in, of which 200 cached, 300 out: (1000 * 2.5 + 200 * 1.25 + 300 * 10) / 1e6 dollars."""
    own, _ = prices({"input_per_mtok": "2.5", "output_per_mtok": "10", "cached_input_per_mtok": "1.25"})
    cost = own.cost("", Usage(1200, 300, 200), "gpt-4o", None, AT)
    assert cost == Cost(Decimal("0.005750000"), None)


def test_without_an_own_price_for_cached_tokens_they_cost_what_input_costs() -> None:
    own, _ = prices({"input_per_mtok": "2.5", "output_per_mtok": "10"})
    assert own.cost("control", Usage(1000, 0, 400), None, None, AT).usd == Decimal("0.0025")


def test_a_leg_whose_tokens_are_unknown_has_no_cost_and_is_not_complained_about() -> None:
    own, unknown = prices({"input_per_mtok": "2.5", "output_per_mtok": "10"})
    assert own.cost("", Usage(1200, None), "gpt-4o", None, AT) == UNKNOWN_COST
    assert own.cost("", Usage(None, 300), "gpt-4o", None, AT) == UNKNOWN_COST
    assert (unknown, own.unpriced) == ([], 0)


@pytest.mark.parametrize(
    "model", ["gpt-4o-2024-08-06", "gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-pro", "o3-mini"]
)
@pytest.mark.parametrize("usage", [Usage(1000, 200), Usage(1000, 200, 900), Usage(300_000, 5_000, 1_000), Usage(1, 0)])
def test_listed_prices_are_those_of_the_price_list(model: str, usage: Usage) -> None:
    """Against the package's own calculation, tiers and all, though we remember rates."""
    listed, _ = prices()
    expected = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cached_tokens or 0,
        ),
        model,
        genai_request_timestamp=AT,
    ).total_price
    for _ in range(2):
        cost = listed.cost("", usage, model, None, AT)
        assert cost.usd is not None
        assert abs(cost.usd - expected) <= Decimal("1e-9")


def test_a_price_is_that_of_the_day_of_the_request() -> None:
    """o3 cost 10 and 40 dollars per million until June 2025, then 2 and 8 (OpenAI's announcement)."""
    listed, _ = prices()
    before = listed.cost("", Usage(1000, 1000), "o3", None, datetime(2025, 6, 1, tzinfo=UTC))
    after = listed.cost("", Usage(1000, 1000), "o3", None, datetime(2025, 7, 1, tzinfo=UTC))
    assert (before.usd, after.usd) == (Decimal("0.05"), Decimal("0.01"))
    assert after.price_date == date(2025, 6, 10)


def test_the_model_that_was_asked_for_is_tried_when_the_answers_is_unknown() -> None:
    listed, unknown = prices()
    assert listed.cost("", Usage(1_000_000, 0), "our-alias", "gpt-4o", AT).usd == Decimal("2.5")
    assert unknown == []


def test_a_model_without_a_price_is_named_once_and_its_cost_is_unknown() -> None:
    listed, unknown = prices()
    for _ in range(3):
        assert listed.cost("llama", Usage(10, 10), "sim-model", None, AT) == UNKNOWN_COST
    assert unknown == ["sim-model"]
    assert listed.unpriced == 3


def test_no_network_is_asked_for_prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket  # noqa: PLC0415 - only to forbid it

    def forbidden(*args: object, **kwargs: object) -> None:
        raise AssertionError("a price look-up opened a socket")

    monkeypatch.setattr(socket.socket, "connect", forbidden)
    listed, _ = prices()
    assert listed.cost("", Usage(1, 1), "gpt-4o", None, AT).usd is not None
