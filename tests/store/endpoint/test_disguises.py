"""Statements of a reader that look like others: none gets at files, hosts, passwords or other people's statements."""

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
import urllib3

from store.endpoint.place import Endpoint
from store.endpoint.reading import FORMATS
from store.endpoint.statement import forbidden
from tests.store.endpoint.test_reading import REFUSED, SECRET, UNKNOWN_NAME, Listener, listener, secret

__all__ = ["listener", "secret"]

ATTACKS = """
SELECT ‘'’ INTO OUTFILE '$O'
SELECT “"” FROM (SELECT 1 AS “"”) INTO OUTFILE '$O'
SELECT ‘’’ INTO OUTFILE '$O'
SELECT ‘$F’ AS a, file(a)
SELECT “file”('$F')
SELECT * FROM “$F”
SELECT 1 INTO\u00a0OUTFILE '$O'
SELECT 1 INTO\u3000OUTFILE '$O'
SELECT 1 INTO\u200bOUTFILE '$O'
SELECT 1 // '
  INTO OUTFILE '$O'
SELECT 1 # '
  INTO OUTFILE '$O'
SELECT 1 #!'
  INTO OUTFILE '$O'
SELECT 1 −− '
  INTO OUTFILE '$O'
SELECT $$'$$ INTO OUTFILE '$O'
SELECT $a$'$a$ INTO OUTFILE '$O'
SELECT $a$ $b$ $a$ INTO OUTFILE '$O'
SELECT '\\'' INTO OUTFILE '$O'
SELECT '''' INTO OUTFILE '$O'
SELECT 1 AS `\\`` INTO OUTFILE '$O'
SELECT x'41' INTO OUTFILE '$O'
SELECT 'a' 'b' INTO OUTFILE '$O'
SELECT 1 /* /* */ INTO OUTFILE '$O' */
SELECT 1 INTO OUTFILE '$O' AND STDOUT
SELECT 1 INTO OUTFILE '$O' COMPRESSION 'gzip' LEVEL 1
SELECT 1 FORMAT CSV INTO OUTFILE '$O'
SELECT [1) INTO OUTFILE '$O'
SHOW TABLES INTO OUTFILE '$O'
DESCRIBE pairs INTO OUTFILE '$O'
EXISTS pairs INTO OUTFILE '$O'
EXPLAIN SELECT 1 INTO OUTFILE '$O'
SHOW TABLES FORMAT Template
DESCRIBE pairs FORMAT Template
EXISTS pairs FORMAT Protobuf
SHOW TABLES SETTINGS max_threads = 1
EXPLAIN SELECT 1 SETTINGS additional_result_filter = 'file(''$F'') != '''''
EXPLAIN indexes = 1 SELECT 1
SELECT * FROM values('a String', file('$F'))
SELECT * FROM numbers(length(file('$F')))
SELECT * FROM (SELECT * FROM file('$F')) AS numbers
SELECT numbers.* FROM url('http://127.0.0.1:$P/', CSV) AS numbers
WITH numbers AS (SELECT * FROM s3('http://127.0.0.1:$P/b/k', CSV)) SELECT * FROM numbers
WITH (SELECT * FROM remote('127.0.0.1:$P', system.one)) AS x SELECT x
SELECT * FROM pairs WHERE batch IN (SELECT a FROM mysql('127.0.0.1:$P', 'd', 't', 'u', 'p'))
SELECT * FROM pairs AS p JOIN executable('cat $F', TSV, 'a String') AS q ON 1
SELECT * FROM input('a String') FORMAT CSV
SELECT * FROM mergeTreeIndex('shadowbench', 'pairs')
SELECT * FROM mergeTreeParts('shadowbench', 'pairs')
SELECT * FROM arrowFlight('127.0.0.1:$P', 'x')
SELECT * FROM ytsaurus('127.0.0.1:$P', 'b', 'c', 'd')
SELECT * FROM paimonLocal('$F')
SELECT * FROM hudi('http://127.0.0.1:$P/x')
SELECT * FROM fuzzQuery('SELECT 1')
SELECT dictGetOrDefault('d', 'a', 1, 2), dictHas('d', 1)
SELECT * FROM system.dictionaries
SELECT * FROM system.user_processes
SELECT * FROM system.view_refreshes
SELECT * FROM system.environment
SELECT * FROM system.mutations
SELECT * FROM system.text_log
SELECT * FROM system.asynchronous_insert_log
SELECT * FROM system.detached_parts
SELECT * FROM system.remote_data_paths
SELECT * FROM `system`.`named_collections`
SELECT * FROM system.`settings_profiles`
SELECT count() FROM system.tables AS t, system.processes AS p
SELECT hostName(), serverUUID()
SELECT filesystemAvailable()
SELECT currentProfiles(), initialQueryID()
SELECT getMacro('x')
SELECT regionToName(1)
SELECT lemmatize('en', 'x')
SELECT {f:Identifier}('$F')
SELECT * FROM {s:Identifier}
SELECT 1 IN {s:Identifier}
SHOW INDEX FROM pairs
SHOW CLUSTERS
SHOW FUNCTIONS
SHOW DICTIONARIES
SHOW GRANTS
SHOW ACCESS
SHOW USERS
SHOW CREATE USER default
SHOW NAMED COLLECTIONS
BEGIN TRANSACTION
SET TRANSACTION SNAPSHOT 1
UNDROP TABLE pairs
MOVE ROLE a TO b
CREATE WORKLOAD w
DROP FUNCTION f
SYSTEM STOP MERGES
SYSTEM DROP MARK CACHE
KILL MUTATION WHERE 1
"""


def attacks() -> list[str]:
    """One per line; one that begins with spaces goes on with the one before."""
    return re.split(r"\n(?! )", ATTACKS.strip())


def ask(endpoint: Endpoint, sql: str, parameters: dict[str, str]) -> urllib3.BaseHTTPResponse:
    """A request as nobody's library would make it."""
    return urllib3.request(
        "POST",
        f"http://127.0.0.1:{endpoint.port}/?{urlencode(parameters)}",
        body=sql.encode(),
        headers=urllib3.make_headers(basic_auth=f"reader:{endpoint.reader}"),
        timeout=60,
        retries=False,
    )


@pytest.mark.parametrize("attack", attacks())
def test_no_disguise_helps(attack: str, endpoint: Endpoint, secret: Path, listener: Listener, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sql = attack.replace("$F", str(secret)).replace("$O", str(out)).replace("$P", str(listener.port))
    response = ask(endpoint, sql, {"param_f": "file", "param_s": "system.processes"})
    assert SECRET.encode() not in response.data
    assert not out.exists()
    assert not listener.was_called()
    assert int(response.headers["X-ClickHouse-Exception-Code"]) in REFUSED | UNKNOWN_NAME, response.data


@pytest.mark.parametrize(
    "name", ["Template", "CustomSeparated", "Protobuf", "CapnProto", "MySQLWire", "Nope", "CSV INTO"]
)
def test_a_format_in_the_url_is_one_of_the_known_ones(name: str, endpoint: Endpoint) -> None:
    """Some formats read a schema or a template from a file."""
    assert name not in FORMATS
    for sql in ("SELECT 1", "SHOW TABLES", "DESCRIBE pairs"):
        assert ask(endpoint, sql, {"default_format": name}).headers["X-ClickHouse-Exception-Code"] == "497"


@pytest.mark.parametrize(
    "text",
    ["‘", "“", "/*", "//", "'\\", '"\\', "`\\", "$a", "$$", "''", "\\'", "(", "x'"],
)
def test_a_text_is_looked_through_once_however_its_quotes_stand(text: str) -> None:
    """A megabyte of openings that are never closed took minutes, in which nobody else was answered."""
    assert forbidden(b"SELECT " + text.encode() * (2**20 // len(text.encode()))) is None
    assert forbidden(b" ".join(b"$%d$" % n for n in range(50_000))) is None
