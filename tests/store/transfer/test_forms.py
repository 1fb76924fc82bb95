"""What is written is read again to the last bit, and other programs read the same in it."""

import csv
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
