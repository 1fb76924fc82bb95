"""A client that dies over an insert: its rows are in the table and in what views make of them, or in neither."""

import json
import socket
import time
from urllib.parse import quote

from clickhouse_connect.driver.client import Client

from store.endpoint.place import DATABASE, Endpoint

ROWS = 20_000
PATIENCE_S = 30.0
QUIET_S = 0.3
_TRIES = 12
_COUNTS = """
SELECT (SELECT count() FROM judge_calls WHERE judge = {judge:String}),
    (SELECT sum(asked) FROM judge_spend WHERE judge = {judge:String})
"""


def test_an_insert_is_whole_or_not_there_whenever_its_client_dies(endpoint: Endpoint, writer: Client) -> None:
    """A dead client sends nothing again, so what was cut off half-way would stay so: in the table and not in a view."""
    lasts_s = _insert(endpoint, "lives", None)
    assert _settled(writer, "lives") == (ROWS, ROWS)
    found = []
    for number in range(_TRIES):
        judge = f"dies-{number}"
        _insert(endpoint, judge, lasts_s * number / _TRIES)
        found.append(_settled(writer, judge))
    assert set(found) <= {(0, 0), (ROWS, ROWS)}, found
    assert (ROWS, ROWS) in found, "who has sent everything may go"


def _settled(writer: Client, judge: str) -> tuple[int, int]:
    """Rows of the table, and those that the view has counted, once they do not change any more."""
    deadline_s, since_s, counts = time.monotonic() + PATIENCE_S, time.monotonic(), (-1, -1)
    while time.monotonic() - since_s < QUIET_S:
        assert time.monotonic() < deadline_s
        n, counted = writer.query(_COUNTS, {"judge": judge}).result_rows[0]
        if (now := (int(n), int(counted))) != counts:
            counts, since_s = now, time.monotonic()
    return counts


def _insert(endpoint: Endpoint, judge: str, dies_after_s: float | None) -> float:
    """Sends the rows, and goes away so long after them; None: when they are acknowledged. Seconds after the sending."""
    line = json.dumps({"judge": judge, "stage": "asked", "call": "01a1fea6-3feb-7a9c-8c40-dae56c8d2b3c"}) + "\n"
    body, sql = (line * ROWS).encode(), "INSERT INTO judge_calls (judge, stage, call) FORMAT JSONEachRow"
    head = [
        f"POST /?database={DATABASE}&query={quote(sql)} HTTP/1.1",
        "Host: store",
        "X-ClickHouse-User: writer",
        f"X-ClickHouse-Key: {endpoint.writer}",
        f"Content-Length: {len(body)}",
    ]
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=PATIENCE_S) as client:
        client.sendall("\r\n".join([*head, "", ""]).encode() + body)
        sent_s = time.monotonic()
        if dies_after_s is None:
            assert client.recv(64).startswith(b"HTTP/1.1 200")
        else:
            time.sleep(dies_after_s)
        return time.monotonic() - sent_s
