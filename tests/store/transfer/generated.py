"""Pairs as hostile as the types of their columns allow."""

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from record.outcome import Outcome
from store.tables import PAIRS
from store.transfer.completion import _BOUNDED
from store.transfer.kinds import LARGEST

HOSTILE = (
    "",
    "\\N",
    "NULL",
    '"',
    '""',
    "a,b",
    "a\nb",
    "a\r\nb\r",
    " x ",
    "\x00",
    "\ufeff",
    "\u2028",
    "Grüße 漢字 🎲",
    "'; DROP TABLE pairs; --",
    "=1+1",
    '{"a": [1]}',
    "\\",
    "\\\\N",
    "nan",
    "1e5",
)
texts = st.sampled_from(HOSTILE) | st.text(st.characters(codec="utf-8"), max_size=12)
floats = st.floats(-LARGEST, LARGEST) | st.sampled_from([0.1 + 0.2, -0.0, 5e-324, 1 / 3, 2.0**49 + 0.125])
MONTHS = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
times = st.datetimes(*(m.replace(tzinfo=None) for m in MONTHS)).map(lambda t: t.replace(tzinfo=UTC))
BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "UUID": st.uuids(),
    "DateTime64(6, 'UTC')": times,
    "DateTime('UTC')": times.map(lambda t: t.replace(microsecond=0)),
    "LowCardinality(String)": texts,
    "String": texts,
    "LowCardinality(Nullable(String))": st.none() | texts,
    "UInt64": st.integers(0, 2**64 - 1),
    "UInt32": st.integers(0, 2**32 - 1),
    "UInt8": st.integers(0, 255),
    "Nullable(UInt32)": st.none() | st.integers(0, 2**32 - 1),
    "Nullable(UInt16)": st.none() | st.integers(0, 2**16 - 1),
    "Float64": floats,
    "Nullable(Float64)": st.none() | floats,
    "Bool": st.booleans(),
    "Nullable(Bool)": st.none() | st.booleans(),
    "Nullable(Date)": st.none() | st.dates(date(1970, 1, 1), date(2105, 12, 31)),
    "Nullable(Decimal(18, 9))": st.none() | st.integers(-(10**18) + 1, 10**18 - 1).map(lambda n: Decimal(n) / 10**9),
    "Map(LowCardinality(String), String)": st.dictionaries(texts, texts, max_size=4),
    "Array(LowCardinality(String))": st.lists(texts, max_size=3),
}
_TYPES = {column.name: column.type for column in PAIRS.columns}


def _within(name: str, low: float, high: float) -> st.SearchStrategy[Any]:
    type_ = _TYPES.get(name, "Float64")
    if "Decimal" in type_:
        return BY_TYPE[type_].map(lambda value: None if value is None else abs(value))
    numbers = st.floats(low, high)
    return st.none() | numbers if type_.startswith("Nullable") else numbers


def _printable(name: str) -> str:
    """What reports can show of it."""
    return "".join(filter(str.isprintable, name))


_BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "candidate": texts.map(lambda name: _printable(name) or "llama"),
    "experiment": texts.map(_printable),
    "primary_outcome": st.sampled_from([o.value for o in Outcome]),
    "candidate_outcome": st.sampled_from([o.value for o in Outcome]),
    **{name: _within(name, low, high) for name, low, high in _BOUNDED},
}


def rows() -> st.SearchStrategy[dict[str, Any]]:
    """All columns of `pairs` but `batch`."""
    return st.fixed_dictionaries(
        {c.name: _BY_NAME.get(c.name, BY_TYPE[c.type]) for c in PAIRS.columns if c.name != "batch"}
    )


def plain_row(number: int, **values: Any) -> dict[str, Any]:
    """One that says no more than it must, and what is given."""
    least = {"candidate": "llama", "primary_total_ms": 100.0 + number, "candidate_total_ms": 50.0}
    return {**least, **values}


def same(a: Any, b: Any) -> bool:
    """Equal to the last bit: -0.0 is not 0.0."""
    if isinstance(a, float) and isinstance(b, float):
        return a == b and math.copysign(1, a) == math.copysign(1, b)
    return type(a) is type(b) and a == b


def request_id(number: int) -> UUID:
    """A UUID of version 7 in 2026."""
    start = datetime(2026, 2, 3, tzinfo=UTC) + timedelta(seconds=number)
    return UUID(int=int(start.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62 | number)
