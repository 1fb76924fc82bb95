"""What a leg cost, in US dollars, and the date of the price that says so."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Cost:
    """Money stays Decimal until it is stored. None is unknown; nothing is free by accident."""

    usd: Decimal | None = None
    price_date: date | None = None


UNKNOWN_COST = Cost()
