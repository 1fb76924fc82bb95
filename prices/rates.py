"""What tokens cost: an own price, or the price list of the genai-prices package. Unknown is unknown."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import genai_prices
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, PriceCalculation, StartDateConstraint

from config.upstreams import Price
from prices.names import Place, places
from record.cost import UNKNOWN_COST, Cost
from record.usage import Usage

_MTOK = 10**6
_PER_MTOK = Decimal(1) / _MTOK
_CENT_NANO = Decimal("1e-9")
_SOUND_APART = frozenset({"azure", "openai"})


@dataclass(frozen=True, slots=True)
class Rate:
    """A price that is linear in the tokens; US dollars per million. None: sound has no known price here."""

    input: Decimal
    output: Decimal
    cached: Decimal
    written: Decimal
    written_1h: Decimal
    input_audio: Decimal | None
    cached_audio: Decimal
    output_audio: Decimal | None
    since: date | None
    """First day of the price, where the list gives one."""

    def cost(self, usage: Usage, inputs: int, outputs: int, at: datetime) -> Cost:
        """Cached and written tokens are part of the input, and sound of all of them; each token is charged once."""
        del at
        cached, written = usage.cached_tokens or 0, usage.cache_write_tokens or 0
        usd = max(0, inputs - cached - written) * self.input
        usd += cached * self.cached + written * self.written + outputs * self.output
        if usage.written_1h_tokens:
            usd += min(usage.written_1h_tokens, written) * (self.written_1h - self.written)
        if usage.input_audio_tokens or usage.output_audio_tokens:
            extra = self._audio(usage)
            if extra is None:
                return UNKNOWN_COST
            usd += extra
        return Cost((usd * _PER_MTOK).quantize(_CENT_NANO), self.since)

    def _audio(self, usage: Usage) -> Decimal | None:
        """What sound costs more than the same number of tokens of text; None where its price is unknown."""
        heard, said = usage.input_audio_tokens or 0, usage.output_audio_tokens or 0
        cached = min(usage.cached_audio_tokens or 0, heard)
        if (heard and self.input_audio is None) or (said and self.output_audio is None):
            return None
        extra = said * ((self.output_audio or 0) - self.output) + cached * (self.cached_audio - self.cached)
        return extra + (heard - cached) * ((self.input_audio or 0) - self.input)


@dataclass(frozen=True, slots=True)
class Tiered:
    """A price that depends on the amount or on the hour, or has a fee per request: worked out anew for each leg."""

    place: Place
    since: date | None

    def cost(self, usage: Usage, inputs: int, outputs: int, at: datetime) -> Cost:
        """As `Rate.cost`."""
        counts = {
            "cache_read_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "cache_write_1h_tokens": usage.written_1h_tokens,
            "input_audio_tokens": usage.input_audio_tokens,
            "cache_audio_read_tokens": usage.cached_audio_tokens,
            "output_audio_tokens": usage.output_audio_tokens,
            "output_reasoning_tokens": usage.reasoning_tokens,
        }
        told = {name: count for name, count in counts.items() if count}
        try:
            calculation = _calculate(self.place, at, input_tokens=inputs, output_tokens=outputs, **told)
        except ValueError:
            # Parts that overlap in a way nobody told: charged as if the finer ones were not known.
            calculation = _calculate(self.place, at, input_tokens=inputs, output_tokens=outputs)
        return Cost(calculation.total_price.quantize(_CENT_NANO), self.since)


def own_rate(price: Price | None) -> Rate | None:
    """Own prices know input, output and cached input; whatever else there is costs what the input or output costs."""
    if price is None:
        return None
    paid, made = price.input_per_mtok, price.output_per_mtok
    cached = paid if price.cached_input_per_mtok is None else price.cached_input_per_mtok
    return Rate(paid, made, cached, paid, paid, paid, cached, made, None)


def listed_rate(url: str, model: str, at: datetime) -> Rate | Tiered | None:
    """From the package's own copy of the list: no network is used."""
    for place in places(url, model):
        try:
            return _rate_of(place, at)
        except LookupError:
            continue
    return None


def _rate_of(place: Place, at: datetime) -> Rate | Tiered | None:
    """Raises LookupError where the list has no such provider or model."""
    provider, info = get_snapshot().find_provider_model(place.model, None, place.provider, place.url)

    def price(**tokens: int) -> Decimal:
        return _calculate(place, at, **tokens).total_price

    try:
        whole = price(input_tokens=_MTOK)
        if not _is_linear(info, at):
            return Tiered(place, _since(info, at))
        prices = info.get_prices(at)
        output, cached = price(output_tokens=_MTOK), price(input_tokens=_MTOK, cache_read_tokens=_MTOK)
        # OpenAI prices sound apart; a list that does not say how much must not make it as cheap as text.
        apart = provider.id in _SOUND_APART
        return Rate(
            input=whole,
            output=output,
            cached=cached,
            written=price(input_tokens=_MTOK, cache_write_tokens=_MTOK),
            written_1h=price(input_tokens=_MTOK, cache_write_tokens=_MTOK, cache_write_1h_tokens=_MTOK),
            input_audio=_decimal(prices.input_audio_mtok, None if apart else whole),
            cached_audio=_decimal(prices.cache_audio_read_mtok, _decimal(prices.input_audio_mtok, cached)) or cached,
            output_audio=_decimal(prices.output_audio_mtok, None if apart else output),
            since=_since(info, at),
        )
    except ValueError:
        # The list has the model, but not a price per token.
        return None


def _decimal(value: object, otherwise: Decimal | None) -> Decimal | None:
    return value if isinstance(value, Decimal) else otherwise


def _calculate(place: Place, at: datetime, **tokens: int) -> PriceCalculation:
    usage = genai_prices.Usage(**tokens)
    return get_snapshot().calc(usage, place.model, place.provider, place.url, at.astimezone(UTC))


def _is_linear(info: ModelInfo, at: datetime) -> bool:
    """Is it a price per token alone, whatever the amount, the hour, and how much of it was thought?"""
    if isinstance(info.prices, list) and any(
        c.constraint is not None and not isinstance(c.constraint, StartDateConstraint) for c in info.prices
    ):
        return False
    prices = info.get_prices(at)
    if prices.output_reasoning_mtok is not None or prices.requests_kcount is not None:
        return False
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
