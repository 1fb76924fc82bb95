"""The reader's password opens our tables and nothing else: no file, no other host, no program, no write."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from store.endpoint import reading
from store.endpoint.functions import AGGREGATES, SCALARS, TABLE_FUNCTIONS, is_allowed
from store.endpoint.place import Endpoint
from store.locate import connect_to
from store.migrate import steps

SECRET = "the-secret-that-nobody-may-read"
REFUSED = {62, 115, 164, 344, 497}
"""Refused by us, or no statement at all."""
UNKNOWN_NAME = {47, 60}
"""A bare name is one of our own tables or columns, and there is none."""


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secret") / "secret.csv"
    path.write_text(f"{SECRET}\n")
    return path


ATTACKS = """
SELECT file('$F')
SELECT `file`('$F')
SELECT "file"('$F')
SELECT FILE('$F')
SELECT file /* c */ ('$F')
SELECT file -- c
  ('$F')
SELECT fi/**/le('$F')
SELECT file(concat('$F', ''))
SELECT file({p:String})
SELECT upper(lower(file('$F')))
SELECT 1 + (SELECT length(file('$F')))
SELECT arrayMap(x -> file(x), ['$F'])
SELECT arrayMap(file, ['$F'])
SELECT arrayMap("file", ['$F'])
SELECT arrayFilter(x -> file(x) != '', ['$F'])
SELECT arrayFold((a, x) -> a || file(x), ['$F'], '')
SELECT mapApply((k, v) -> (k, file(v)), map('a', '$F'))
WITH x -> file(x) AS f SELECT f('$F')
WITH file AS f SELECT arrayMap(f, ['$F'])
WITH 'file' AS f SELECT f('$F')
WITH x AS (SELECT file('$F') AS a) SELECT a FROM x
WITH RECURSIVE x AS (SELECT file('$F') AS a) SELECT a FROM x
SELECT * APPLY(file) FROM (SELECT '$F')
SELECT * APPLY file FROM (SELECT '$F')
SELECT * APPLY(x -> file(x)) FROM (SELECT '$F')
SELECT COLUMNS('a') APPLY(file) FROM (SELECT '$F' AS a)
SELECT t.* APPLY(file) FROM (SELECT '$F') AS t
SELECT t.COLUMNS('a') APPLY(file) FROM (SELECT '$F' AS a) AS t
SELECT * REPLACE(file(a) AS a) FROM (SELECT '$F' AS a)
SELECT 1 ORDER BY file('$F')
SELECT 1 ORDER BY 1 WITH FILL FROM length(file('$F')) TO 99 STEP 1
SELECT 1 AS a ORDER BY a WITH FILL TO 3 INTERPOLATE (a AS length(file('$F')))
SELECT 1 LIMIT length(file('$F'))
SELECT 1 LIMIT 1 BY file('$F')
SELECT 1 GROUP BY file('$F')
SELECT 1 GROUP BY GROUPING SETS ((file('$F')), (1))
SELECT 1 HAVING file('$F') != ''
SELECT 1 WHERE file('$F') != ''
SELECT 1 QUALIFY file('$F') != ''
SELECT count() FILTER (WHERE file('$F') != '')
SELECT sum(1) OVER (PARTITION BY file('$F'))
SELECT sum(1) OVER (ORDER BY file('$F') ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)
SELECT sum(1) OVER w WINDOW w AS (PARTITION BY file('$F'))
SELECT quantile(length(file('$F')))(1)
SELECT DISTINCT ON (file('$F')) 1
SELECT 1 ARRAY JOIN [file('$F')] AS x
SELECT * FROM (SELECT 1 AS a) AS x JOIN (SELECT 1 AS b) AS y ON file('$F') != ''
SELECT CASE file('$F') WHEN '' THEN 1 ELSE 2 END
SELECT file('$F')::String
SELECT file('$F').1
SELECT [file('$F')], (file('$F'), 1)
SELECT 1 IN (SELECT length(file('$F')))
SELECT EXISTS(SELECT file('$F'))
SELECT 1 UNION ALL SELECT length(file('$F'))
SELECT 1 EXCEPT SELECT length(file('$F'))
SELECT 1 INTERSECT SELECT length(file('$F'))
FROM (SELECT file('$F') AS a) SELECT a
(SELECT file('$F'))
SELECT 1 |> WHERE file('$F') != ''
SELECT * FROM file('$F')
SELECT * FROM `file`('$F', 'CSV', 'a String')
SELECT * FROM File('$F', CSV)
SELECT * FROM fileCluster('c', '$F')
SELECT * FROM (SELECT * FROM file('$F'))
SELECT * FROM numbers(1) JOIN file('$F') ON 1
SELECT 1 IN file('$F')
SELECT * FROM view(SELECT * FROM file('$F'))
SELECT * FROM viewIfPermitted(SELECT * FROM file('$F') ELSE null('a String'))
SELECT * FROM viewExplain('EXPLAIN', '', (SELECT * FROM file('$F')))
SELECT * FROM eval('SELECT file(''$F'')')
SELECT * FROM loop(file('$F'))
SELECT * FROM format(CSV, file('$F'))
SELECT * FROM executable('cat $F', TSV, 'a String')
SELECT * FROM python('x')
SELECT * FROM filesystem('$F')
SELECT * FROM sqlite('$F', 't')
SELECT * FROM icebergLocal('$F')
SELECT * FROM deltaLakeLocal('$F')
SELECT * FROM url('http://127.0.0.1:$P/', CSV, 'a String')
SELECT * FROM urlCluster('c', 'http://127.0.0.1:$P/', CSV)
SELECT * FROM s3('http://127.0.0.1:$P/b/k', CSV)
SELECT * FROM gcs('http://127.0.0.1:$P/b/k', CSV)
SELECT * FROM azureBlobStorage('http://127.0.0.1:$P/b')
SELECT * FROM hdfs('hdfs://127.0.0.1:$P/x')
SELECT * FROM remote('127.0.0.1:$P', system.one)
SELECT * FROM remoteSecure('127.0.0.1:$P', system.one)
SELECT * FROM cluster('default', system.one)
SELECT * FROM clusterAllReplicas('default', system.one)
SELECT * FROM mysql('127.0.0.1:$P', 'd', 't', 'u', 'p')
SELECT * FROM postgresql('127.0.0.1:$P', 'd', 't', 'u', 'p')
SELECT * FROM mongodb('127.0.0.1:$P', 'd', 't', 'u', 'p')
SELECT * FROM redis('127.0.0.1:$P', 'a', 'a String')
SELECT * FROM odbc('DSN=x', 't')
SELECT * FROM jdbc('x', 't')
SELECT * FROM merge('.*', '.*')
SELECT * FROM merge(REGEXP('.*'), '.*')
SELECT * FROM dictionary('d')
SELECT * FROM generateRandom('a String')
SELECT * FROM input('a String')
SELECT * FROM `$F`
SELECT * FROM "$F"
SELECT * FROM '$F'
SELECT * FROM default.`$F`
SELECT * FROM `default`."$F"
SELECT * FROM `default.$F`
SELECT * FROM Default.`$F`
SELECT * FROM {d:Identifier}.{f:Identifier}
SELECT * FROM {f:Identifier}
SELECT * FROM numbers(1) JOIN default.`$F` ON 1
SELECT 'x' IN default.`$F`
SELECT 'x' IN `$F`
SELECT 'x' IN {f:Identifier}
SELECT * FROM system.processes
SELECT * FROM system.named_collections
SELECT * FROM system.server_settings
SELECT * FROM system.disks
SELECT * FROM system.query_log
SELECT * FROM `system`.`users`
SELECT 1 IN system.processes
SELECT * FROM information_schema.tables
SELECT * FROM INFORMATION_SCHEMA.TABLES
SELECT hasColumnInTable('127.0.0.1:$P', 'd', 't', 'c')
SELECT joinGet('d.t', 'v', 1)
SELECT dictGet('d', 'a', 1)
SELECT getClientHTTPHeader('Authorization')
SELECT showCertificate()
SELECT getServerSetting('path')
SELECT sleep(3)
SELECT sleepEachRow(3) FROM numbers(9)
SELECT evalMLMethod(1, 2)
SELECT aiGenerate('x')
SELECT @@version
SELECT addressToLine(1)
SELECT formatRow('Template', 1)
SELECT catboostEvaluate('$F', 1)
SELECT db.file('$F')
SELECT 1 INTO OUTFILE '$O'
SELECT 1 INTO /* */ OUTFILE '$O' FORMAT CSV
SELECT 1 INTO
OUTFILE '$O' TRUNCATE
(SELECT 1) INTO OUTFILE '$O'
SELECT * FROM (SELECT 1 INTO OUTFILE '$O')
SELECT 1 FORMAT Template
SELECT 1 FORMAT Protobuf
SELECT 1 FORMAT CSV SETTINGS format_schema = '$F'
SELECT 1 SETTINGS additional_result_filter = 'file(''$F'') != '''''
SELECT 1 SETTINGS dialect = 'kusto'
SELECT (SELECT 1 SETTINGS readonly = 0)
SET readonly = 0
SET max_memory_usage = 0
USE default
DESCRIBE file('$F')
DESCRIBE TABLE url('http://127.0.0.1:$P/')
DESCRIBE (SELECT file('$F'))
DESCRIBE default.`$F`
DESC s3('http://127.0.0.1:$P/b/k')
SHOW TABLES WHERE file('$F') != ''
SHOW TABLES FROM default LIKE file('$F')
SHOW TABLES LIMIT length(file('$F'))
SHOW COLUMNS FROM pairs WHERE file('$F') != ''
SHOW CREATE TABLE default.`$F`
SHOW CREATE TABLE system.processes
SHOW PROCESSLIST
SHOW FULL TABLES
SHOW SETTINGS LIKE 'x'
SHOW ENGINES
EXISTS TABLE default.`$F`
EXISTS default.`$F`
EXPLAIN SELECT file('$F')
EXPLAIN AST SELECT file('$F')
EXPLAIN SYNTAX SELECT file('$F')
EXPLAIN PIPELINE SELECT file('$F')
EXPLAIN ESTIMATE SELECT * FROM file('$F')
EXPLAIN QUERY TREE SELECT * FROM file('$F')
EXPLAIN TABLE OVERRIDE mysql('127.0.0.1:$P', 'd', 't', 'u', 'p') PARTITION BY 1
EXPLAIN AST graph = 1 SELECT file('$F')
graph = 1 SELECT file('$F')
json = 1 SELECT 1
EXECUTE AS default SELECT 1
SELECT 1 PARALLEL WITH SELECT 2
SELECT 1; SELECT file('$F')
SELECT 1;; DROP TABLE pairs
CHECK TABLE pairs
INSERT INTO pairs (batch) VALUES ('x')
INSERT INTO pairs (batch) SELECT 'x'
INSERT INTO FUNCTION file('$O') VALUES (1)
INSERT INTO FUNCTION file('$O') SELECT 1
INSERT INTO pairs FROM INFILE '$F' FORMAT CSV
CREATE TABLE x (a Int8) ENGINE = Memory
CREATE TEMPORARY TABLE x (a Int8)
CREATE TEMPORARY TABLE x AS file('$F')
CREATE TABLE x ENGINE = File(CSV, '$F')
CREATE VIEW x AS SELECT file('$F')
CREATE FUNCTION f AS x -> file(x)
CREATE DICTIONARY d (a String) PRIMARY KEY a SOURCE(FILE(PATH '$F' FORMAT CSV)) LAYOUT(FLAT()) LIFETIME(0)
CREATE NAMED COLLECTION c AS a = 1
ATTACH TABLE x FROM '$F' (a String) ENGINE = File(CSV)
ALTER TABLE pairs DELETE WHERE 1
DELETE FROM pairs WHERE 1
UPDATE pairs SET batch = '' WHERE 1
OPTIMIZE TABLE pairs
TRUNCATE TABLE pairs
DROP TABLE pairs
DROP DATABASE shadowbench
RENAME TABLE pairs TO x
EXCHANGE TABLES pairs AND skips
DETACH TABLE pairs
KILL QUERY WHERE 1
SYSTEM SHUTDOWN
SYSTEM KILL
SYSTEM FLUSH LOGS
SYSTEM RELOAD CONFIG
SYSTEM START LISTEN HTTP
BACKUP TABLE pairs TO File('$O')
RESTORE TABLE pairs FROM File('$F')
GRANT ALL ON *.* TO default
CREATE USER u
"""


def attacks() -> list[str]:
    """One per line; a line that begins with a space, or with OUTFILE, continues the one before."""
    return re.split(r"\n(?! |OUTFILE)", ATTACKS.strip())


class Listener:
    """A port that must never hear from the engine."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port: int = self.socket.getsockname()[1]

    def was_called(self) -> bool:
        try:
            self.socket.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.socket.close()


@pytest.mark.parametrize("attack", attacks())
def test_the_reader_cannot(attack: str, reader: Client, secret: Path, listener: Listener, tmp_path: Path) -> None:
    """Refused before anything of it runs, with and without the format that clients add."""
    out = tmp_path / "out"
    sql = attack.replace("$F", str(secret)).replace("$O", str(out)).replace("$P", str(listener.port))
    binds = {"p": str(secret), "d": "default", "f": str(secret)}
    for ask in (reader.raw_query, reader.query):
        with pytest.raises(DatabaseError) as caught:
            ask(sql, parameters=binds if re.search(r"\{\w:", sql) else None)
        assert SECRET not in str(caught.value)
        assert caught.value.code in REFUSED | UNKNOWN_NAME, str(caught.value)
    assert not out.exists()
    assert not listener.was_called()


def test_the_engine_would_do_it_otherwise(writer: Client, secret: Path) -> None:
    """The attacks are real: with the writer's password the same statements read the file."""
    for sql in (
        f"SELECT file('{secret}')",
        f"SELECT arrayMap(file, ['{secret}'])",
        f"SELECT * APPLY(file) FROM (SELECT '{secret}')",
        f"SELECT * FROM file('{secret}', 'LineAsString')",
        f"SELECT 1 SETTINGS additional_result_filter = 'throwIf(file(''{secret}'') != '''', file(''{secret}''))'",
    ):
        try:
            found = writer.raw_query(sql).decode()
        except DatabaseError as error:
            found = str(error)
        assert SECRET in found, sql


@pytest.mark.parametrize(
    "settings",
    [
        {"readonly": "0"},
        {"additional_result_filter": "file('/etc/hostname') != ''"},
        {"additional_table_filters": "{'system.one': 'file(''/etc/hostname'') != '''''}"},
        {"format_schema": "x"},
        {"format_template_row": "/etc/hostname"},
        {"dialect": "kusto"},
        {"max_memory_usage": "0"},
        {"max_execution_time": "0"},
        {"log_comment": "x"},
        {"allow_introspection_functions": "1"},
        {"implicit_select": "1"},
    ],
)
def test_settings_in_the_url_open_nothing(endpoint: Endpoint, settings: dict[str, str]) -> None:
    response = raw(endpoint, "SELECT 1", settings)
    assert (response.status, response.headers["X-ClickHouse-Exception-Code"]) == (403, "164")


@pytest.mark.parametrize("database", ["default", "system", "information_schema", "DEFAULT", "shadowbench`; x"])
def test_another_database_is_not_open(endpoint: Endpoint, database: str) -> None:
    response = raw(endpoint, "SELECT 1", {"database": database})
    assert response.headers["X-ClickHouse-Exception-Code"] == "497"


def raw(endpoint: Endpoint, sql: str, parameters: dict[str, str]) -> urllib3.BaseHTTPResponse:
    """A request without a client library, which would leave out what it does not know."""
    return urllib3.request(
        "POST",
        f"http://127.0.0.1:{endpoint.port}/?{urlencode(parameters)}",
        body=sql.encode(),
        headers=urllib3.make_headers(basic_auth=f"reader:{endpoint.reader}"),
        timeout=30,
        retries=False,
    )


ALLOWED = """
SELECT 1
SELECT count() FROM pairs
SELECT shadowbench.pairs.batch FROM shadowbench.pairs
SELECT candidate, count() AS n, quantilesTDigest(0.5, 0.95)(primary_total_ms), sumIf(1, stream) FROM pairs GROUP BY ALL
SELECT toStartOfHour(ts) AS h, avgOrNull(candidate_total_ms - primary_total_ms) FROM pairs GROUP BY h ORDER BY h
WITH x AS (SELECT 1 AS a UNION ALL SELECT 2) SELECT sum(a) FROM x
SELECT labels['tenant'], mapKeys(labels) FROM pairs ARRAY JOIN changed AS c WHERE c LIKE 'a%'
SELECT * EXCEPT (batch) FROM pairs ORDER BY ts DESC LIMIT 1 BY candidate LIMIT 5
SELECT row_number() OVER (PARTITION BY candidate ORDER BY ts) FROM pairs
SELECT a.request_id FROM pairs AS a LEFT JOIN skips AS b USING (request_id) WHERE a.ts > now() - INTERVAL 1 DAY
SELECT number, number % 2 ? 'odd' : 'even' FROM numbers(5) WHERE number BETWEEN 1 AND 3
SELECT arrayMap(x -> x * 2, [1, 2]), arraySum([1, 2]), tuple(1, 'a').2, CAST(1 AS Decimal(9, 2))
SELECT welchTTest(0.95)(primary_total_ms, bucket) FROM pairs
SELECT quantileExactWeightedMerge(s) FROM (SELECT quantileExactWeightedState(number, 1) AS s FROM numbers(3))
SELECT * FROM system.numbers LIMIT 3
SELECT name FROM system.tables WHERE database = currentDatabase()
SHOW TABLES
SHOW DATABASES
DESCRIBE pairs
DESCRIBE TABLE shadowbench.skips
EXISTS TABLE pairs
SHOW CREATE TABLE pairs
EXPLAIN SELECT count() FROM pairs
SELECT 'file(''/etc/passwd'')' AS quoted, "batch" /* file() */ FROM pairs -- INTO OUTFILE
"""


@pytest.mark.parametrize("sql", ALLOWED.strip().split("\n"))
def test_the_reader_can(sql: str, reader: Client) -> None:
    reader.query(sql)


def test_parameters_reach_the_statement_as_values(reader: Client) -> None:
    """Text that looks like a call stays text."""
    found = reader.query("SELECT {a:String} AS a, {b:Array(UInt32)} AS b", {"a": "file('x')", "b": [1, 2]})
    assert found.result_rows == [("file('x')", [1, 2])]


def test_a_table_may_be_named_by_a_parameter(reader: Client) -> None:
    assert reader.query("SELECT count() FROM {t:Identifier}", {"t": "schema_version"}).result_rows == [(len(steps()),)]


def test_a_syntax_error_names_the_place_in_the_clients_own_text(reader: Client) -> None:
    with pytest.raises(DatabaseError, match=r"position 11 .*line 2, col 2") as caught:
        reader.raw_query("SELECT 1\n )")
    assert caught.value.code == 62


def test_a_readers_query_has_limits_below_those_of_the_engine(reader: Client, writer: Client) -> None:
    """Inserts go on beside a runaway report."""
    asked = "SELECT getSetting('max_memory_usage'), getSetting('max_execution_time'), getSetting('readonly')"
    memory, seconds, readonly = reader.query(asked).result_rows[0]
    total = int(str(writer.command("SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage'")))
    assert 0 < memory < 0.7 * total
    assert (seconds, readonly) == (300, 1)


def test_allowed_names_are_functions_of_the_engine_and_none_of_the_dangerous_ones(writer: Client) -> None:
    """A name that the engine does not know is a slip; one that reads elsewhere is worse."""
    rows = writer.query("SELECT lower(name), max(is_aggregate) FROM system.functions GROUP BY 1").result_rows
    known = {name: bool(aggregate) for name, aggregate in rows}
    of_the_parser = {"casewithexpression", "exists", "lambda", "_cast"}
    assert SCALARS - known.keys() <= of_the_parser
    assert not AGGREGATES - known.keys()
    assert not {name for name in AGGREGATES if not known[name]} & SCALARS
    # A quoted name with line breaks can make a table function look like a scalar one, so no name may be harmless as
    # the one and harmful as the other; `format` reads its own argument.
    every_table_function = {
        row[0] for row in writer.query("SELECT lower(name) FROM system.table_functions").result_rows
    }
    assert {name for name in every_table_function if is_allowed(name)} <= TABLE_FUNCTIONS | {"format"}
    assert every_table_function >= TABLE_FUNCTIONS
    dangerous = re.compile(
        r"file|url$|http|s3|remote|cluster|dict|joinget|sleep|exec|python|eval|secret|header|ai[a-z]+"
    )
    found = {name for name in SCALARS | AGGREGATES | TABLE_FUNCTIONS if dangerous.fullmatch(name)}
    assert not found


def test_a_combinator_is_judged_by_what_it_stands_on() -> None:
    assert is_allowed("sumIf")
    assert is_allowed("quantilesTDigestOrNullIf")
    assert is_allowed("countDistinctStateIf")
    assert not is_allowed("fileIf")
    assert not is_allowed("StateIf")
    assert not is_allowed("groupFormatIf")


def test_an_unreadable_tree_is_refused() -> None:
    """Names can hold line breaks; a line that is no node is not guessed at."""
    assert reading.fault("x", "SelectWithUnionQuery (children 1)\n Identifier a\nb", lambda _: False)
    assert reading.fault("x", "", lambda _: False)
    assert reading.fault("x", "SelectWithUnionQuery (children 1)\n NewNode", lambda _: False)


def test_a_quoted_name_cannot_pass_for_another(reader: Client) -> None:
    for sql in ("SELECT `a\n Function plus` FROM pairs", "SELECT * FROM `a\nb`", "SELECT `plus (children 1)`(1, 2)"):
        with pytest.raises(DatabaseError) as caught:
            reader.query(sql)
        assert caught.value.code in {46, 47, 60, 497}


def test_nobody_gets_in_without_a_password(endpoint: Endpoint) -> None:
    url = f"http://127.0.0.1:{endpoint.port}/"
    wrong: list[dict[str, Any]] = [
        {},
        {"headers": urllib3.make_headers(basic_auth="reader:")},
        {"headers": urllib3.make_headers(basic_auth=f"writer:{endpoint.reader}")},
        {"headers": urllib3.make_headers(basic_auth=f"default:{endpoint.writer}")},
        {"headers": {"Authorization": "Basic !!!"}},
        {"headers": {"X-ClickHouse-User": "writer", "X-ClickHouse-Key": "x"}},
        {"fields": {"user": "writer", "password": endpoint.writer}},
    ]
    for options in wrong:
        response = urllib3.request("GET", url, timeout=30, retries=False, **options)
        assert (response.status, response.headers["X-ClickHouse-Exception-Code"]) == (403, "516")


def test_a_get_request_never_writes(endpoint: Endpoint) -> None:
    """A link or an image in a page makes GET requests."""
    login = urllib3.make_headers(basic_auth=f"writer:{endpoint.writer}")
    for sql in ("CREATE TABLE got (a Int8) ENGINE = Memory", "INSERT INTO counters VALUES (1, 'a', 'b', 'c', 1)"):
        response = urllib3.request(
            "GET", f"http://127.0.0.1:{endpoint.port}/", fields={"query": sql}, headers=login, timeout=30, retries=False
        )
        assert response.headers["X-ClickHouse-Exception-Code"] == "164"


def test_the_readers_client_sees_its_database(endpoint: Endpoint) -> None:
    client = connect_to(endpoint, "reader")
    assert client.database == "shadowbench"
    client.close_connections()
