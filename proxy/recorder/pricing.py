"""What tokens cost: own prices first, then the price list of the genai-prices package. Unknown is unknown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import genai_prices
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, PriceCalculation, StartDateConstraint

from config.model import Config
from config.upstreams import Price
from record.cost import UNKNOWN_COST, Cost
from record.pair import CONTROL
from record.usage import Usage

MAX_REMEMBERED = 4096
"""Models and dates whose rate is kept; a stream of invented model names must not fill the memory."""
_MTOK = 10**6
_PER_MTOK = Decimal(1) / _MTOK
_CENT_NANO = Decimal("1e-9")


@dataclass(frozen=True, slots=True)
class Rate:
    """A price that is linear in the tokens; US dollars per million."""

    input: Decimal
    output: Decimal
    cached: Decimal
    written: Decimal
    since: date | None
    """First day of the price, where the list gives one."""

    def cost(self, inputs: int, outputs: int, cached: int, written: int, at: datetime) -> Cost:
        """Cached and written tokens are part of the input."""
        del at
        plain = max(0, inputs - cached - written)
        usd = plain * self.input + cached * self.cached + written * self.written + outputs * self.output
        return Cost((usd * _PER_MTOK).quantize(_CENT_NANO), self.since)


@dataclass(frozen=True, slots=True)
class Tiered:
    """A price that depends on the amount or on the hour: worked out anew for each leg."""

    model: str
    url: str | None
    since: date | None

    def cost(self, inputs: int, outputs: int, cached: int, written: int, at: datetime) -> Cost:
        """The same counts as for `Rate.cost`."""
        calculation = _calculate(
            self.model, self.url, at,
            input_tokens=inputs, output_tokens=outputs, cache_read_tokens=cached, cache_write_tokens=written,
        )  # fmt: skip
        return Cost(calculation.total_price.quantize(_CENT_NANO), self.since)


@dataclass(frozen=True, slots=True)
class _Arm:
    url: str
    own: Rate | None


class PriceList:
    """Costs of all arms; remembers what it looked up."""

    def __init__(self, config: Config, on_unknown: Callable[[str], None], unpriced: int = 0) -> None:
        """`unpriced`: counted so far."""
        self._arms = _arms(config)
        self._on_unknown = on_unknown
        self._rates: dict[tuple[str, str, str, date], Rate | Tiered | None] = {}
        self._named: set[str] = set()
        self.unpriced = unpriced
        """Legs with tokens and a model whose price nobody knows."""

    def cost(self, arm: str, usage: Usage, model: str | None, asked_model: str | None, at: datetime) -> Cost:
        """The cost of one leg.

        Args:
            arm: name of a candidate, or empty for the primary.
            usage: both token counts must be known, else the cost is not.
            model: as the answer names it; tried first.
            asked_model: as the request named it.
            at: when the request started; prices change.
        """
        inputs, outputs = usage.input_tokens, usage.output_tokens
        if inputs is None or outputs is None:
            return UNKNOWN_COST
        rate = self._rate(arm, model or "", asked_model or "", at)
        if rate is None:
            self.unpriced += 1
            return UNKNOWN_COST
        return rate.cost(inputs, outputs, usage.cached_tokens or 0, usage.cache_write_tokens or 0, at)

    def _rate(self, arm: str, model: str, asked_model: str, at: datetime) -> Rate | Tiered | None:
        settings = self._arms.get(arm)
        if settings is not None and settings.own is not None:
            return settings.own
        url = settings.url if settings else ""
        key = (url, model, asked_model, at.date())
        if key in self._rates:
            return self._rates[key]
        rate = next((r for name in (model, asked_model) if name and (r := _listed(url, name, at))), None)
        if rate is None:
            self._name_unknown(model or asked_model)
        if len(self._rates) >= MAX_REMEMBERED:
            self._rates.clear()
        self._rates[key] = rate
        return rate

    def _name_unknown(self, model: str) -> None:
        if model and model not in self._named and len(self._named) < MAX_REMEMBERED:
            self._named.add(model)
            self._on_unknown(model)


def _arms(config: Config) -> Mapping[str, _Arm]:
    primary = _Arm(config.primary.url, _own(config.primary.price))
    candidates = {c.name: _Arm(c.url, _own(c.price)) for c in config.candidates}
    return {"": primary, CONTROL: primary, **candidates}


def _own(price: Price | None) -> Rate | None:
    if price is None:
        return None
    cached = price.input_per_mtok if price.cached_input_per_mtok is None else price.cached_input_per_mtok
    return Rate(price.input_per_mtok, price.output_per_mtok, cached, price.input_per_mtok, None)


def _listed(url: str, model: str, at: datetime) -> Rate | Tiered | None:
    """From the package's own copy of the list: no network is used.

    The provider is known by its address; behind a gateway of one's own, by the model's name.
    """
    try:
        return _rate_of(url, model, at)
    except LookupError:
        pass
    try:
        return _rate_of(None, model, at)
    except LookupError:
        return None


def _rate_of(url: str | None, model: str, at: datetime) -> Rate | Tiered | None:
    """Raises LookupError where the list has no such provider or model."""
    _, info = get_snapshot().find_provider_model(model, None, None, url)

    def price(**tokens: int) -> Decimal:
        return _calculate(model, url, at, **tokens).total_price

    try:
        whole = price(input_tokens=_MTOK)
        if not _is_linear(info, at):
            return Tiered(model, url, _since(info, at))
        return Rate(
            input=whole,
            output=price(output_tokens=_MTOK),
            cached=price(input_tokens=_MTOK, cache_read_tokens=_MTOK),
            written=price(input_tokens=_MTOK, cache_write_tokens=_MTOK),
            since=_since(info, at),
        )
    except ValueError:
        # The list has the model, but not a price per token.
        return None


def _calculate(model: str, url: str | None, at: datetime, **tokens: int) -> PriceCalculation:
    usage = genai_prices.Usage(**tokens)
    return get_snapshot().calc(usage, model, None, url, at.astimezone(UTC))


def _is_linear(info: ModelInfo, at: datetime) -> bool:
    """Does the price per token depend on neither the amount nor the hour?"""
    if isinstance(info.prices, list) and any(
        c.constraint is not None and not isinstance(c.constraint, StartDateConstraint) for c in info.prices
    ):
        return False
    prices = info.get_prices(at)
    return all(value is None or isinstance(value, Decimal) for value in _values(prices))


def _values(prices: ModelPrice) -> list[object]:
    return list(vars(prices).values())


def _since(info: ModelInfo, at: datetime) -> date | None:
    if isinstance(info.prices, ModelPrice):
        return None
    for conditional in reversed(info.prices):
        if conditional.constraint is None or conditional.constraint.active(at):
            constraint = conditional.constraint
            return constraint.start_date if isinstance(constraint, StartDateConstraint) else None
    return None
