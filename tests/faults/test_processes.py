"""A process dies, hangs, or is no longer listened to: what clients notice of it, and what is left behind."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.cli.test_serve import ANSWER, REQUEST, ask, ports, role_pids, until_stored
from tests.fakes.loopback import inode_of, opened_by
from tests.fakes.running import PATIENCE_S, Running, is_running, until_gone
from tests.faults.mutation import Mutation, protected_by

NO_RESTART = Mutation(
    "cli/supervisor/keeper.py",
    "            while not self._stopping.is_set():\n",
    "            if not self._stopping.is_set():\n",
)
NO_DRAIN_WITHOUT_SUPERVISOR = Mutation(
    "runtime/link.py",
    "            self.is_lost = True\n            self.stop.set()\n",
    "            self.is_lost = True\n",
)
AT_ONCE_WITHOUT_SUPERVISOR = Mutation(
    "runtime/link.py",
    "            self.is_lost = True\n            self.stop.set()\n",
    "            raise SystemExit(1)\n",
)
UNSENT_COUNTS_AS_SENT = Mutation(
    "proxy/recorder/sender.py", "            await asyncio.sleep(pause_s)\n", "            return True\n"
)
NO_SIGKILL = Mutation("cli/supervisor/child.py", "            self._process.kill()\n", "            pass\n")
WRITES_IN_THE_LOOP = Mutation(
    "runtime/outlet.py", "        self._lines.put((line, left_out))\n", "        self._write(line)\n"
)

NOTICED_S = 0.5
"""By then every role has seen that its supervisor is gone; a shorter wait would only miss a fault, not invent one."""


class Gate(ThreadingHTTPServer):
    """An upstream that sends a part of each answer, and the rest when it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.open = threading.Event()
        self.open.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gate

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER[:10])
        self.wfile.flush()
        self.server.open.wait(PATIENCE_S)
        with contextlib.suppress(OSError):
            self.wfile.write(ANSWER[10:])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@pytest.fixture
def upstream() -> Iterator[Gate]:
    server = Gate()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.open.set()
    server.shutdown()
    thread.join()
    server.server_close()


def serve(
    directory: Path, upstream: Gate, *, workers: int = 1, candidate: str | None = None, stderr: int = subprocess.PIPE
) -> Running:
    file = directory / "own.yaml"
    file.write_text(
        f"primary: {{url: '{upstream.url}'}}\n"
        f"candidates: [{{name: twin, url: '{candidate or upstream.url}', model: other, sample: 1}}]\n"
        f"listen: {{host: 127.0.0.1, port: 0, workers: {workers}}}\nadmin: {{port: 0}}\ndashboard: {{port: 0}}\n"
    )
    return Running([sys.executable, "-m", "cli.main", "serve", "-c", str(file)], cwd=directory, stderr=stderr)


def until_ready(program: Running, roles: int) -> dict[str, int]:
    for _ in range(roles):
        program.line(r"^\S+ +ready")
    return role_pids(program.process.pid)


@contextlib.contextmanager
def left_over(pids: dict[str, int]) -> Iterator[None]:
    """Ends what should have ended by itself."""
    try:
        yield
    finally:
        for pid in pids.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Asking:
    """A request of which the answer has begun."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        self._connection.request("POST", "/v1/chat/completions", REQUEST, {"Content-Type": "application/json"})
        self._response = self._connection.getresponse()
        assert self._response.status == 200

    @property
    def port(self) -> int:
        """Of our end."""
        port: int = self._connection.sock.getsockname()[1]
        return port

    def rest(self) -> bytes | None:
        """The whole answer; None when its connection broke."""
        try:
            return self._response.read()
        except (http.client.IncompleteRead, ConnectionError):
            return None
        finally:
            self._connection.close()


@protected_by(NO_RESTART)
def test_a_killed_worker_takes_only_its_own_connections_along(tmp_path: Path, upstream: Gate) -> None:
    """Answers of the other worker are whole, and new connections are served whichever worker they fall to."""
    with serve(tmp_path, upstream, workers=2) as program:
        clients, _ = ports(program)
        pids = until_ready(program, 5)
        upstream.open.clear()
        asked = [Asking(clients) for _ in range(16)]
        own = [opened_by(pids["proxy-0"], inode_of(clients, a.port)) for a in asked]
        os.kill(pids["proxy-0"], signal.SIGKILL)
        upstream.open.set()
        assert [a.rest() for a in asked] == [None if is_own else ANSWER for is_own in own]
        # 16 connections that all fall on one of two workers: 2 chances in 2**16.
        assert True in own
        assert False in own
        assert [ask(clients) for _ in range(16)] == [(200, ANSWER)] * 16
        program.line(r"^proxy-0 +failed +was ended by SIGKILL")


@protected_by(NO_DRAIN_WITHOUT_SUPERVISOR, AT_ONCE_WITHOUT_SUPERVISOR)
def test_without_its_supervisor_every_role_finishes_what_is_under_way_and_ends(tmp_path: Path, upstream: Gate) -> None:
    """The answer under way is whole, no process is left, and the address is free again."""
    with serve(tmp_path, upstream) as program:
        clients, _ = ports(program)
        pids = until_ready(program, 4)
        upstream.open.clear()
        asked = Asking(clients)
        with left_over(pids):
            program.process.kill()
            program.process.wait(PATIENCE_S)
            time.sleep(NOTICED_S)
            upstream.open.set()
            assert asked.rest() == ANSWER
            for pid in pids.values():
                until_gone(pid)
        with pytest.raises(ConnectionRefusedError):
            ask(clients)


@protected_by(NO_RESTART)
def test_a_killed_recorder_is_started_again_and_every_request_is_recorded_once(tmp_path: Path, upstream: Gate) -> None:
    with serve(tmp_path, upstream) as program:
        clients, _ = ports(program)
        pids = until_ready(program, 4)
        answers = [ask(clients) for _ in range(5)]
        os.kill(pids["recorder"], signal.SIGKILL)
        answers += [ask(clients) for _ in range(5)]
        assert answers == [(200, ANSWER)] * 10
        assert until_stored(tmp_path / "data" / "store", 10) == (10, 10)


@protected_by(UNSENT_COUNTS_AS_SENT)
def test_a_killed_store_is_started_again_and_every_request_is_recorded_once(tmp_path: Path, upstream: Gate) -> None:
    """Rows wait in the capture log while it is away; clients notice nothing."""
    with serve(tmp_path, upstream) as program:
        clients, _ = ports(program)
        pids = until_ready(program, 4)
        answers = [ask(clients) for _ in range(5)]
        assert until_stored(tmp_path / "data" / "store", 5) == (5, 5)
        os.kill(pids["store"], signal.SIGKILL)
        answers += [ask(clients) for _ in range(5)]
        assert answers == [(200, ANSWER)] * 10
        program.line(r"^store +ready")
        assert until_stored(tmp_path / "data" / "store", 10) == (10, 10)


@protected_by(NO_SIGKILL)
def test_a_role_that_hangs_is_ended_by_force(tmp_path: Path, upstream: Gate) -> None:
    """A stopped process hears neither the drain nor SIGTERM; a second signal to `serve` shortens the wait."""
    with serve(tmp_path, upstream) as program:
        clients, _ = ports(program)
        pids = until_ready(program, 4)
        assert ask(clients) == (200, ANSWER)
        os.kill(pids["recorder"], signal.SIGSTOP)
        with left_over(pids):
            program.signal(signal.SIGTERM)
            program.line(r"^proxy-0 +stopped")
            program.signal(signal.SIGTERM)
            program.line(r"^recorder +ended +by force")
            assert program.wait() == 0
            assert not any(map(is_running, pids.values()))


@protected_by(WRITES_IN_THE_LOOP)
def test_a_log_reader_that_stops_reading_does_not_stop_clients(tmp_path: Path, upstream: Gate) -> None:
    """Standard error is a pipe that is full. Workers have something to say (a candidate is down), and go on all the
    same.
    """
    reader, writer = os.pipe()
    with contextlib.suppress(BlockingIOError):
        os.set_blocking(writer, False)
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with serve(tmp_path, upstream, candidate=down, stderr=writer) as program:
            os.close(writer)
            clients, admin = ports(program)
            until_ready(program, 4)
            for _ in range(3):
                assert ask(clients) == (200, ANSWER)
            _until_refused(admin)
            assert ask(clients) == (200, ANSWER)
            os.set_blocking(reader, False)
            said = b""
            deadline = time.monotonic() + PATIENCE_S
            while b'"level":"warning"' not in said:
                assert time.monotonic() < deadline, said[-2000:]
                with contextlib.suppress(BlockingIOError):
                    said += os.read(reader, 2**20)
                time.sleep(0.02)
            program.signal(signal.SIGTERM)
            assert program.wait() == 0
    os.close(reader)


def _until_refused(admin: int) -> None:
    """Waits until a copy could not be sent."""
    wanted = 'shadowbench_candidate_legs_total{candidate="twin",outcome="connect_error",worker="proxy-0"}'
    deadline = time.monotonic() + PATIENCE_S
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", admin, timeout=PATIENCE_S)
        connection.request("GET", "/metrics")
        page = connection.getresponse().read().decode()
        connection.close()
        if any(line.startswith(wanted) and not line.endswith(" 0.0") for line in page.splitlines()):
            return
        assert time.monotonic() < deadline, page
        time.sleep(0.05)
