"""`shadowbench sql`: what a person, a program and a hostile answer get."""

import csv
import importlib.util
import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from analyzer.report.printable import printable
from cli.commands import sql as sql_module
from cli.main import run
from store.endpoint.place import read_endpoint

pytestmark = pytest.mark.skipif(importlib.util.find_spec("chdb") is None, reason="needs shadowbench[embedded]")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A configuration whose embedded store nobody serves: the first command starts its owner."""
    directory = tmp_path_factory.mktemp("sql")
    path = directory / "shadowbench.yaml"
    path.write_text("primary: {url: 'http://127.0.0.1:9'}\nstore: {dir: ./data/store}\n")
    yield str(path)
    if (endpoint := read_endpoint(directory / "data" / "store")) is not None:
        os.kill(endpoint.pid, 15)


@pytest.fixture
def ask(file: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """(exit code, standard output, standard error) of a statement."""

    def asked(statement: str, *options: str) -> tuple[int, str, str]:
        code = run(["sql", statement, "-c", file, *options])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return asked


@pytest.mark.parametrize("statement", ["", "SELEC", "SELECT nope FROM pairs"])
def test_a_fault_of_the_statement_is_wrong_usage(ask: Any, statement: str) -> None:
    code, out, err = ask(statement)
    assert (code, out) == (64, "")
    assert err.startswith("shadowbench sql: ")
    assert err.count("\n") == 1


def test_json_is_one_object_per_line(ask: Any) -> None:
    sql = (
        "SELECT number AS n, toDecimal64('0.1', 9) AS d, toUUID('0195f0a0-0000-7000-8000-000000000001') AS u, "
        "toDateTime64('2026-03-01 12:00:00.25', 6, 'UTC') AS t, map('a', 'b') AS m, [1, 2] AS a, NULL AS nothing, "
        "'x\\ny' AS s, 18446744073709551615 AS big, 1 / 0 AS inf FROM numbers(2)"
    )
    code, out, err = ask(sql, "--format", "json")
    assert (code, err) == (0, "")
    assert [json.loads(line) for line in out.splitlines()] == [
        {
            "n": n,
            "d": "0.100000000",
            "u": "0195f0a0-0000-7000-8000-000000000001",
            "t": "2026-03-01T12:00:00.250000+00:00",
            "m": {"a": "b"},
            "a": [1, 2],
            "nothing": None,
            "s": "x\ny",
            "big": 2**64 - 1,
            "inf": "inf",
        }
        for n in range(2)
    ]


def test_csv_tells_null_from_texts_that_look_like_it(ask: Any) -> None:
    """As ClickHouse writes it: texts between quotes, NULL is a bare \\N. Other readers take it as it is."""
    sql = (
        "SELECT 'a,\"b\"\nc' AS s, NULL AS x, '' AS e, '\\\\N' AS n, [1] AS l, true AS yes, map('k', 1.5) AS m, "
        "toDecimal64('0.000000001', 9) AS d, toDate('2026-03-01') AS day, nan AS q, toNullable(7) AS i"
    )
    code, out, _ = ask(sql, "--format", "csv")
    assert code == 0
    assert out == (
        '"s","x","e","n","l","yes","m","d","day","q","i"\n'
        '"a,""b""\nc",\\N,"","\\N","[1]",true,"{""k"": 1.5}",0.000000001,2026-03-01,nan,7\n'
    )
    cells = ['a,"b"\nc', "\\N", "", "\\N", "[1]", "true", '{"k": 1.5}', "0.000000001", "2026-03-01", "nan", "7"]
    assert list(csv.reader(io.StringIO(out)))[1] == cells


def test_a_long_statement_comes_from_a_file_or_from_standard_input(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "question.sql"
    script.write_text("SELECT 1 AS n -- a remark\nUNION ALL SELECT 1\n")
    assert run(["sql", "--file", str(script), "-c", file, "--format", "json"]) == 0
    assert capsys.readouterr().out == '{"n": 1}\n' * 2
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"SELECT 2 AS n")))
    assert run(["sql", "--file", "-", "-c", file, "--format", "json"]) == 0
    assert capsys.readouterr().out == '{"n": 2}\n'
    for arguments in (["--file", str(script), "SELECT 1"], [], ["--file", str(tmp_path / "none.sql")]):
        assert run(["sql", *arguments, "-c", file]) == 64
        assert capsys.readouterr().err.count("\n") == 1


def test_a_table_shows_names_and_values(ask: Any) -> None:
    code, out, _ = ask("SELECT 'llama' AS candidate, 12 AS pairs, NULL AS cost")
    assert code == 0
    for word in ("candidate", "pairs", "cost", "llama", "12", "NULL"):
        assert word in out


WIDE = "SELECT {} FROM numbers(2)".format(
    ", ".join(f"concat('value-{n}-of-', toString(number)) AS a_column_with_the_number_{n}" for n in range(9))
)


def test_a_table_that_goes_to_a_file_is_as_wide_as_it_needs(ask: Any) -> None:
    code, out, _ = ask(WIDE)
    assert code == 0
    assert "…" not in out
    (header,) = [line for line in out.splitlines() if "a_column" in line]
    assert header.replace("┃", " ").split() == [f"a_column_with_the_number_{n}" for n in range(9)]


@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_on_a_terminal_that_is_too_narrow_values_stand_one_below_another(
    ask: Any, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """Nothing is cut: neither a name nor a value."""
    monkeypatch.setattr(sql_module, "console", lambda: Console(width=width))
    code, out, _ = ask(WIDE)
    assert code == 0
    assert "…" not in out
    assert max(len(line) for line in out.splitlines()) <= width
    if width >= 80:
        lines = [line.split() for line in out.splitlines()]
        for row in range(2):
            assert ["row", f"{row + 1}:"] in lines
            assert all([f"a_column_with_the_number_{n}", f"value-{n}-of-{row}"] in lines for n in range(9))
    _, out, _ = ask("SELECT 1 AS n")
    assert "┃" in out
    _, out, _ = ask(WIDE.replace("numbers(2)", "numbers(0)"))
    assert "no rows of" in " ".join(out.split())


def test_a_table_is_cut_and_says_so_while_json_is_not(ask: Any) -> None:
    code, out, err = ask("SELECT number FROM numbers(1500)")
    assert code == 0
    assert "999" in out
    assert "1000 " not in out
    assert "1000 rows" in err
    _, out, _ = ask("SELECT number FROM numbers(1500)", "--format", "json")
    assert len(out.splitlines()) == 1500


def test_a_stored_answer_cannot_steer_the_terminal(ask: Any) -> None:
    """Colours, titles, cursor moves, reversed text, rich markup: all of it is shown as plain text or not at all."""
    evil = "char(27) || '[31m[bold]red' || char(27) || ']0;title' || char(7) || char(8) || '\u202e' || '\u009b2J'"
    code, out, _ = ask(f"SELECT {evil} AS `\x1b[2Jname`")
    assert code == 0
    assert "[bold]red" in out
    assert not set(out) & {"\x1b", "\x07", "\x08", "\u202e", "\x9b"}
    assert "title" not in out


def test_csv_is_whole_in_a_file_and_harmless_on_a_terminal(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    statement = "SELECT 'a' || char(27) || '[31mred' AS t, 'b' AS u"
    assert ask(statement, "--format", "csv")[1] == '"t","u"\n"a\x1b[31mred","b"\n'
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert ask(statement, "--format", "csv")[1] == '"t","u"\n"ared","b"\n'


@given(st.text())
def test_printable_text_has_no_controls(text: str) -> None:
    clean = printable(text)
    assert "\n" not in clean
    assert not re.search("[\\x00-\\x1f\\x7f-\\x9f\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\u2028\\u2029]", clean)
    assert printable("plain Grüße 漢字 [x]") == "plain Grüße 漢字 [x]"


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("SELECT (1", "Syntax error"),
        ("SELECT nothing_of_ours", "nothing_of_ours"),
        ("SELECT * FROM nowhere", "nowhere"),
        ("DROP TABLE pairs", "readonly"),
        ("SELECT file('/etc/hostname')", "file"),
        ("SELECT 1; SELECT 2", "Multi-statements"),
    ],
)
def test_a_statement_that_cannot_be_is_wrong_usage_in_one_line(ask: Any, statement: str, says: str) -> None:
    code, out, err = ask(statement)
    assert (code, out) == (64, "")
    assert says in err
    assert err.count("\n") == 1


def test_a_failure_while_answering_is_an_internal_error_in_one_line(ask: Any) -> None:
    code, _, err = ask("SELECT throwIf(number = 3) FROM numbers(5)")
    assert code == 70
    assert err.count("\n") == 1


def test_no_configuration_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sql", "SELECT 1", "-c", str(tmp_path / "none.yaml")]) == 64
    assert capsys.readouterr().err.count("\n") == 1


def test_a_store_that_does_not_answer_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "shadowbench.yaml"
    path.write_text("primary: {url: 'http://127.0.0.1:9'}\nstore: {url: 'clickhouse://u:hunter2@127.0.0.1:9/x'}\n")
    assert run(["sql", "SELECT 1", "-c", str(path)]) == 70
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "hunter2" not in err
