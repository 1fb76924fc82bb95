"""`shadowbench serve` with its real roles in front of a tiny upstream."""

import contextlib
import http.client
import json
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cli.supervisor.catalogue import METRICS
from config.model import Store
from store.errors import StoreError
from store.locate import close, connect
from store.reader import Reader
from tests.fakes.running import PATIENCE_S, Running, is_running

ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "served-model",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
    }
).encode()
FREE = ("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--dashboard", "127.0.0.1:0")
REQUEST = json.dumps({"model": "asked-model", "messages": [{"role": "user", "content": "Hi"}]}).encode()


class Upstream(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: list[tuple[float, bytes]]
    """(monotonic time, body)"""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((time.monotonic(), body))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@pytest.fixture
def upstream() -> Iterator[ThreadingHTTPServer]:
    handler = type("Handler", (Upstream,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def asked_of(upstream: ThreadingHTTPServer) -> list[tuple[float, str]]:
    """(monotonic time, model) of every request."""
    asked: list[tuple[float, bytes]] = upstream.RequestHandlerClass.asked  # type: ignore[attr-defined]
    return [(at_s, json.loads(body)["model"]) for at_s, body in asked]


def serve(directory: Path, upstream: ThreadingHTTPServer, *more: str) -> Running:
    url = f"http://127.0.0.1:{upstream.server_address[1]}"
    arms = ["--primary", url, "--candidate", f"twin={url},model=other-model,sample=100%"]
    addresses = () if "--listen" in more else FREE
    return Running([sys.executable, "-m", "cli.main", "serve", *arms, *addresses, *more], cwd=directory)


def ports(program: Running) -> tuple[int, int]:
    clients = int(program.line(r"listening 127\.0\.0\.1:(\d+) for clients")[1])
    return clients, int(program.line(r"listening 127\.0\.0\.1:(\d+) for probes")[1])


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def ask(port: int) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("POST", "/v1/chat/completions", REQUEST, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def role_pids(supervisor: int) -> dict[str, int]:
    """Of the running roles, from their command lines."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            line = (status.parent / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if parent == supervisor and "--role" in line:
            found[line[line.index("--name") + 1]] = int(status.parent.name)
    return found


def until_counted(admin: int, line: str) -> str:
    """Waits for a line of the metrics page; the page."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            page = get(admin, "/metrics")[1].decode()
        except OSError:
            page = ""
        if line in page.splitlines():
            return page
        assert time.monotonic() < deadline, page
        time.sleep(0.05)


def test_one_request_travels_the_whole_way(tmp_path: Path, upstream: ThreadingHTTPServer) -> None:
    """The client gets the primary's bytes, the candidate a copy with its own model, the store one pair."""
    with serve(tmp_path, upstream) as program:
        clients, admin = ports(program)
        pages = int(program.line(r"listening 127\.0\.0\.1:\d+ for pages: http://127\.0\.0\.1:(\d+)/$")[1])
        assert "100% of requests" in program.line(r"^twin +mirrored ").string
        assert ask(clients) == (200, ANSWER)
        page = until_counted(admin, 'shadowbench_recorder_rows_total{name="recorder",table="pairs"} 1.0')
        assert 'shadowbench_requests_total{candidate="twin",state="received",worker="proxy-0"} 1.0' in page
        models = sorted(model for _, model in asked_of(upstream))
        assert models == ["asked-model", "other-model"]
        assert get(admin, "/readyz")[0] == 200
        status, home = get(pages, "/judging")
        assert (status, b">twin</th>" in home, b"Nobody judges quality" in home) == (200, True, True)
        seen = 'shadowbench_dashboard_requests_total{class="2xx",name="dashboard",page="/judging"} 1.0'
        page = until_counted(admin, seen)
        families = {f.name for f in text_string_to_metric_families(page)}
        known = set(METRICS) | {name.removesuffix("_total") for name in METRICS}
        assert families <= known
        pids = role_pids(program.process.pid)
        assert sorted(name.partition("-")[0] for name in pids) == ["dashboard", "proxy", "recorder", "store"]
        program.signal(signal.SIGTERM)
        assert program.wait() == 0
        assert not any(map(is_running, pids.values()))


def test_a_start_over_the_roles_of_a_killed_supervisor_records_every_request_once(
    tmp_path: Path, upstream: ThreadingHTTPServer
) -> None:
    """The old roles still drain when the new ones come: one recorder at a time per worker, nothing lost or doubled."""
    with serve(tmp_path, upstream) as first:
        clients, _ = ports(first)
        first.line(r"^store +ready")
        answers = [ask(clients) for _ in range(20)]
        first.process.kill()
        with serve(tmp_path, upstream) as second:
            clients, _ = ports(second)
            answers += [ask(clients) for _ in range(10)]
            assert answers == [(200, ANSWER)] * 30
            assert until_stored(tmp_path / "data" / "store", 30) == (30, 30)
            second.signal(signal.SIGTERM)
            assert second.wait() == 0
    assert list((tmp_path / "data" / "capture").iterdir()) == []


def until_refused(port: int) -> None:
    """Waits until no process listens there any more."""
    deadline = time.monotonic() + PATIENCE_S
    with contextlib.suppress(ConnectionRefusedError):
        while time.monotonic() < deadline:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            time.sleep(0.02)
        raise AssertionError(f"something still listens on {port}")


def until_stored(directory: Path, pairs: int) -> tuple[int, int]:
    """Waits until so many are in the store; (pairs, different requests)."""
    deadline = time.monotonic() + 2 * PATIENCE_S
    found = (0, 0)
    while time.monotonic() < deadline and found[0] < pairs:
        time.sleep(0.1)
        with contextlib.suppress(StoreError):
            client = connect(Store(dir=str(directory)), access="reader", start_owner=False)
            try:
                (row,) = Reader(client).query("SELECT count() AS n, uniqExact(request_id) AS different FROM pairs")
                found = row["n"], row["different"]
            finally:
                close(client)
    return found


@pytest.mark.parametrize("option", ["--listen", "--admin", "--dashboard"])
def test_a_port_in_use_is_one_line_and_64(tmp_path: Path, upstream: ThreadingHTTPServer, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        addresses = dict(zip(FREE[::2], FREE[1::2], strict=True)) | {option: f"127.0.0.1:{port}"}
        more = [text for pair in addresses.items() for text in pair]
        with serve(tmp_path, upstream, *more) as program:
            assert program.wait() == 64
            assert program.lines == []
            assert re.fullmatch(
                rf"shadowbench serve: 127\.0\.0\.1:{port} is in use by another program; end it, or choose another "
                rf"port with \w+\.port or {option} \(see `shadowbench serve --help`\)\n",
                program.errors,
            )


def test_a_capture_directory_that_cannot_be_used_is_one_line_and_64(
    tmp_path: Path, upstream: ThreadingHTTPServer
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "capture").write_text("")
    with serve(tmp_path, upstream) as program:
        assert program.wait() == 64
        assert program.lines == []
        assert re.fullmatch(
            r"shadowbench serve: the capture directory \S+ is no directory; mend that, or choose another with "
            r"capture\.dir \(see `shadowbench serve --help`\)\n",
            program.errors,
        )


def test_what_is_written_is_private_and_sighup_ends_nothing(tmp_path: Path, upstream: ThreadingHTTPServer) -> None:
    """No other user may read a file below `data`; a reload is refused in one line, and requests go on."""
    with serve(tmp_path, upstream) as program:
        clients, admin = ports(program)
        program.line(r"^store +ready")
        program.signal(signal.SIGHUP)
        said = program.line(r"^supervisor +refused +SIGHUP: ").string
        assert "no file to reload; restart it to change them; the configuration in force stays" in said
        assert ask(clients) == (200, ANSWER)
        until_counted(admin, 'shadowbench_recorder_rows_total{name="recorder",table="pairs"} 1.0')
        program.signal(signal.SIGTERM)
        assert program.wait() == 0
    open_to_others = [p for p in (tmp_path / "data").rglob("*") if not p.is_symlink() and p.stat().st_mode & 0o077]
    assert open_to_others == []


def test_one_role_alone(tmp_path: Path, upstream: ThreadingHTTPServer) -> None:
    with serve(tmp_path, upstream, "--role", "store") as program:
        program.line(r"^store +ready")
        assert list(role_pids(program.process.pid)) == ["store"]
        program.signal(signal.SIGINT)
        assert program.wait() == 0


def test_upstreams_that_need_not_prove_who_they_are_are_named_at_the_start(tmp_path: Path) -> None:
    """A line for each arm that is asked over TLS without a look at its certificate."""
    off = "tls: {verify: false}"
    file = tmp_path / "shadowbench.yaml"
    file.write_text(
        f"primary: {{url: 'https://127.0.0.1:9', {off}}}\n"
        "candidates:\n"
        f"  - {{name: open, url: 'https://127.0.0.1:9', {off}}}\n"
        f"  - {{name: plain, url: 'http://127.0.0.1:9', {off}}}\n"
        "  - {name: proven, url: 'https://127.0.0.1:9'}\n"
    )
    arguments = ["-m", "cli.main", "serve", "-c", str(file), "--role", "proxy"]
    with Running([sys.executable, *arguments, *FREE], cwd=tmp_path) as program:
        program.line(r"^proxy-0 +ready")
        program.signal(signal.SIGTERM)
        assert program.wait() == 0
        said = [line.split()[0] for line in program.lines if "tls.verify is off" in line]
        assert said == ["primary", "open"]


def test_a_store_directory_of_another_process_is_named_and_clients_are_served(
    tmp_path: Path, upstream: ThreadingHTTPServer
) -> None:
    with serve(tmp_path, upstream, "--role", "store") as owner:
        owner.line(r"^store +ready")
        with serve(tmp_path, upstream) as program:
            clients, _ = ports(program)
            assert str(tmp_path / "data" / "store") in program.line(r"^store +failed +").string
            assert ask(clients) == (200, ANSWER)
            program.signal(signal.SIGTERM)
            assert program.wait() == 0
        owner.signal(signal.SIGTERM)
        assert owner.wait() == 0


def test_your_own_server_needs_no_store_here(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("primary: {url: http://p}\nstore: {url: clickhouse://h:8123/d}\n")
    arguments = ["-m", "cli.main", "serve", "-c", str(file), "--role", "store"]
    with Running([sys.executable, *arguments], cwd=tmp_path) as program:
        assert program.wait() == 64
        assert "store.url names your own server" in program.errors


def test_a_stop_lets_what_is_under_way_end_and_says_that_it_is_not_ready(
    tmp_path: Path, upstream: ThreadingHTTPServer
) -> None:
    """`/readyz` turns 503 while an answer is still being written; that answer is whole, and ends its connection."""
    begun, go_on = threading.Event(), threading.Event()
    answer = upstream.RequestHandlerClass.do_POST  # type: ignore[attr-defined]

    def slow(handler: Upstream) -> None:
        begun.set()
        go_on.wait(PATIENCE_S)
        answer(handler)

    upstream.RequestHandlerClass.do_POST = slow  # type: ignore[attr-defined]
    with serve(tmp_path, upstream) as program:
        clients, admin = ports(program)
        for _ in range(4):
            program.line(r"^\S+ +ready")
        # A recorder that has not reached the store for five seconds (it came up late) leaves the log for the next.
        go_on.set()
        assert ask(clients) == (200, ANSWER)
        until_counted(admin, 'shadowbench_recorder_rows_total{name="recorder",table="pairs"} 1.0')
        go_on.clear()
        begun.clear()
        connection = http.client.HTTPConnection("127.0.0.1", clients, timeout=PATIENCE_S)
        connection.request("POST", "/v1/chat/completions", REQUEST, {"Content-Type": "application/json"})
        assert begun.wait(PATIENCE_S)
        program.signal(signal.SIGTERM)
        program.line(r"^supervisor +stopping")
        assert get(admin, "/readyz")[0] == 503
        assert get(admin, "/livez")[0] == 200
        until_refused(clients)
        go_on.set()
        response = connection.getresponse()
        assert (response.status, response.getheader("Connection"), response.read()) == (200, "close", ANSWER)
        connection.close()
        assert program.wait() == 0
        assert not any("by force" in line for line in program.lines)
    assert list((tmp_path / "data" / "capture").iterdir()) == []
