"""Rows arrive once; what went wrong says whether sending them again makes sense."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.model import Store
from store.errors import StoreRefused, StoreUnavailable
from store.locate import StoreConnection
from store.tables import PAIRS
from store.writer import Writer
from tests.store.owners import Transient, store_at

MOMENT = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def _instant(unix_us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=unix_us)


_TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
_COUNTS = st.none() | st.integers(0, 2**32 - 1)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=True)
PAIR_VALUES = st.fixed_dictionaries(
    {
        "ts": st.integers(1_577_836_800_000_000, 4_102_444_800_000_000).map(_instant),
        "candidate": _TEXTS,
        "conversation": st.integers(0, 2**64 - 1),
        "bucket": st.integers(0, 255),
        "labels": st.dictionaries(_TEXTS, _TEXTS, max_size=4),
        "sample_share": _FLOATS,
        "stream": st.none() | st.booleans(),
        "changed": st.lists(_TEXTS, max_size=4),
        "primary_model": st.none() | _TEXTS,
        "primary_status": st.none() | st.integers(0, 65535),
        "primary_total_ms": st.none() | _FLOATS,
        "primary_input_tokens": _COUNTS,
        "primary_cost_usd": st.none() | st.decimals(0, 999_999_999, places=9).map(Decimal),
        "primary_price_date": st.none() | st.dates(date(1970, 1, 1), date(2149, 6, 6)),
        "primary_raw_usage": _TEXTS,
        "candidate_refusal": st.none() | st.booleans(),
    }
)
_ZEROS: dict[str, Any] = {"UUID": UUID(int=0), "DateTime": MOMENT, "Map": {}, "Bool": False, "Array": []}
_NUMBERS = ("UInt", "Float")


def pair(**named: Any) -> list[Any]:
    """A row of `pairs`, with nothing in what is not named."""
    return [named.get(column.name, _empty(column.type)) for column in PAIRS.columns]


def _empty(kind: str) -> Any:
    if "Nullable" in kind:
        return None
    if kind.startswith(_NUMBERS):
        return 0
    return next((zero for start, zero in _ZEROS.items() if kind.startswith(start)), "")


@pytest.fixture
def writing(shared_store: Store, writer: Client) -> Iterator[Writer]:
    found = Writer(StoreConnection(shared_store, access="writer"))
    writer.command("TRUNCATE TABLE counters")
    yield found
    found.close()
    for table in ("counters", "pairs", "spend"):
        writer.command(f"TRUNCATE TABLE {table}")


def rows(count: int, state: str = "received") -> list[list[Any]]:
    return [[MOMENT, "proxy-0", "llama", state, n] for n in range(count)]


def test_the_same_token_stores_once_and_another_stores_again(writing: Writer, writer: Client) -> None:
    for token in ("a1", "a1", "a2", "a1"):
        writing.insert("counters", rows(10), token)
    assert writer.query("SELECT count(), sum(count) FROM counters").result_rows == [(20, 90)]


def test_no_rows_are_no_insert(writing: Writer, writer: Client) -> None:
    writing.insert("counters", [], "b1")
    writing.insert("counters", rows(1), "b1")
    assert writer.command("SELECT count() FROM counters") == 1


def test_rows_of_several_partitions_under_one_token_store_once(writing: Writer, writer: Client) -> None:
    """Each month is a partition of its own, and each remembers the token."""
    spread = [[MOMENT.replace(month=month), "w", "c", "s", 1] for month in range(1, 13)]
    for _ in range(3):
        writing.insert("counters", spread, "c1")
    assert writer.command("SELECT count() FROM counters") == 12


@pytest.mark.parametrize(
    "bad",
    [
        [MOMENT, "w", "c", "s", "not a number"],
        [MOMENT, "w", "c", "s", -1],
        [MOMENT, "w", "c", "s", 2**64],
        [MOMENT, "w", "c", "s", None],
        [None, "w", "c", "s", 1],
        ["yesterday", "w", "c", "s", 1],
        [MOMENT, "w", "c"],
        [MOMENT, 1, "c", "s", 1],
    ],
)
def test_rows_that_do_not_fit_are_refused_whole(bad: list[Any], writing: Writer, writer: Client) -> None:
    """Repeating them would give the same; nothing of their batch is stored, and the next batch is."""
    with pytest.raises(StoreRefused) as caught:
        writing.insert("counters", [*rows(5), bad], "d1")
    assert "\n" not in str(caught.value)
    assert writer.command("SELECT count() FROM counters") == 0
    writing.insert("counters", rows(5), f"d2-{bad!r}")
    assert writer.command("SELECT count() FROM counters") == 5


def test_a_missing_table_is_worth_another_try(writing: Writer, writer: Client) -> None:
    """Rows are never given up because somebody dropped the schema."""
    writer.command("RENAME TABLE counters TO counters_away")
    try:
        with pytest.raises(StoreUnavailable):
            writing.insert("counters", rows(1), "e1")
    finally:
        writer.command("RENAME TABLE counters_away TO counters")
    writing.insert("counters", rows(1), "e1")
    assert writer.command("SELECT count() FROM counters") == 1


@pytest.mark.usefixtures("shared_dir")
def test_a_writer_outlives_its_owner(tmp_path: Path) -> None:
    """Unavailable while nobody owns the directory; goes on with the next owner's port and password, by itself."""
    writing = Writer(StoreConnection(store_at(tmp_path), access="writer"))
    with pytest.raises(StoreUnavailable, match="shadowbench serve"):
        writing.insert("counters", rows(1), "f0")
    for life in range(2):
        owner = Transient(tmp_path)
        assert owner.report().get("error") is None
        writing.insert("counters", rows(1), f"f{life}")
        owner.kill()
        with pytest.raises(StoreUnavailable) as caught:
            writing.insert("counters", rows(1), "f9")
        assert "\n" not in str(caught.value)
    writing.close()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_a_finite_number_is_refused(value: float, writing: Writer, writer: Client) -> None:
    """It is no measurement, and would spoil every sum over its block."""
    good, bad = pair(endpoint="odd"), pair(endpoint="odd", primary_total_ms=value)
    with pytest.raises(StoreRefused, match="primary_total_ms"):
        writing.insert("pairs", [good, bad], "g1")
    assert writer.command("SELECT count() FROM pairs WHERE endpoint = 'odd'") == 0


@given(row=PAIR_VALUES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_value_comes_back_as_it_went(row: dict[str, Any], writing: Writer, writer: Client) -> None:
    """Microseconds, nine decimals, every bit of a float, zeros inside texts: read back through the client."""
    named = {**row, "request_id": uuid4(), "batch": str(uuid4())}
    writing.insert("pairs", [pair(**named)], named["batch"])
    found = writer.query("SELECT * FROM pairs WHERE batch = {b:String}", {"b": named["batch"]})
    (stored,) = found.named_results()
    assert {name: stored[name] for name in named} == named
    assert all(stored[c.name] is None for c in PAIRS.columns if "Nullable" in c.type and c.name not in named)


@given(value=st.one_of(st.integers(max_value=-1), st.integers(min_value=2**32), st.floats(), st.booleans(), st.text()))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_count_that_its_column_cannot_hold_is_refused_and_never_bent(
    value: object, writing: Writer, writer: Client
) -> None:
    with pytest.raises(StoreRefused):
        writing.insert("pairs", [pair(primary_input_tokens=value, endpoint="bent")], str(uuid4()))
    assert writer.command("SELECT count() FROM pairs WHERE endpoint = 'bent'") == 0
