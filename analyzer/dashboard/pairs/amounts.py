"""Amounts of one pair as people read them; differences are candidate minus primary, with their sign."""

from decimal import Decimal

UNKNOWN = "–"
_MINUS = "−"
_DIGITS = 3


def duration(ms: float | None) -> str:
    """`812 ms`, `8.12 s`, `2 min 5 s`; a dash where it is not known."""
    if ms is None:
        return UNKNOWN
    size = abs(ms)
    if size < 999.5:
        return f"{_significant(ms)} ms"
    if size < 119_500:
        return f"{_significant(ms / 1000)} s"
    seconds = round(size / 1000)
    return f"{_MINUS if ms < 0 else ''}{seconds // 60:,} min {seconds % 60} s"


def money(usd: Decimal | None) -> str:
    """`$0.0042`: three digits that say something, and never nothing for something."""
    if usd is None:
        return UNKNOWN
    sign = _MINUS if usd < 0 else ""
    size = abs(usd)
    if size == 0:
        return "$0"
    places = max(2, _DIGITS - 1 - size.adjusted())
    text = f"{size:,.{places}f}"
    whole, _, cents = text.partition(".")
    return f"{sign}${whole}.{cents[:2]}{cents[2:].rstrip('0')}"


def number(value: float | None) -> str:
    """`1,234`; a dash where it is not known."""
    if value is None:
        return UNKNOWN
    return f"{value:,}".replace("-", _MINUS)


def size(length: int) -> str:
    """Bytes: `812 B`, `1.2 MB`."""
    if length < 1000:
        return f"{length} B"
    return f"{_significant(length / 1000)} kB" if length < 999_500 else f"{_significant(length / 1e6)} MB"


def signed(text: str) -> str:
    """A difference with its sign, also where it is positive."""
    is_plain = text == UNKNOWN or text.startswith(_MINUS) or not any(digit in text for digit in "123456789")
    return text if is_plain else f"+{text}"


def relative(primary: float | Decimal | None, candidate: float | Decimal | None) -> str:
    """`+12 %` of the primary's; several times as much is said so; empty where that is not known or says nothing."""
    if primary is None or candidate is None or primary <= 0 or candidate < 0 or candidate == primary:
        return ""
    ratio = float(candidate) / float(primary)
    if ratio >= 2.95:
        return f"{_significant(ratio, 2)}×"
    share = round((ratio - 1) * 100)
    return signed(number(share)) + " %" if share else "under 1 %"


def _significant(value: float, digits: int = _DIGITS) -> str:
    """Without an exponent and without zeros that say nothing."""
    if value == 0:
        return "0"
    exact = Decimal(repr(float(value)))
    places = digits - 1 - exact.adjusted()
    rounded = round(exact, places)
    if rounded.adjusted() > exact.adjusted():  # 9.996 has become 10.00
        places -= 1
        rounded = round(exact, places)
    text = f"{rounded:,.{max(places, 0)}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", _MINUS)
