"""What a statement is, before the engine sees it."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.endpoint.statement import forbidden, insert_head, query_shape, words


def test_rows_begin_behind_the_format_and_its_line() -> None:
    head = insert_head(b"INSERT INTO t (a, b) FORMAT Native\n\x01\x02 FORMAT x\n")
    assert head is not None
    assert (head.sql, head.format, head.data_at) == ("INSERT INTO t (a, b) ", "Native", 35)


@pytest.mark.parametrize(
    ("body", "sql", "form", "data"),
    [
        (b"INSERT INTO t VALUES (1), (2)", "INSERT INTO t ", "Values", b" (1), (2)"),
        (b"insert into t values (1)", "insert into t ", "Values", b" (1)"),
        (b"INSERT INTO t SETTINGS a=1 FORMAT CSV\r\n1,2", "INSERT INTO t SETTINGS a=1 ", "CSV", b"1,2"),
        (b"INSERT INTO t FORMAT CSV SETTINGS a=1\n1,2", "INSERT INTO t  SETTINGS a=1", "CSV", b"1,2"),
        (b"/* x */ -- y\nINSERT INTO `VALUES` (`FORMAT`) FORMAT CSV 1", None, "CSV", b"1"),
        (b"INSERT INTO t (`values`) -- FORMAT no\nFORMAT TSV\n1", None, "TSV", b"1"),
    ],
)
def test_an_insert_is_taken_apart_whatever_stands_around_it(
    body: bytes, sql: str | None, form: str, data: bytes
) -> None:
    head = insert_head(body)
    assert head is not None
    assert (head.format, body[head.data_at :]) == (form, data)
    assert sql is None or head.sql == sql


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"SELECT 1 FORMAT CSV",
        b"INSERT INTO t SELECT 1",
        b"INSERT INTO t WITH 1 AS a SELECT a",
        b"'INSERT' FORMAT x",
    ],
)
def test_other_statements_have_no_rows_behind_them(body: bytes) -> None:
    assert insert_head(body) is None


@given(st.binary(max_size=200))
def test_the_rows_themselves_are_never_read(rows: bytes) -> None:
    """Rows may hold quotes, brackets and words; the statement before them decides alone."""
    body = b"INSERT INTO t FORMAT RowBinary\n" + rows
    head = insert_head(body)
    assert head is not None
    assert body[head.data_at :] == rows


@given(st.binary(max_size=200))
def test_any_bytes_give_words_and_no_error(garbage: bytes) -> None:
    assert all(garbage[start:end].decode().upper() == word for word, start, end in words(garbage))
    insert_head(garbage)
    forbidden(garbage)
    query_shape(garbage, "TSV")


@given(st.text(string.ascii_letters + " ;()", max_size=30))
def test_words_in_quotes_comments_and_brackets_are_not_words(inside: str) -> None:
    for around in ("'{}'", '"{}"', "`{}`", "/*{}*/", "--{}\n", "$${}$$", "$x${}$x$"):
        assert list(words(around.format(inside.replace("*/", "")).encode())) == []


@pytest.mark.parametrize(
    ("sql", "form"),
    [
        ("SELECT 1 INTO OUTFILE 'x'", "INTO OUTFILE"),
        ("select 1 into /* */ outfile 'x'", "INTO OUTFILE"),
        ("INSERT INTO t FROM INFILE 'x'", "FROM INFILE"),
        ("SYSTEM SHUTDOWN", "SYSTEM SHUTDOWN"),
        ("system\nkill", "SYSTEM KILL"),
    ],
)
def test_forms_that_end_the_owner_or_touch_files_are_found(sql: str, form: str) -> None:
    assert forbidden(sql.encode()) == form


@pytest.mark.parametrize("sql", ["SELECT 'INTO OUTFILE'", "SELECT `INTO` , outfile FROM t", "SYSTEM FLUSH LOGS"])
def test_their_names_alone_are_harmless(sql: str) -> None:
    assert forbidden(sql.encode()) is None


@pytest.mark.parametrize(
    ("sql", "form", "is_streamed"),
    [
        ("SELECT 1", "TabSeparated", True),
        ("SELECT 1\n FORMAT Native", "Native", True),
        ("SELECT format FROM t", "TabSeparated", True),
        ("SELECT 1 AS format\n FORMAT JSONEachRow", "JSONEachRow", True),
        ("SELECT 1 FORMAT JSON", "JSON", False),
        ("SELECT 1 FORMAT CSV SETTINGS max_threads = 1", "CSV", True),
        ("WITH 1 AS x SELECT x FORMAT Native", "Native", True),
        ("SELECT a, sum(b) FROM t GROUP BY a WITH TOTALS FORMAT Native", "Native", False),
        ("SHOW TABLES FORMAT Native", "Native", False),
        ("CREATE TABLE t (a Int8) ENGINE = Memory", "TabSeparated", False),
    ],
)
def test_how_an_answer_leaves(sql: str, form: str, is_streamed: bool) -> None:
    """Only formats whose blocks make one answer are streamed."""
    shape = query_shape(sql.encode(), "TabSeparated")
    assert (shape.format, shape.is_streamed) == (form, is_streamed)
