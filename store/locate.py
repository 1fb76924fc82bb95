"""Finds the store of a configuration: the server that it names, the embedded owner, or one started for the question."""

import contextlib
import logging
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import SplitResult, unquote, urlsplit

import clickhouse_connect
import urllib3
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, ProgrammingError

from config.model import Store
from store.endpoint.claim import is_alive
from store.endpoint.place import DATABASE, Endpoint, read_endpoint
from store.errors import StoreUnavailable
from store.spawn import start_owner_process

Access = Literal["reader", "writer"]

CONNECT_S = 5
"""Name lookup, TCP and TLS."""
_ANSWER_S = {"reader": 310, "writer": 120}
"""Silence after which a request is given up: a little more than the endpoint lets a reader's query run, and less than
a recorder should wait with the same batch."""
_START_S = 60.0
"""An owner must answer within this; a directory of many parts takes seconds to open."""
_POLL_S = 0.05
_PUBLISH_S = 10.0
"""An owner that has the directory publishes within this, or another one is started."""
_ACCESS_SETTINGS: Mapping[Access, Mapping[str, str]] = {"reader": {"readonly": "2"}, "writer": {}}
_CLUSTER_SETTINGS = {
    # Rows are on their shards when an insert is acknowledged, under the token that they came with: the same rows go to
    # the same shards, each of which knows for itself what it has. (Older servers know this name, newer ones as well.)
    "insert_distributed_sync": "1",
    # A question in a question is answered once, for all shards.
    "distributed_product_mode": "global",
    # A machine that is away is an error in time, before this client gives up on the answer.
    "distributed_ddl_task_timeout": "90",
}

_WRAPPING = re.compile(r"^(Code: \d+\. DB::Exception: )+|( \(version [^()]*(\([^()]*\))?\)\.?( \([A-Z_]+\))?)+$")
"""An error of the engine inside an error of the engine, and versions that nobody asked for."""
_CONNECTION = re.compile(r"^HTTPS?Connection(Pool)?\([^()]*\): ")
"""The address, in the driver's words; ours stands before it."""

# Its warnings repeat what the raised error says; without a handler Python prints them to stderr.
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())


def connect(store: Store, *, access: Access, start_owner: bool) -> Client:
    """A client of the configured store, with `Client.database` set; it serves one thread at a time.

    Args:
        store: the configuration's `store`.
        access: `reader` can read the tables and nothing else (embedded), or change nothing (a server).
        start_owner: embedded and nobody owns the directory: start an owner that quits when idle.

    Raises:
        StoreUnavailable: no server, no owner, or it does not answer.
    """
    if store.url is not None:
        return _server_client(store, store.url.get_secret_value(), access)
    return _embedded_client(Path(store.dir).resolve(), access, start_owner=start_owner)


def connect_to(endpoint: Endpoint, access: Access) -> Client:
    """A client of one embedded owner.

    Raises:
        StoreUnavailable: it does not answer.
    """
    client = _client(
        f"the embedded store (process {endpoint.pid}, port {endpoint.port})",
        host="127.0.0.1",
        port=endpoint.port,
        username=access,
        password=endpoint.writer if access == "writer" else endpoint.reader,
        database=DATABASE,
        send_receive_timeout=_ANSWER_S[access],
        # An own pool: the environment's HTTP proxy is not for loopback.
        pool_mgr=urllib3.PoolManager(num_pools=1, maxsize=4, retries=1),
    )
    # The engine calls all settings of a reader read-only; the endpoint lets it set this one.
    client.valid_transport_settings = client.valid_transport_settings | {"max_block_size"}
    return client


def _server_client(store: Store, url: str, access: Access) -> Client:
    parts = urlsplit(url)
    is_tls = parts.scheme == "clickhouses"
    client = _client(
        f"the store {_shown(parts)}",
        host=parts.hostname,
        port=parts.port or (8443 if is_tls else 8123),
        username=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.strip("/")) or DATABASE,
        interface="https" if is_tls else "http",
        send_receive_timeout=_ANSWER_S[access],
        dedicated_pool=True,
    )
    settings = {**(_CLUSTER_SETTINGS if store.cluster is not None else {}), **_ACCESS_SETTINGS[access]}
    # A user that is read-only already may not say so again; what a writer cannot have is an error.
    forgiven = (ProgrammingError,) if access == "reader" else ()
    for name, value in settings.items():
        with contextlib.suppress(*forgiven):
            client.set_client_setting(name, value)
    return client


def _shown(parts: SplitResult) -> str:
    """A store's address without its password."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _client(name: str, database: str, **options: Any) -> Client:
    try:
        client = clickhouse_connect.get_client(
            connect_timeout=CONNECT_S,
            compress=False,
            autogenerate_session_id=False,
            tz_mode="aware",
            show_clickhouse_errors="scrub",
            **options,
        )
    except (ClickHouseError, urllib3.exceptions.HTTPError, OSError) as error:
        raise StoreUnavailable(f"{name} does not answer: {one_line(error)}") from None
    # Only now: the database may be yet to be made, and the client would ask it for the server's settings.
    client.database = database
    return client


def one_line(error: BaseException) -> str:
    """What an error of the client says, without the driver's own words around it."""
    text = " ".join(str(error).split())
    inner = error.__cause__
    if isinstance(inner, urllib3.exceptions.HTTPError):
        reason = getattr(inner, "reason", None) or inner
        text = _CONNECTION.sub("", " ".join(str(reason).split()))
        text = text.rpartition(": ")[2] if "Failed to establish" in text else text
    _, found, rest = text.partition("DB::Exception: ")
    return _WRAPPING.sub("", rest) if found else text


def _embedded_client(directory: Path, access: Access, *, start_owner: bool) -> Client:
    endpoint = _readable_endpoint(directory)
    if endpoint is not None:
        try:
            return connect_to(endpoint, access)
        except StoreUnavailable:
            if not start_owner:
                raise
    if not start_owner:
        raise StoreUnavailable(f"no owner of the embedded store {directory} is running; `shadowbench serve` starts it")
    return _with_owner(directory, access)


def _readable_endpoint(directory: Path) -> Endpoint | None:
    try:
        return read_endpoint(directory)
    except OSError as error:
        raise StoreUnavailable(f"the embedded store {directory} is not readable: {error.strerror}") from None


def _with_owner(directory: Path, access: Access) -> Client:
    """Starts an owner, and connects to whichever owner turns out to have the directory."""
    deadline = time.monotonic() + _START_S
    reason = "it did not start in time"
    while (left_s := deadline - time.monotonic()) > 0:
        start_owner_process(directory, left_s)
        # Whoever is faster than ours claims the directory first and publishes a second later.
        patience = min(deadline, time.monotonic() + _PUBLISH_S)
        while time.monotonic() < patience:
            if (endpoint := _readable_endpoint(directory)) is not None:
                try:
                    return connect_to(endpoint, access)
                except StoreUnavailable as error:
                    reason = str(error)
            time.sleep(_POLL_S)
    raise StoreUnavailable(f"the embedded store {directory} does not answer: {reason}")


def may_answer(store: Store) -> bool:
    """Could the store answer now? The embedded one cannot while nobody owns it; a server of your own always may.

    Asks nobody: reads the endpoint file.
    """
    if store.url is not None:
        return True
    try:
        endpoint = _readable_endpoint(Path(store.dir).resolve())
    except StoreUnavailable:
        return True  # another user's: nothing is known about it
    return endpoint is not None and is_alive(endpoint.pid)


class StoreConnection:
    """A client for a process that outlives the store's owner: each start of the owner has its own port and passwords.

    It serves one thread.
    """

    def __init__(self, store: Store, *, access: Access) -> None:
        self._store = store
        self._access: Access = access
        self._client: Client | None = None
        self._endpoint: Endpoint | None = None

    def client(self) -> Client:
        """A client of the store as it runs now; the same one until the owner changes or `drop` is called.

        Raises:
            StoreUnavailable: nobody answers; ask again later.
        """
        if self._store.url is None:
            self._follow_owner()
        if self._client is None:
            self._client = connect(self._store, access=self._access, start_owner=False)
        return self._client

    def _follow_owner(self) -> None:
        endpoint = _readable_endpoint(Path(self._store.dir).resolve())
        if endpoint != self._endpoint:
            self.drop()
            self._endpoint = endpoint

    def drop(self) -> None:
        """Closes the client, so that the next call connects anew; after a failure, and at the end."""
        if self._client is not None:
            close(self._client)
            self._client = None


def close(client: Client) -> None:
    """Closes a client's sockets, whoever made its pool."""
    client.close_connections()
    client.close()
