"""Which store a configuration means, and what is said when it does not answer."""

import http.server
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from pydantic import SecretStr

from config.model import Store
from store.endpoint.place import Endpoint, publish, withdraw
from store.errors import StoreUnavailable
from store.locate import StoreConnection, close, connect, may_answer
from store.migrate import steps
from tests.store.owners import store_at


def _server_store(endpoint: Endpoint, database: str = "/shadowbench", password: str | None = None) -> Store:
    """The shared owner as if it were a server of the user's."""
    url = f"clickhouse://writer:{password or endpoint.writer}@127.0.0.1:{endpoint.port}{database}"
    return Store(url=SecretStr(url), dir="/nonexistent/store")


def test_a_url_leads_to_its_server_and_database(endpoint: Endpoint) -> None:
    client = connect(_server_store(endpoint, "/elsewhere"), access="reader", start_owner=True)
    assert client.database == "elsewhere"
    close(client)
    client = connect(_server_store(endpoint, ""), access="writer", start_owner=True)
    assert client.database == "shadowbench"
    assert client.command("SELECT 1") == 1
    close(client)
    assert not Path("/nonexistent").exists()


def test_an_embedded_store_may_answer_while_its_owner_lives(tmp_path: Path) -> None:
    """A server of the user's may always: nobody knows better than it."""
    assert not may_answer(store_at(tmp_path))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as owner:
        publish(tmp_path, Endpoint(owner.pid, 1, "w", "r", "26.9", transient=False))
        assert may_answer(store_at(tmp_path))
    assert not may_answer(store_at(tmp_path))
    publish(tmp_path, Endpoint(os.getpid(), 1, "w", "r", "26.9", transient=False))
    assert may_answer(store_at(tmp_path))
    withdraw(tmp_path)
    assert not may_answer(store_at(tmp_path))
    assert may_answer(Store(url=SecretStr("clickhouse://127.0.0.1:1/db"), dir=str(tmp_path)))


def test_a_wrong_password_is_named_as_such_and_not_shown(endpoint: Endpoint) -> None:
    with pytest.raises(StoreUnavailable, match="Authentication failed") as caught:
        connect(_server_store(endpoint, password="hunter2"), access="reader", start_owner=True)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert f"127.0.0.1:{endpoint.port}" in str(caught.value)


def test_a_server_that_is_not_there_is_named_in_one_line() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"clickhouse://u:hunter2@127.0.0.1:{unused.getsockname()[1]}/db"
        with pytest.raises(StoreUnavailable, match="refused") as caught:
            connect(Store(url=SecretStr(url)), access="reader", start_owner=True)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_reading_from_a_server_changes_nothing_there(endpoint: Endpoint) -> None:
    client = connect(_server_store(endpoint), access="reader", start_owner=False)
    assert client.command("SELECT count() FROM schema_version") == len(steps())
    with pytest.raises(DatabaseError) as caught:
        client.command("INSERT INTO experiments SELECT 'x', 'x', 'x', now64(6)")
    assert caught.value.code == 164
    close(client)


def test_on_a_cluster_an_insert_is_acknowledged_when_it_is_on_its_shards(endpoint: Endpoint) -> None:
    """Asked for with every request; a reader asks for what a question in a question needs."""
    server = _server_store(endpoint)
    cluster = server.model_copy(update={"cluster": "prod"})
    asked = "SELECT getSetting('insert_distributed_sync'), getSetting('distributed_product_mode')"
    for access in ("writer", "reader"):
        client = connect(cluster, access=access, start_owner=False)
        assert client.query(asked).result_rows == [(True, "global")]
        close(client)
    client = connect(server, access="writer", start_owner=False)
    assert client.query(asked).result_rows == [(False, "deny")]
    close(client)


def test_special_characters_in_a_url_are_decoded(endpoint: Endpoint) -> None:
    """`%2F` in a password is a slash: the wrong password reaches the server as it was meant."""
    with pytest.raises(StoreUnavailable, match="Authentication failed"):
        connect(_server_store(endpoint, password="a%2Fb%40c"), access="writer", start_owner=True)


@pytest.fixture
def stranger() -> Iterator[int]:
    """Another program on the port that an owner had before it died."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_error(404)

        do_GET = do_POST  # noqa: N815 - the base class's name

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_stranger_on_a_dead_owners_port_is_no_store(tmp_path: Path, stranger: int) -> None:
    publish(tmp_path, Endpoint(pid=os.getpid(), port=stranger, writer="w", reader="r", version="1", transient=False))
    with pytest.raises(StoreUnavailable):
        connect(store_at(tmp_path), access="reader", start_owner=False)


def test_without_an_owner_nothing_is_started_unless_asked_for(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="shadowbench serve"):
        connect(store_at(tmp_path / "store"), access="reader", start_owner=False)
    assert not (tmp_path / "store").exists()


def test_an_http_proxy_of_the_environment_is_not_asked_for_loopback(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    client = connect(shared_store, access="reader", start_owner=False)
    assert client.command("SELECT 1") == 1
    close(client)


def test_a_connection_keeps_its_client_until_it_is_dropped(shared_store: Store) -> None:
    connection = StoreConnection(shared_store, access="reader")
    first = connection.client()
    assert connection.client() is first
    connection.drop()
    assert connection.client() is not first
    connection.drop()
