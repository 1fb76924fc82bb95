"""What a bad file gets: one line per fault, with the place, the column and what is allowed."""

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import RFC_4122, UUID

import pytest

from record.outcome import Outcome
from store.transfer import lines
from store.transfer.completion import Origin
from store.transfer.forms import PairsFileError
from store.transfer.layout import PAIR_FIELDS
from store.transfer.reading import PairsFile, complete_rows, survey_of
from store.transfer.survey import ALIKE, MAX_FAULTS
from tests.store.transfer.generated import plain_row, request_id


def jsonl(directory: Path, *rows: Any) -> Path:
    path = directory / "pairs.jsonl"
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row, default=str) + "\n" for row in rows))
    return path


def csv(directory: Path, text: str) -> Path:
    path = directory / "pairs.csv"
    path.write_bytes(text.encode())
    return path


def faults(path: Path) -> list[str]:
    return [line.replace(f"{path.parent}/", "") for line in survey_of(PairsFile(path)).faults]


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("primary_status", 70_000, "70000 is not a whole number from 0 to 65535"),
        ("primary_status", -1, "-1 is not a whole number from 0 to 65535"),
        ("primary_status", 200.5, "200.5 is not a whole number from 0 to 65535"),
        ("primary_status", True, "True is not a whole number from 0 to 65535"),
        ("candidate_input_tokens", 2**32, "4294967296 is not a whole number from 0 to 4294967295"),
        ("conversation", 2**64, "18446744073709551616 is not a whole number from 0 to 18446744073709551615"),
        ("primary_total_ms", "fast", "'fast' is not a number from -1e+15 to 1e+15"),
        pytest.param("primary_total_ms", 10**400, "000… is not a number from -1e+15 to 1e+15", id="huge"),
        ("primary_total_ms", -5, "-5.0 is not within 0 to 1e+15"),
        ("candidate_ttft_ms", -0.001, "-0.001 is not within 0 to 1e+15"),
        ("held_ms", -1, "-1.0 is not within 0 to 1e+15"),
        ("candidate_cost_usd", "-0.01", "-0.010000000 is not within 0 to 1e+15"),
        ("primary_refusal", "maybe", "'maybe' is not true or false"),
        ("primary_cost_usd", "0.0000000001", "'0.0000000001' is not a number with at most 9 digits before the point"),
        ("primary_cost_usd", "0.0000000014", "'0.0000000014' is not a number with at most 9 digits before the point"),
        ("primary_cost_usd", "1000000000", "'1000000000' is not a number with at most 9 digits before the point"),
        ("primary_cost_usd", "NaN", "'NaN' is not a number with at most 9 digits before the point"),
        ("ts", "yesterday", "'yesterday' is not a time like 2026-03-01T12:00:00+00:00"),
        ("ts", "1969-12-31T23:59:59", "'1969-12-31T23:59:59' is not a time like"),
        ("block", "2026-03-01T12:00:00.5", "whole seconds"),
        ("primary_price_date", "2026-02-30", "'2026-02-30' is not a date like 2026-03-01"),
        ("request_id", "42", "'42' is not a UUID like"),
        ("labels", ["a"], "['a'] is not an object of names, each with a text"),
        ("labels", {"a": 1}, "{'a': 1} is not an object of names, each with a text"),
        ("changed", "model", "'model' is not a list, each entry a text"),
        ("primary_outcome", "fine", f"'fine' is none of {', '.join(Outcome)}"),
        ("primary_outcome", "", "'' is none of ok"),
        ("sample_share", 1.5, "1.5 is not within 0 to 1"),
        ("preference", -2, "-2.0 is not within -1 to 1"),
        ("candidate", "", "missing; each row names the candidate"),
        ("candidate", "a\x1b[31m", r"'a\x1b[31m' has characters that cannot be printed"),
        ("experiment", "e\u202e", r"'e\u202e' has characters that cannot be printed"),
        ("experiment", "e" * 257, "has characters that cannot be printed, or more than 256"),
        ("primry_total_ms", 5, "no such column; the nearest is 'primary_total_ms'; if a newer shadowbench wrote"),
    ],
)
def test_a_bad_value_is_one_line_with_its_place_and_what_is_allowed(
    column: str, value: Any, says: str, tmp_path: Path
) -> None:
    (fault,) = faults(jsonl(tmp_path, plain_row(1), "\n", plain_row(2, **{column: value}), plain_row(3)))
    assert fault.startswith(f"pairs.jsonl:3: {column}: ")
    assert says in fault
    assert "\n" not in fault


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "no JSON object"),
        ("[]", "no JSON object"),
        ('{"candidate": NaN}', "1: NaN and Infinity are no JSON; leave the field out or write null"),
        ('{"candidate": "a", "primary_total_ms": -Infinity', "1: NaN and Infinity are no JSON"),
        ('{"labels": {"a": Infinity}, "primary_total_ms": 1}', "1: NaN and Infinity are no JSON"),
        ('{"candidate": nan}', "no JSON object"),
        pytest.param('{"labels": ' + "[" * 100_000, "no JSON object", id="deep"),
        ('{"primary_status": 1' + "0" * 5000 + "}", "no JSON object"),
        ('{"candidate": "\\ud800", "primary_status": 1, "candidate_status": 1}', "no JSON object"),
        ('{"primary_total_ms": 1, "candidate_total_ms": 2}', "candidate: missing"),
        ('{"candidate": "a", "candidate_total_ms": 2}', "nothing is said of the primary"),
        ('{"candidate": "a", "primary_model": "m", "candidate_total_ms": 2}', "nothing is said of the primary"),
        ('{"candidate": "a", "primary_total_ms": 2, "candidate_total_ms": null}', "nothing is said of the candidate"),
    ],
)
def test_a_row_that_is_none_is_one_line(line: str, says: str, tmp_path: Path) -> None:
    (fault,) = faults(jsonl(tmp_path, line))
    assert fault.startswith("pairs.jsonl:1: ")
    assert says in fault


def test_a_fault_of_every_row_is_told_three_times_and_then_counted(tmp_path: Path) -> None:
    """So that another column's is seen."""
    rows = [plain_row(n, primary_status=-1 - n) for n in range(11_999)]
    rows.append(plain_row(0, primary_status="x", candidate_outcome="fine"))
    survey = survey_of(PairsFile(jsonl(tmp_path, *rows)))
    lines, untold = survey.told()
    assert [line.partition("pairs.jsonl:")[2][:20] for line in lines[:4]] == [
        "1: primary_status: -",
        "2: primary_status: -",
        "3: primary_status: -",
        "12000: candidate_out",
    ]
    assert lines[4:] == ["primary_status: 11,997 more rows with such a fault"]
    assert (survey.rows, survey.more_faults, untold) == (12_000, 11_997, 0)


@pytest.mark.parametrize(
    ("row", "ends"),
    [
        (lambda n: plain_row(n, primary_outcome=f"o{n}"), "primary_outcome: 7 more rows with such a fault"),
        (lambda n: plain_row(n, held_ms=-n - 1), "held_ms: 7 more rows with such a fault"),
        (lambda n: plain_row(n, candidate="\x07" * (n + 1)), "candidate: 7 more rows with such a fault"),
        (lambda n: {"candidate_total_ms": n, "primary_total_ms": 1}, "candidate: 7 more rows with such a fault"),
        (lambda n: " " * n + "{\n", "rows that cannot be read: 7 more rows with such a fault"),
        (lambda _: plain_row(0, request_id=request_id(1)), "request_id: 6 more rows with such a fault"),
    ],
)
def test_faults_are_alike_whatever_the_value(row: Callable[[int], Any], ends: str, tmp_path: Path) -> None:
    lines, untold = survey_of(PairsFile(jsonl(tmp_path, *(row(n) for n in range(10))))).told()
    assert (len(lines), lines[-1], untold) == (ALIKE + 1, ends, 0)


def test_one_more_row_is_a_row(tmp_path: Path) -> None:
    lines, _ = survey_of(PairsFile(jsonl(tmp_path, *(plain_row(n, held_ms=-1) for n in range(ALIKE + 1))))).told()
    assert lines[-1] == "held_ms: 1 more row with such a fault"


def test_different_faults_of_a_column_are_told_each(tmp_path: Path) -> None:
    rows = [plain_row(n, held_ms=value) for n, value in enumerate([-1, -2, -3, "x", -4, "y"])]
    lines, _ = survey_of(PairsFile(jsonl(tmp_path, *rows))).told()
    assert [line[-30:] for line in lines[3:]] == [
        "a number from -1e+15 to 1e+15"[-30:].rjust(30),
        "a number from -1e+15 to 1e+15"[-30:].rjust(30),
        "held_ms: 1 more row with such a fault"[-30:],
    ]


def test_an_unknown_column_is_told_once(tmp_path: Path) -> None:
    survey = survey_of(PairsFile(jsonl(tmp_path, *(plain_row(n, modle="m", seed=1) for n in range(100)))))
    lines, untold = survey.told()
    assert [line.partition("pairs.jsonl:")[2].split(";")[0] for line in lines] == [
        "1: modle: no such column",
        "1: seed: no such column",
    ]
    assert (survey.more_faults, untold) == (0, 0)


def test_faults_are_told_up_to_a_bound(tmp_path: Path) -> None:
    """However many columns are wrong, and whatever their names."""
    rows = [plain_row(n, **{f"c{n}": 1}) for n in range(MAX_FAULTS + 5)]
    lines, untold = survey_of(PairsFile(jsonl(tmp_path, *rows))).told()
    assert (len(lines), untold) == (MAX_FAULTS, 5)
    several = [plain_row(n, **{f"x{n}": 1}) for n in range(MAX_FAULTS - 1)]
    several += [plain_row(n, held_ms=-1, primary_status=-1) for n in range(9)]
    lines, untold = survey_of(PairsFile(jsonl(tmp_path, *several))).told()
    assert len(lines) == MAX_FAULTS
    assert untold == 17


def test_a_pair_that_is_there_twice_is_named_with_both_places(tmp_path: Path) -> None:
    rows = [plain_row(n, request_id=request_id(n % 4), candidate="ab"[n // 4 % 2]) for n in range(9)]
    assert faults(jsonl(tmp_path, *rows)) == [
        "pairs.jsonl:9: request_id: the same request and candidate as in pairs.jsonl:1"
    ]


def test_lines_of_csv_are_counted_where_they_begin(tmp_path: Path) -> None:
    header = "candidate,primary_status,candidate_status,primary_finish_reason"
    text = f'{header}\n"a",200,200,"x\n\ny"\n\na,1,2,3,4\nb,x,200,\\N\n'
    assert faults(csv(tmp_path, text)) == [
        "pairs.csv:6: 5 cells, but the header names 4 columns",
        "pairs.csv:7: primary_status: 'x' is not a whole number from 0 to 65535",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty; the first line"),
        ("candidate,modle\n", "line 1: 'modle': no such column"),
        ("candidate,candidate\n", "line 1: candidate: the header names this column 2 times"),
        ('candidate\n"a\nb\n', "line 2: a double quote opens here and is never closed"),
        ("candidate;primary_status\n", "no such column"),
    ],
)
def test_a_file_that_cannot_be_read_as_pairs_says_why(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(PairsFileError, match=says) as caught:
        faults(csv(tmp_path, text))
    assert str(caught.value).startswith(f"{tmp_path}/pairs.csv: ")


def test_a_file_without_line_ends_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1000)
    for path in (csv(tmp_path, 'candidate\n"' + "a\n" * 600), jsonl(tmp_path, '"' + "x" * 2000)):
        with pytest.raises(PairsFileError, match="longer than"):
            faults(path)


def test_damaged_packing_and_damaged_parquet_are_one_line(tmp_path: Path) -> None:
    whole = gzip.compress(b'{"candidate": "a"}\n' * 1000)
    for name, data in (
        ("cut.jsonl.gz", whole[:-20]),
        ("no.jsonl.gz", b"plain"),
        ("no.csv.zst", b"plain"),
        ("no.parquet", b"PAR1 and more PAR1"),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        if name.endswith("parquet"):
            pytest.importorskip("pyarrow")
        with pytest.raises(PairsFileError) as caught:
            survey_of(PairsFile(path))
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)


def test_bytes_that_are_no_text_are_a_fault_of_their_line(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(b"candidate,primary_status,candidate_status\na,1,2\n\xff,1,2\n")
    assert survey_of(PairsFile(path)).faults == [f"{path}:3: not UTF-8; save it as UTF-8"]


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = jsonl(tmp_path, plain_row(1), plain_row(2))
    file = PairsFile(path)
    reading = file.rows()
    next(reading)
    jsonl(tmp_path, plain_row(1), plain_row(2), plain_row(3))
    with pytest.raises(PairsFileError, match="changed while it was read"):
        list(reading)


def test_a_file_without_rows_is_none_too_few(tmp_path: Path) -> None:
    """That of a quiet day."""
    survey = survey_of(PairsFile(jsonl(tmp_path)))
    assert (survey.rows, survey.faults) == (0, [])


END = datetime(2026, 3, 1, 12, tzinfo=UTC)


def origin(**more: Any) -> Origin:
    return Origin(**{"digest": "ab" * 32, "rows": 100, "end": END, "block_s": 60.0, **more})


def test_what_a_row_leaves_out_is_unknown() -> None:
    """Only what the table cannot leave open is made, and no figure is."""
    made = origin().complete(0, plain_row(0))
    assert list(made) == [f.name for f in PAIR_FIELDS]
    given = {"candidate", "primary_total_ms", "candidate_total_ms"}
    assert all(made[f.name] is None for f in PAIR_FIELDS if f.may_be_null and f.name not in given)
    assert (made["labels"], made["changed"], made["worker"], made["sample_share"]) == ({}, [], "import", 1.0)
    assert (made["primary_outcome"], made["candidate_outcome"]) == ("ok", "ok")


def test_an_outcome_follows_from_the_status_where_none_is_given() -> None:
    made = origin().complete(0, plain_row(0, primary_status=429, candidate_status=399))
    assert (made["primary_outcome"], made["candidate_outcome"]) == ("http_error", "ok")
    said = origin().complete(0, plain_row(0, primary_status=429, primary_outcome="timeout"))
    assert said["primary_outcome"] == "timeout"


def test_ids_are_of_version_7_carry_the_time_and_are_the_same_each_time() -> None:
    made = [origin().complete(n, plain_row(n))["request_id"] for n in range(100)]
    assert made == [origin().complete(n, plain_row(n))["request_id"] for n in range(100)]
    assert len(set(made)) == 100
    assert {(i.version, i.variant) for i in made} == {(7, RFC_4122)}
    first = origin().complete(0, plain_row(0))
    assert first["request_id"].int >> 80 == int(first["ts"].timestamp() * 1000)
    assert origin(digest="cd" * 32).complete(0, plain_row(0))["request_id"] != made[0]


def test_rows_without_a_time_are_spread_in_their_order_a_block_each_within_a_day() -> None:
    few = [origin().complete(n, plain_row(n)) for n in range(100)]
    assert [row["ts"] for row in few] == [END - timedelta(minutes=100 - n) for n in range(100)]
    assert [row["block"] for row in few] == [row["ts"] for row in few]
    many = origin(rows=864_000)
    assert many.complete(0, plain_row(0))["ts"] == END - timedelta(days=1)
    assert many.complete(863_999, plain_row(0))["ts"] == END - timedelta(milliseconds=100)


def test_a_time_comes_from_the_id_where_only_that_is_given() -> None:
    at = datetime(2026, 2, 3, 0, 0, 5, tzinfo=UTC)
    made = origin().complete(0, plain_row(0, request_id=request_id(5)))
    assert (made["ts"], made["block"]) == (at, at.replace(second=0))
    other = origin().complete(0, plain_row(0, request_id=UUID(int=1)))
    assert other["ts"] == END - timedelta(minutes=100)


def test_a_block_and_a_bucket_follow_from_time_and_conversation() -> None:
    made = origin(block_s=90).complete(0, plain_row(0, ts=datetime(2026, 3, 1, 0, 1, 29, 5, UTC), conversation=515))
    assert (made["block"], made["bucket"]) == (datetime(2026, 3, 1, tzinfo=UTC), 3)


def test_the_experiment_is_called_after_the_file_for_each_candidate_or_as_asked() -> None:
    named = [origin().complete(0, plain_row(0, candidate=c))["experiment"] for c in "ab"]
    assert named == ["import-abababababab-a", "import-abababababab-b"]
    assert origin(experiment="mine").complete(0, plain_row(0))["experiment"] == "mine"
    assert origin(experiment="mine").complete(0, plain_row(0, experiment="own"))["experiment"] == "own"


def test_a_file_can_be_read_without_any_store(tmp_path: Path) -> None:
    """As a report on a file needs it."""
    file = PairsFile(jsonl(tmp_path, plain_row(1, preference=1), plain_row(2)))
    first, second = complete_rows(file, survey_of(file), block_s=60.0)
    assert (first["primary_total_ms"], first["preference"], second["primary_total_ms"]) == (101.0, 1.0, 102.0)
    assert first["ts"] + timedelta(minutes=1) == second["ts"]
