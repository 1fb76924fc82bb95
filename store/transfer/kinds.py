"""What a column of a file may hold: values of JSON and Parquet, texts of CSV, and how both are written."""

import math
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

_WHOLE = re.compile(r"[+-]?\d{1,30}(?:\.0{1,30})?")
_REAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_UUID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
LARGEST = 1e15
"""Of times in milliseconds and of scores: far beyond every measurement."""
_NIL = uuid.UUID(int=0)
_FIRST_YEAR, _LAST_YEAR = 1970, 2105
"""Whole years that DateTime, Date and DateTime64 all know."""
_TIMESPEC = {0: "seconds", 3: "milliseconds", 6: "microseconds"}
_SHOWN_CHARS = 40


class Kind(Protocol):
    """One type of values. `accept` and `read` raise ValueError for what is not allowed."""

    @property
    def allowed(self) -> str:
        """What may stand there, for people."""

    @property
    def unset(self) -> Any:
        """The value of a column that has no NULL and about which a file says nothing."""

    def accept(self, value: Any) -> Any:
        """A value of JSON or Parquet as the store takes it."""

    def read(self, text: str) -> Any:
        """The same from a cell of CSV."""

    def plain(self, value: Any) -> Any:
        """A value of the store as JSON has it."""


def shown(value: Any) -> str:
    """A value in an error's one line."""
    text = repr(value) if isinstance(value, str) else " ".join(str(value).split())
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…"


@dataclass(frozen=True, slots=True)
class Text:
    """Any text."""

    allowed: str = "a text"
    unset: str = ""

    def accept(self, value: Any) -> str:
        """Texts that UTF-8 can hold."""
        if not isinstance(value, str):
            raise ValueError
        value.encode()  # a lone surrogate is a ValueError, too
        return value

    def read(self, text: str) -> str:
        """The cell itself."""
        return text

    def plain(self, value: str) -> str:
        """The text itself."""
        return value


@dataclass(frozen=True, slots=True)
class Whole:
    """Whole numbers within bounds."""

    low: int
    high: int
    unset: int = 0

    @property
    def allowed(self) -> str:
        """Its bounds."""
        return f"a whole number from {self.low} to {self.high}"

    def accept(self, value: Any) -> int:
        """Numbers without a fraction: some tools know no others than floats beside gaps."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
            raise ValueError
        if isinstance(value, float) and abs(value) > 2**53:
            raise ValueError
        return self._bounded(int(value))

    def read(self, text: str) -> int:
        """Digits."""
        if not _WHOLE.fullmatch(text):
            raise ValueError
        return self._bounded(int(text.partition(".")[0]))

    def _bounded(self, value: int) -> int:
        if not self.low <= value <= self.high:
            raise ValueError
        return value

    def plain(self, value: int) -> int:
        """The number itself."""
        return value


@dataclass(frozen=True, slots=True)
class Real:
    """Floating-point numbers whose squares and cubes can be added up."""

    allowed: str = f"a number from -{LARGEST:g} to {LARGEST:g}"
    unset: float = 0.0

    def accept(self, value: Any) -> float:
        """Numbers; a whole one is one, too."""
        if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
            raise ValueError
        return _bounded(value)

    def read(self, text: str) -> float:
        """Decimal notation."""
        if not _REAL.fullmatch(text):
            raise ValueError
        return _bounded(text)

    def plain(self, value: float) -> float | str:
        """The number; JSON has no word for one that is not finite."""
        return value if math.isfinite(value) else str(value)


def _bounded(value: float | Decimal | str) -> float:
    try:
        number = float(value)
    except OverflowError:
        raise ValueError from None
    if not -LARGEST <= number <= LARGEST:
        raise ValueError
    return number


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    allowed: str = "true or false"
    unset: bool = False

    def accept(self, value: Any) -> bool:
        """Truth values, and 0 and 1."""
        if value not in (True, False) or not isinstance(value, (bool, int)):
            raise ValueError
        return bool(value)

    def read(self, text: str) -> bool:
        """`true`, `false`, `1` or `0`."""
        found = {"true": True, "1": True, "false": False, "0": False}.get(text.lower())
        if found is None:
            raise ValueError
        return found

    def plain(self, value: bool) -> bool:  # noqa: FBT001 - the value itself
        """The truth value itself."""
        return value


def _decimal(text: str) -> Decimal:
    if not _REAL.fullmatch(text):
        raise ValueError
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError from None


@dataclass(frozen=True, slots=True)
class Exact:
    """Decimal numbers.

    Where every digit was meant (a decimal of Parquet, a text of JSON), nothing is rounded but noise below a thousandth
    of the last digit. A number that was a double before it came here is rounded to the last digit, half to even: its
    own digits are no more exact than that.
    """

    digits: int
    scale: int
    unset: Decimal = Decimal(0)

    @property
    def allowed(self) -> str:
        """Its digits."""
        whole = self.digits - self.scale
        return f"a number with at most {whole} digits before the point and {self.scale} behind it"

    def accept(self, value: Any) -> Decimal:
        """Numbers, and decimal texts."""
        if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
            raise ValueError
        if isinstance(value, float):
            return self._rounded(Decimal(repr(value)))
        exact = _decimal(value) if isinstance(value, str) else Decimal(value)
        rounded = self._rounded(exact)
        if abs(rounded - exact) > Decimal(1).scaleb(-self.scale - 3) or (exact and not rounded):
            raise ValueError
        return rounded

    def read(self, text: str) -> Decimal:
        """Decimal notation: what tools write of a double."""
        return self._rounded(_decimal(text))

    def _rounded(self, value: Decimal) -> Decimal:
        whole = self.digits - self.scale
        if not value.is_finite() or (value and value.adjusted() >= whole):
            raise ValueError
        rounded = round(value, self.scale) if value else Decimal(0).scaleb(-self.scale)
        # Rounding may add a digit before the point; and it makes nothing that is below zero a zero.
        if rounded.adjusted() >= whole or (value < 0 and not rounded):
            raise ValueError
        return rounded

    def plain(self, value: Decimal) -> str:
        """All digits of the scale, as a text: a float would round them."""
        return f"{value:.{self.scale}f}"


@dataclass(frozen=True, slots=True)
class Moment:
    """Points in time."""

    precision: int
    """Digits of a second."""
    unset: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    @property
    def allowed(self) -> str:
        """How it is written."""
        fraction = f"at most {self.precision} digits of a second" if self.precision else "whole seconds"
        return (
            f"a time like 2026-03-01T12:00:00+00:00 (UTC without an offset), {_FIRST_YEAR} to {_LAST_YEAR}, {fraction}"
        )

    def accept(self, value: Any) -> datetime:
        """Times, and their texts; without an offset they are UTC."""
        if isinstance(value, str):
            return self.read(value)
        if not isinstance(value, datetime):
            raise ValueError
        try:
            at = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        except OverflowError:
            raise ValueError from None
        if not _FIRST_YEAR <= at.year <= _LAST_YEAR or at.microsecond % 10 ** (6 - self.precision):
            raise ValueError
        return at

    def read(self, text: str) -> datetime:
        """ISO 8601."""
        return self.accept(datetime.fromisoformat(text))

    def plain(self, value: datetime) -> str:
        """ISO 8601 with all digits of its precision."""
        return value.astimezone(UTC).isoformat(timespec=_TIMESPEC[self.precision])


@dataclass(frozen=True, slots=True)
class Day:
    """Dates."""

    allowed: str = f"a date like 2026-03-01, {_FIRST_YEAR} to {_LAST_YEAR}"
    unset: date = date(1970, 1, 1)

    def accept(self, value: Any) -> date:
        """Dates, and their texts."""
        if isinstance(value, str):
            return self.read(value)
        if not isinstance(value, date) or isinstance(value, datetime) or not _FIRST_YEAR <= value.year <= _LAST_YEAR:
            raise ValueError
        return value

    def read(self, text: str) -> date:
        """ISO 8601."""
        return self.accept(date.fromisoformat(text))

    def plain(self, value: date) -> str:
        """ISO 8601."""
        return value.isoformat()


@dataclass(frozen=True, slots=True)
class Id:
    """UUIDs."""

    allowed: str = "a UUID like 0195f0a0-0000-7000-8000-000000000001"
    unset: uuid.UUID = _NIL

    def accept(self, value: Any) -> uuid.UUID:
        """UUIDs, their texts, and their 16 bytes."""
        if isinstance(value, str):
            return self.read(value)
        if isinstance(value, bytes):
            return uuid.UUID(bytes=value)
        if not isinstance(value, uuid.UUID):
            raise ValueError
        return value

    def read(self, text: str) -> uuid.UUID:
        """Hexadecimal digits, hyphens or not."""
        if not _UUID.fullmatch(text):
            raise ValueError
        return uuid.UUID(text)

    def plain(self, value: uuid.UUID) -> str:
        """With hyphens."""
        return str(value)
