"""What is written is read again to the last bit, and other programs read the same in it."""

import csv
import hashlib
import json
import math
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.transfer import parquet_form
from store.transfer.exporting import writer_of
from store.transfer.forms import FileForm, Form, PairsFileError, form_of, packing_into
from store.transfer.layout import PAIR_FIELDS, TEXT_FIELDS
from store.transfer.reading import PairsFile, survey_of
from tests.store.transfer.generated import BY_TYPE, rows, same, texts

pq = pytest.importorskip("pyarrow.parquet")
NAMES = [f.name for f in (*PAIR_FIELDS, *TEXT_FIELDS)]
with_texts = st.tuples(rows(), st.fixed_dictionaries({f.name: st.none() | texts for f in TEXT_FIELDS})).map(
    lambda both: {**both[0], **both[1]}
)
ENDINGS = ("jsonl", "csv", "parquet", "jsonl.gz", "csv.zst")


def write(path: Path, found: Sequence[dict[str, Any]], block: int = 3) -> Path:
    """In blocks of so many rows, as a store gives them."""
    form = form_of(path)
    with path.open("wb") as raw:
        packed = packing_into(raw, form.packing)
        writer = writer_of(form.form, packed, texts=True)
        for begin in range(0, len(found), block):
            part = found[begin : begin + block]
            writer.write({name: [row[name] for row in part] for name in NAMES})
        writer.close()
        if packed is not raw:
            packed.close()
    return path


def read(path: Path) -> list[dict[str, Any]]:
    """All columns, NULL where nothing was said."""
    found = list(PairsFile(path).rows())
    assert [line for row in found for line in row.faults] == []
    return [{name: row.values.get(name) for name in NAMES} for row in found]


@pytest.mark.parametrize("ending", ENDINGS)
@given(found=st.lists(with_texts, max_size=8))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_what_is_written_is_read_to_the_last_bit(ending: str, found: list[dict[str, Any]], tmp_path: Path) -> None:
    again = read(write(tmp_path / f"p.{ending}", found))
    assert len(again) == len(found)
    for before, after in zip(found, again, strict=True):
        assert [name for name in NAMES if not same(before[name], after[name])] == []


@given(found=st.lists(with_texts, min_size=1, max_size=4))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_other_readers_of_the_three_forms_find_the_same(found: list[dict[str, Any]], tmp_path: Path) -> None:
    """The standard library's JSON and CSV, and pyarrow's own table."""
    lines = write(tmp_path / "p.jsonl", found).read_text(encoding="utf-8").split("\n")
    with (write(tmp_path / "p.csv", found)).open(encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    table = pq.read_table(write(tmp_path / "p.parquet", found)).to_pylist()
    for row, line, cell, arrow in zip(found, lines[:-1], cells, table, strict=True):
        plain = json.loads(line)
        assert list(plain) == list(cell) == list(arrow) == NAMES
        for name in ("primary_total_ms", "held_ms", "conversation", "primary_raw_usage", "labels", "candidate"):
            assert plain[name] == row[name]
            assert (dict(arrow[name]) if name == "labels" else arrow[name]) == row[name]
        assert cell["candidate"] == row["candidate"]
        assert json.loads(cell["labels"]) == row["labels"]
        assert cell["primary_total_ms"] == ("\\N" if row["primary_total_ms"] is None else repr(row["primary_total_ms"]))
        cost = row["primary_cost_usd"]
        assert arrow["primary_cost_usd"] == cost
        assert cost is None or Decimal(plain["primary_cost_usd"]) == Decimal(cell["primary_cost_usd"]) == cost
        assert arrow["ts"] == row["ts"]
        assert plain["ts"] == row["ts"].strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")


def test_every_type_of_a_column_of_pairs_is_generated() -> None:
    """A new column with a new type must be thought of here, too."""
    from store.tables import PAIRS  # noqa: PLC0415

    assert {c.type for c in PAIRS.columns} <= set(BY_TYPE)


def test_the_same_rows_give_the_same_bytes_whatever_the_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_form, "GROUP_ROWS", 7)
    found = [dict.fromkeys(NAMES) | _least(n) for n in range(40)]
    for ending in ENDINGS:
        files = [write(tmp_path / f"{block}.{ending}", found, block).read_bytes() for block in (1, 6, 40)]
        assert files[0] == files[1] == files[2], ending
    assert [pq.ParquetFile(tmp_path / "6.parquet").metadata.row_group(k).num_rows for k in range(6)] == [7] * 5 + [5]


def _least(number: int) -> dict[str, Any]:
    made = {f.name: None if f.may_be_null else f.kind.unset for f in PAIR_FIELDS}
    return {
        **made,
        "candidate": "a",
        "primary_total_ms": float(number),
        "primary_outcome": "ok",
        "candidate_outcome": "ok",
    }


@pytest.mark.parametrize(
    ("name", "given_form", "expected"),
    [
        ("a.parquet", None, FileForm("parquet")),
        ("a.JSONL", None, FileForm("jsonl")),
        ("a.ndjson.gz", None, FileForm("jsonl", "gz")),
        ("a.csv.zst", None, FileForm("csv", "zst")),
        ("a.2026.csv", None, FileForm("csv")),
        ("a.dat", "csv", FileForm("csv")),
        ("a.gz", "jsonl", FileForm("jsonl", "gz")),
    ],
)
def test_a_name_says_its_form(name: str, given_form: Form | None, expected: FileForm) -> None:
    assert form_of(Path(name), given_form) == expected


@pytest.mark.parametrize("name", ["a", "foo.txt", "a.gz"])
def test_without_an_option_the_known_endings_are_named(name: str) -> None:
    """`report` and `gate` have a --format, too: that of what they write."""
    with pytest.raises(PairsFileError) as caught:
        form_of(Path(name), option=None)
    assert "--format" not in str(caught.value)
    for known in (".jsonl", ".ndjson", ".csv", ".parquet", ".gz", ".zst"):
        assert known in str(caught.value)


@pytest.mark.parametrize(("name", "says"), [("a", "--format"), ("a.gz", "--format"), ("a.parquet.gz", "leave out .gz")])
def test_a_name_that_says_nothing_is_refused(name: str, says: str) -> None:
    with pytest.raises(PairsFileError, match=says):
        form_of(Path(name))


def test_numbers_that_are_not_finite_are_shown_and_not_taken_back(tmp_path: Path) -> None:
    """They are no measurements; a store that holds one can still be exported."""
    row = dict.fromkeys(NAMES) | _least(1) | {"held_ms": math.inf}
    for ending in ("jsonl", "csv"):
        path = write(tmp_path / f"p.{ending}", [row])
        assert survey_of(PairsFile(path)).faults == [
            f"{path}:{1 if ending == 'jsonl' else 2}: held_ms: 'inf' is not a number from -1e+15 to 1e+15"
        ]


def test_a_table_from_another_tool_is_read(tmp_path: Path) -> None:
    """Times in nanoseconds without a zone, whole numbers as floats, categories, a UUID as bytes."""
    pa = pytest.importorskip("pyarrow")
    columns = {
        "candidate": pa.array(["a", "b"]).dictionary_encode(),
        "ts": pa.array([1_770_000_000_123_456_789, None], pa.timestamp("ns")),
        "request_id": pa.array([bytes(range(16)), None], pa.binary(16)),
        "primary_output_tokens": pa.array([5.0, None], pa.float64()),
        "primary_cost_usd": pa.array([0.25, 1.5], pa.float64()),
        "candidate_total_ms": pa.array([5, 6], pa.int32()),
        "labels": pa.array([[("k", "v")], []], pa.map_(pa.string(), pa.string())),
    }
    path = tmp_path / "other.parquet"
    pq.write_table(pa.table(columns), path)
    first, second = PairsFile(path).rows()
    assert (first.faults, second.faults) == ((), ())
    assert first.values["ts"].isoformat() == "2026-02-02T02:40:00.123456+00:00"
    assert first.values["request_id"].bytes == bytes(range(16))
    assert (first.values["primary_output_tokens"], first.values["primary_cost_usd"]) == (5, Decimal("0.25"))
    assert (first.values["labels"], first.values["candidate_total_ms"]) == ({"k": "v"}, 5.0)
    assert set(second.values) == {"candidate", "primary_cost_usd", "candidate_total_ms", "labels"}


def test_csv_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    """A byte order mark, CRLF, texts without quotes, empty cells for what is unknown."""
    path = tmp_path / "sheet.csv"
    header = "\ufeffcandidate,primary_total_ms,candidate_total_ms,primary_finish_reason"
    path.write_bytes(f'{header}\r\na,1,2.5,\r\n"b ""c""",3,4,stop\r\n'.encode())
    first, second = PairsFile(path).rows()
    assert (first.values, first.faults) == ({"candidate": "a", "primary_total_ms": 1.0, "candidate_total_ms": 2.5}, ())
    assert (second.values["candidate"], second.values["primary_finish_reason"]) == ('b "c"', "stop")


def test_money_in_json_keeps_the_digits_that_a_float_would_lose(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    noisy = 0.1 + 0.2
    assert repr(noisy) != "0.3"
    path.write_text(f'{{"candidate": "a", "primary_cost_usd": 123456789.123456789, "candidate_cost_usd": {noisy!r}}}\n')
    (row,) = PairsFile(path).rows()
    assert row.values["primary_cost_usd"] == Decimal("123456789.123456789")
    assert row.values["candidate_cost_usd"] == Decimal("0.3")  # a sum of doubles


# Money.

NANO = [
    ("0.0000000014", "0.000000001"),
    ("0.0000000016", "0.000000002"),
    ("0.0000000025", "0.000000002"),
    ("0.0000000035", "0.000000004"),
    ("0.0000000005", "0"),
    ("1e-10", "0"),
    ("0.00012345678987654321", "0.000123457"),
    ("1.2345678905", "1.234567890"),
    ("0.1", "0.1"),
]
"""Decimal digits, and what they are to a nano-dollar, half to even, by hand."""


def money_file(path: Path, digits: str) -> Path:
    """The same double in three forms."""
    if path.suffix == ".jsonl":
        path.write_text(f'{{"candidate": "a", "primary_total_ms": 1, "candidate_cost_usd": {digits}}}\n')
    elif path.suffix == ".csv":
        path.write_text(f"candidate,primary_total_ms,candidate_cost_usd\na,1,{digits}\n")
    else:
        pa = pytest.importorskip("pyarrow")
        row = {"candidate": "a", "primary_total_ms": 1.0, "candidate_cost_usd": float(digits)}
        pq.write_table(pa.Table.from_pylist([row]), path)
    return path


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize(("digits", "usd"), NANO)
def test_money_that_was_a_double_is_rounded_to_a_nano_dollar(
    digits: str, usd: str, ending: str, tmp_path: Path
) -> None:
    (row,) = PairsFile(money_file(tmp_path / f"m.{ending}", digits)).rows()
    assert row.faults == ()
    cost = row.values["candidate_cost_usd"]
    assert (cost, cost.as_tuple().exponent) == (Decimal(usd), -9)


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("digits", ["-0.01", "-1e-10", "-0.0000000014", "1000000000.5", "1e300"])
def test_money_below_zero_or_too_large_stays_refused(digits: str, ending: str, tmp_path: Path) -> None:
    (row,) = PairsFile(money_file(tmp_path / f"m.{ending}", digits)).rows()
    assert [fault.column for fault in row.faults] == ["candidate_cost_usd"]


@pytest.mark.parametrize(
    ("ending", "digits"),
    [("jsonl", "999999999.9999999999"), ("csv", "999999999.9999999999"), ("csv", "nan"), ("csv", "inf")]
    + [("parquet", word) for word in ("nan", "inf", "-inf")]
    + [("jsonl", "1e-99999999999999999999"), ("csv", "1e-99999999999999999999")],
)
def test_money_that_is_none_is_a_fault_and_no_crash(ending: str, digits: str, tmp_path: Path) -> None:
    (row,) = PairsFile(money_file(tmp_path / f"m.{ending}", digits)).rows()
    assert [fault.column for fault in row.faults] == ["candidate_cost_usd"]


def test_an_exact_decimal_that_would_lose_value_stays_refused(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    costs = ["0.000000001400", "0.000000000100", "0.250000000000"]
    columns = {
        "candidate": ["a"] * 3,
        "primary_total_ms": [1.0] * 3,
        "candidate_cost_usd": pa.array([Decimal(cost) for cost in costs], pa.decimal128(18, 12)),
    }
    path = tmp_path / "exact.parquet"
    pq.write_table(pa.table(columns), path)
    assert [[fault.column for fault in row.faults] for row in PairsFile(path).rows()] == [
        ["candidate_cost_usd"],
        ["candidate_cost_usd"],
        [],
    ]


# Conversations.


def conversations(path: Path, values: Sequence[Any]) -> list[int]:
    if path.suffix == ".jsonl":
        rows = [{"candidate": "a", "primary_total_ms": 1, "candidate_total_ms": 1, "conversation": v} for v in values]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".csv":
        with path.open("w", newline="") as file:
            rows_of_csv = csv.writer(file)
            rows_of_csv.writerow(["candidate", "primary_total_ms", "candidate_total_ms", "conversation"])
            rows_of_csv.writerows(["a", 1, 1, value] for value in values)
    else:
        pa = pytest.importorskip("pyarrow")
        n = len(values)
        same_columns = {"candidate": ["a"] * n, "primary_total_ms": [1.0] * n, "candidate_total_ms": [1.0] * n}
        pq.write_table(pa.table({**same_columns, "conversation": list(values)}), path)
    found = list(PairsFile(path).rows())
    assert [fault for row in found for fault in row.faults] == []
    return [row.values["conversation"] for row in found]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_a_conversation_may_be_any_text(ending: str, tmp_path: Path) -> None:
    """Its number is BLAKE2b's of 64 bits, by the standard library; equal texts are one conversation."""
    texts_ = ["session-7", "0195f0a0-0000-7000-8000-000000000001", "Grüße, 漢字", "session-7", str(2**64), "-1", "1.5"]
    hashes = [int.from_bytes(hashlib.blake2b(t.encode(), digest_size=8).digest(), "big") for t in texts_]
    assert conversations(tmp_path / f"c.{ending}", texts_) == hashes
    assert conversations(tmp_path / f"d.{ending}", ["0", "42", str(2**64 - 1)]) == [0, 42, 2**64 - 1]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_a_conversation_that_is_a_number_stays_what_it_is(ending: str, tmp_path: Path) -> None:
    assert conversations(tmp_path / f"c.{ending}", [0, 7, 2**63 - 1]) == [0, 7, 2**63 - 1]


@pytest.mark.parametrize("value", ["", " ", -1, 1.5, 2**64, True, ["a"]])
def test_a_conversation_that_names_none_is_refused(value: Any, tmp_path: Path) -> None:
    """An empty text would make one conversation of all rows that have it."""
    path = tmp_path / "c.jsonl"
    row = {"candidate": "a", "primary_total_ms": 1, "candidate_total_ms": 1, "conversation": value}
    path.write_text(json.dumps(row) + "\n")
    (fault,) = survey_of(PairsFile(path)).faults
    assert fault.endswith("is not a whole number from 0 to 18446744073709551615, or a text that is not empty")
