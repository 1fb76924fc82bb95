"""The role as the supervisor runs it: a process over an inherited socket."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from config.model import Store
from runtime.link import Drain, Reload, Start, StartMessage, line
from tests.analyzer.dashboard.made import configuration
from tests.store.owners import PATIENCE_S, ROOT


class Role:
    """`python -m cli.role --role dashboard`, its link and its port."""

    def __init__(self, store: Store, **values: Any) -> None:
        self._link, theirs = socket.socketpair()
        self._link.settimeout(PATIENCE_S)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = listener.getsockname()[1]
        with theirs, listener:
            fds = (theirs.fileno(), listener.fileno())
            names = ["--role=dashboard", "--name=dashboard", f"--link-fd={fds[0]}"]
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "cli.role", *names],
                pass_fds=fds,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            self.tell(StartMessage.of(Start("dashboard", "dashboard", configuration(store, **values), 1, fds[1:])))
        self._lines = self._link.makefile("rb")

    def tell(self, message: Any) -> None:
        self._link.sendall(line(message))

    def said(self, kind: str) -> dict[str, Any]:
        """Its next message of a kind."""
        for text in self._lines:
            found: dict[str, Any] = msgspec.json.decode(text)
            if found["type"] == kind:
                return found
        raise AssertionError(f"the role ended without saying {kind!r}")

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def end(self) -> str:
        """What it wrote on standard error; it has ended then."""
        self._lines.close()
        self._link.close()
        if self.process.poll() is None:
            self.process.kill()
        _, errors = self.process.communicate(timeout=PATIENCE_S)
        return errors.decode()


@pytest.fixture
def roles() -> Iterator[list[Role]]:
    started: list[Role] = []
    yield started
    for role in started:
        with contextlib.suppress(ValueError, OSError):
            role.end()


def test_it_serves_reloads_reports_and_drains(nowhere: Store, roles: list[Role]) -> None:
    """Also without a store. A new token is asked for from the next request on."""
    role = Role(nowhere)
    roles.append(role)
    assert role.said("ready")["detail"] == "pages for people"
    assert "The store has not answered since" in role.get("/judging")[1]
    figures = role.said("figures")["figures"]
    while not figures:
        figures = role.said("figures")["figures"]
    assert figures['shadowbench_dashboard_requests_total{page="/judging",class="2xx"}'] == 1
    assert figures["shadowbench_dashboard_store_up"] == 0
    role.tell(Reload.of(configuration(nowhere, dashboard={"token": "secret"}), 2))
    assert role.said("reloaded") == {"type": "reloaded", "config_version": 2, "not_yet": None}
    assert role.get("/label/next", Accept="application/json")[0] == 401
    assert role.get("/judging", Authorization="Bearer secret")[0] == 200
    role.tell(Drain())
    assert role.process.wait(PATIENCE_S) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", role.port), timeout=5)
    said = [json.loads(text) for text in role.end().splitlines()]
    assert [(one["event"], one["level"]) for one in said] == [("the store does not answer", "warning")]


def test_it_ends_with_its_supervisor_and_on_sigterm(nowhere: Store, roles: list[Role]) -> None:
    for end in ("link", "signal"):
        role = Role(nowhere)
        roles.append(role)
        role.said("ready")
        if end == "link":
            role._link.shutdown(socket.SHUT_RDWR)
        else:
            role.process.send_signal(signal.SIGTERM)
        assert role.process.wait(PATIENCE_S) == 0
