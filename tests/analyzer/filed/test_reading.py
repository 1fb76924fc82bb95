"""A file of any form, with as much or as little as it says."""

import csv
import gzip
import importlib.util
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from analyzer.filed.reading import RefusedRows
from analyzer.filed.source import FilePairs
from analyzer.reading import Setting, Sums
from store.transfer.completion import Origin
from store.transfer.forms import PairsFileError
from store.transfer.layout import FIELDS
from store.transfer.reading import PairsFile, complete_rows, survey_of
from tests.analyzer.filed.making import Row, by_key, jsonl, plain, read, sums, varied
from tests.store.transfer.generated import request_id

START = datetime(2026, 3, 1, 10, tzinfo=UTC)


def storable(row: Row) -> Row:
    """As a file holds it: costs as decimals, no numbers that are none."""
    made = {name: value for name, value in row.items() if name in FIELDS and value is not None and value == value}
    made = {name: value for name, value in made.items() if value not in (float("inf"),)}
    costs = {name: f"{value:.9f}" for name, value in made.items() if name.endswith("_cost_usd")}
    return {**made, **costs}


ROWS = [storable(row) for row in varied(700, seed=21)]


def write_jsonl(path: Path) -> Path:
    return jsonl(path.with_suffix(".jsonl"), ROWS)


def write_gz(path: Path) -> Path:
    packed = path.with_suffix(".jsonl.gz")
    packed.write_bytes(gzip.compress(write_jsonl(path).read_bytes()))
    return packed


def write_csv(path: Path) -> Path:
    names = list(dict.fromkeys(name for row in ROWS for name in row))
    with path.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for row in ROWS:
            cells = [row.get(name) for name in names]
            writer.writerow([json.dumps(x) if isinstance(x, list | dict) else x for x in cells])
    return path.with_suffix(".csv")


def write_parquet(path: Path) -> Path:
    if importlib.util.find_spec("pyarrow") is None:
        pytest.skip("needs pyarrow")
    from store.transfer.parquet_form import ParquetWriter  # noqa: PLC0415 - pyarrow may be absent

    names = list(dict.fromkeys(name for row in ROWS for name in row))
    fields = [FIELDS[name] for name in names]
    with path.with_suffix(".parquet").open("wb") as file:
        writer = ParquetWriter(file, fields)
        accepted = {
            f.name: [None if row.get(f.name) is None else f.accept(row[f.name]) for row in ROWS] for f in fields
        }
        writer.write({name: [_unset(name, x) for x in column] for name, column in accepted.items()})
        writer.close()
    return path.with_suffix(".parquet")


def _unset(name: str, value: Any) -> Any:
    return FIELDS[name].kind.unset if value is None and not FIELDS[name].may_be_null else value


def all_sums(file: FilePairs) -> dict[str, Sums]:
    window = file.window()
    return file.sums(window, file.experiments(window), Setting())


@pytest.mark.parametrize("write", [write_jsonl, write_gz, write_csv, write_parquet])
def test_every_form_gives_the_sums_of_its_rows(write: Callable[[Path], Path], tmp_path: Path) -> None:
    file = read(write(tmp_path / "pairs"))
    typed = [{name: FIELDS[name].accept(value) for name, value in row.items()} for row in ROWS]
    assert all_sums(file)["swift"] == sums(typed, cap_us=300_000_000)
    assert file.cut(file.window(), START) == (file.window(), ())


def test_what_import_makes_of_a_row_is_made_here_too(tmp_path: Path) -> None:
    """Block, bucket and experiment of rows with a time and without all else."""
    rows = [plain(i, ts=(START + timedelta(seconds=7 * i)).isoformat()) for i in range(300)]
    for row in rows[::3]:
        row["request_id"] = str(request_id(rows.index(row)))
    for row in rows[::5]:
        row["conversation"] = rows.index(row) // 10
    path = jsonl(tmp_path / "a.jsonl", rows)
    imported = list(complete_rows(PairsFile(path), survey_of(PairsFile(path)), block_s=60))
    found, expected = all_sums(read(path))["swift"], sums(imported)
    for ours, theirs in ((found.blocks, expected.blocks), (found.buckets, expected.buckets)):
        assert {key: x["total_us_n"] for key, x in by_key(ours).items()} == {
            key: x["total_us_n"] for key, x in by_key(theirs).items()
        }
    (experiment,) = read(path).experiments(read(path).window())
    assert experiment.id == imported[0]["experiment"]


def test_what_nobody_said_of_an_ending_has_no_rate(tmp_path: Path) -> None:
    """A file of times alone does not say that nothing failed."""
    found = all_sums(read(jsonl(tmp_path / "a.jsonl", [plain(i) for i in range(30)])))["swift"]
    assert found.totals["total_us_n"] == 30
    names = ("error_n", "timeout_n", "truncation_n", "cost_per_success_n", "refusal_n", "cost_nanousd_n")
    assert {name: found.totals[name] for name in names} == dict.fromkeys(names, 0)
    assert "ttft_us_primary" not in found.histograms
    told = [plain(i, primary_status=200, candidate_status=503 if i % 3 else 200) for i in range(30)]
    found = all_sums(read(jsonl(tmp_path / "b.jsonl", told)))["swift"]
    assert (found.totals["error_n"], found.totals["error_candidate"]) == (30, 20)


def test_an_outcome_alone_makes_a_pair(tmp_path: Path) -> None:
    rows = [{"candidate": "a", "primary_outcome": "ok", "candidate_outcome": "timeout"} for _ in range(20)]
    found = all_sums(read(jsonl(tmp_path / "a.jsonl", rows)))["a"]
    assert (found.totals["timeout_n"], found.totals["timeout_candidate"]) == (20, 20)
    assert found.totals["total_us_n"] == 0


# Times.


def test_without_times_runs_of_requests_stand_in_for_time_blocks(tmp_path: Path) -> None:
    file = read(jsonl(tmp_path / "a.jsonl", [plain(i, primary_total_ms=float(i)) for i in range(1000)]))
    found = all_sums(file)["swift"].blocks
    assert found.sums["pairs"] == (20,) * 50
    assert found.sums["total_us_primary"] == tuple(sum(range(20 * k, 20 * k + 20)) * 1000 for k in range(50))
    assert {b - a for a, b in zip(found.keys, found.keys[1:], strict=False)} == {60}
    notes = file.cut(file.window(), START)[1]
    assert "the file has no times: 50 runs of neighbouring requests" in notes[0]
    assert "the file names no conversations" in notes[1]
    assert not file.loaded.has_times


@pytest.mark.parametrize(("n", "runs"), [(1, 1), (9, 1), (19, 1), (20, 2), (499, 49), (500, 50), (5000, 50)])
def test_a_run_has_ten_requests_at_least(n: int, runs: int, tmp_path: Path) -> None:
    found = all_sums(read(jsonl(tmp_path / "a.jsonl", [plain(i) for i in range(n)])))["swift"].blocks
    assert len(found.keys) == runs
    assert sum(found.sums["pairs"]) == n
    assert max(found.sums["pairs"]) - min(found.sums["pairs"]) <= 1


@pytest.mark.parametrize("is_named", [True, False])
def test_runs_hold_the_same_requests_of_all_candidates(is_named: bool, tmp_path: Path) -> None:
    """However the file is sorted: by request, or candidate after candidate."""
    rows = [plain(i, primary_total_ms=float(i), request_id=str(UUID(int=(4 << 76) + i))) for i in range(200)]
    if not is_named:
        for row in rows:
            row.pop("request_id")
    both = [row | {"candidate": name} for name in ("a", "b") for row in rows]
    found = all_sums(read(jsonl(tmp_path / "a.jsonl", both)))
    assert found["a"].blocks.keys == found["b"].blocks.keys
    assert found["a"].blocks.sums["total_us_primary"] == found["b"].blocks.sums["total_us_primary"]
    assert len(found["a"].blocks.keys) == 20
    if is_named:
        mixed = [row | {"candidate": name} for row in rows for name in ("a", "b")]
        assert all_sums(read(jsonl(tmp_path / "b.jsonl", mixed)))["a"].blocks.sums == found["a"].blocks.sums


def test_a_block_or_an_id_can_tell_the_time(tmp_path: Path) -> None:
    rows = [plain(i, block=f"2026-03-01T00:{i:02}:00Z") for i in range(30)]
    file = read(jsonl(tmp_path / "a.jsonl", rows))
    assert file.loaded.has_times
    assert len(all_sums(file)["swift"].blocks.keys) == 30
    file = read(jsonl(tmp_path / "b.jsonl", [plain(i, request_id=str(request_id(i))) for i in range(30)]))
    (experiment,) = file.experiments(file.window())
    assert experiment.first == datetime(2026, 2, 3, tzinfo=UTC)


def test_rows_without_a_time_among_others_come_before_the_file(tmp_path: Path) -> None:
    rows = [plain(i, **({"ts": "2026-03-01T00:00:00Z"} if i % 2 else {})) for i in range(100)]
    path = jsonl(tmp_path / "a.jsonl", rows)
    file = read(path)
    (experiment,) = file.experiments(file.window())
    origin = Origin("", 100, PairsFile(path).changed, 60)
    assert experiment.last == origin.complete(98, rows[98])["ts"]
    assert "50 of 100 rows have no ts" in file.cut(file.window(), START)[1][0]


def test_a_window_chooses_rows_by_their_time(tmp_path: Path) -> None:
    rows = [plain(i, ts=(START + timedelta(minutes=i)).isoformat(), preference=1) for i in range(60)]
    file = read(jsonl(tmp_path / "a.jsonl", rows))
    whole = file.window()
    assert (whole.since, whole.until) == (START, START + timedelta(minutes=59, seconds=1))
    part = type(whole)(START + timedelta(minutes=10), START + timedelta(minutes=30))
    (experiment,) = file.experiments(part)
    assert (experiment.pairs, experiment.first) == (20, part.since)
    assert file.sums(part, [experiment], Setting())["swift"].totals["pairs"] == 20
    assert file.conduct(part, [experiment], Setting())["swift"].buckets.count(0) >= 236


# The same pair twice.


def test_the_same_pair_twice_is_told_with_both_places(tmp_path: Path) -> None:
    rows = [plain(i, request_id=str(UUID(int=(4 << 76) + i))) for i in (1, 2, 1)]
    path = jsonl(tmp_path / "a.jsonl", rows)
    with pytest.raises(RefusedRows) as refused:
        read(path)
    assert refused.value.survey.faults == [f"{path}:3: request_id: the same request and candidate as in {path}:1"]


@pytest.mark.parametrize(
    "second", [{"judge": "a", "preference": 0}, {"judge": "b"}, {"judge": "b", "preference": 0, "experiment": "other"}]
)
def test_only_another_judge_may_speak_of_the_same_pair_again(second: Row, tmp_path: Path) -> None:
    first = plain(request_id=str(UUID(int=4 << 76)), judge="a", preference=1)
    with pytest.raises(RefusedRows):
        read(jsonl(tmp_path / "a.jsonl", [first, {**first, "preference": None, "judge": None, **second}]))


def test_the_same_request_of_two_candidates_is_two_pairs(tmp_path: Path) -> None:
    rows = [plain(request_id=str(UUID(int=4 << 76)), candidate=name) for name in ("a", "b")]
    file = read(jsonl(tmp_path / "a.jsonl", rows))
    assert [(e.candidate, e.pairs) for e in file.experiments(file.window())] == [("a", 1), ("b", 1)]


# Bad files.


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"primary_total_ms": "NaN"}, "primary_total_ms: 'NaN' is not a number"),
        ('{"candidate": "a", "primary_total_ms": Infinity}', "NaN and Infinity are no JSON"),
        ('{"candidate": "a", "primary_total_ms": 1e999}', "Number out of range"),
        ({"candidate_cost_usd": "inf"}, "candidate_cost_usd: 'inf' is not a number"),
        ({"primary_latency": 3}, "primary_latency: no such column"),
        ({"primary_cost_usd": "0.0012 EUR"}, "primary_cost_usd: '0.0012 EUR' is not a number"),
        ({"primary_total_ms": "1.2s"}, "primary_total_ms: '1.2s' is not a number"),
        ({"candidate": ""}, "candidate: missing"),
        ("[1, 2]", "no JSON object"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_computed(row: Row | str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    text = row if isinstance(row, str) else json.dumps({**plain(), **row})
    path.write_text(f"{json.dumps(plain())}\n{text}\n{json.dumps(plain())}\n", encoding="utf-8")
    with pytest.raises(RefusedRows) as refused:
        read(path)
    (fault,) = refused.value.survey.faults
    assert fault.startswith(f"{path}:2: ")
    assert says in fault


def test_every_fault_is_told_and_many_are_counted(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [plain(foo=1, primary_status=-1, held_ms=-i - 1) for i in range(70)])
    with pytest.raises(RefusedRows) as refused:
        read(path)
    lines, untold = refused.value.survey.told()
    told = [tuple(line.removeprefix(f"{path}:").split(": ")[:2]) for line in lines[:7]]
    assert told == [("1", "foo"), *((str(n), name) for n in (1, 2, 3) for name in ("primary_status", "held_ms"))]
    assert lines[7:] == [f"{name}: 67 more rows with such a fault" for name in ("primary_status", "held_ms")]
    assert untold == 0


def test_a_broken_file_is_no_file_of_pairs(tmp_path: Path) -> None:
    for name, data in (("a.csv", b""), ("a.parquet", b"PAR1"), ("a.jsonl.gz", b"\x1f\x8b\x08"), ("a.txt", b"")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(PairsFileError):
            read(tmp_path / name)


def test_an_empty_file_has_no_experiments_and_says_so(tmp_path: Path) -> None:
    file = read(jsonl(tmp_path / "a.jsonl", []))
    assert file.experiments(file.window()) == []
    assert file.cut(file.window(), START)[1] == ("the file holds no pairs",)
    assert all_sums(file) == {}


def test_labels_beyond_the_most_are_named(tmp_path: Path) -> None:
    rows = [plain(i, labels={f"l{k:02}": "x" for k in range(20)}) for i in range(3)]
    file = read(jsonl(tmp_path / "a.jsonl", rows))
    assert len(all_sums(file)["swift"].labels) == 16
    assert file.cut(file.window(), START)[1][-1].endswith("left out: l16, l17, l18, l19")


def notes_of(path: Path, rows: list[Row]) -> str:
    file = read(jsonl(path, rows))
    return "\n".join(file.cut(file.window(), START)[1])


@pytest.mark.parametrize(("n", "twice", "equal"), [(20, 1, 2), (5000, 15, 30), (5000, 14, 0), (300, 300, 600)])
def test_rows_that_are_there_twice_are_told(n: int, twice: int, equal: int, tmp_path: Path) -> None:
    """From thirty on, or from one in a hundred."""
    rows = [plain(i, labels={"a": "x", "b": "y"}, primary_cost_usd=0.25, conversation="c") for i in range(n)]
    again = [dict(reversed({**row, "labels": {"b": "y", "a": "x"}}.items())) for row in rows[:twice]]
    found = notes_of(tmp_path / "a.jsonl", rows + again)
    assert (f"{equal} rows are equal to another one: if the file holds pairs twice" in found) == bool(equal)
    assert ("equal to another" in found) == bool(equal)


def test_rows_that_name_their_request_are_told_apart(tmp_path: Path) -> None:
    rows = [plain(request_id=str(UUID(int=(4 << 76) + i))) for i in range(100)]
    assert "equal to another" not in notes_of(tmp_path / "a.jsonl", rows)
    for row in rows:
        row.pop("request_id")
    assert "100 rows are equal to another one" in notes_of(tmp_path / "b.jsonl", rows)
    assert "equal to another" not in notes_of(tmp_path / "c.jsonl", [{**r, "held_ms": i} for i, r in enumerate(rows)])


def test_one_time_of_all_rows_is_told(tmp_path: Path) -> None:
    at = START.isoformat()
    says = "all pairs have one and the same ts: they fall into one time block"
    found = notes_of(tmp_path / "a.jsonl", [plain(i, ts=at) for i in range(40)])
    assert says in found
    assert "Leave ts out if it is not when the request began" in found
    later = (START + timedelta(seconds=1)).isoformat()
    assert says not in notes_of(tmp_path / "b.jsonl", [plain(i, ts=later if i == 7 else at) for i in range(40)])
    assert says not in notes_of(tmp_path / "c.jsonl", [plain(ts=at)])
    assert says not in notes_of(tmp_path / "d.jsonl", [plain(i) for i in range(3)])
    blocks = [plain(i, ts=at, block=f"2026-03-01T00:{i:02}:00Z") for i in range(40)]
    assert says not in notes_of(tmp_path / "e.jsonl", blocks)


def test_a_text_names_a_conversation(tmp_path: Path) -> None:
    """All rows of one fall into one bucket."""
    file = read(jsonl(tmp_path / "a.jsonl", [plain(i, conversation="session") for i in range(50)]))
    assert all_sums(file)["swift"].buckets.sums["pairs"] == (50,)
    assert not any("names no conversations" in note for note in file.loaded.notes)


def test_progress_hears_of_all_rows(tmp_path: Path) -> None:
    heard: list[int] = []
    read(jsonl(tmp_path / "a.jsonl", [plain(i) for i in range(2500)]), on_row=heard.append)
    assert heard == sorted(heard)
    assert (len(heard), heard[-1]) == (4, 2500)


def test_the_source_names_the_bytes_that_it_read(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [plain()])
    assert read(path).version() == f"jsonl file, sha256 {PairsFile(path).digest()}"
    assert read(path).watermark(START) is None
    assert read(path).states(read(path).window()) == {}
