"""What the legs of all arms cost: own prices first, then the price list. Unknown is unknown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from config.model import Config
from prices.names import MAX_NAME_CHARS
from prices.rates import Rate, Tiered, listed_rate, own_rate
from record.cost import UNKNOWN_COST, Cost
from record.pair import CONTROL
from record.usage import Usage

MAX_REMEMBERED = 4096
"""Models and dates whose rate is kept; a stream of invented model names must not fill the memory."""


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
        cost = rate.cost(usage, inputs, outputs, at)
        self.unpriced += cost.usd is None
        return cost

    def _rate(self, arm: str, model: str, asked_model: str, at: datetime) -> Rate | Tiered | None:
        settings = self._arms.get(arm)
        if settings is not None and settings.own is not None:
            return settings.own
        url = settings.url if settings else ""
        # One character more than any list has: what is remembered of an endless name must have an end.
        model, asked_model = model[: MAX_NAME_CHARS + 1], asked_model[: MAX_NAME_CHARS + 1]
        key = (url, model, asked_model, at.date())
        if key in self._rates:
            return self._rates[key]
        rate = next((r for name in (model, asked_model) if name and (r := listed_rate(url, name, at))), None)
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
    primary = _Arm(config.primary.url, own_rate(config.primary.price))
    candidates = {c.name: _Arm(c.url, own_rate(c.price)) for c in config.candidates}
    return {"": primary, CONTROL: primary, **candidates}
