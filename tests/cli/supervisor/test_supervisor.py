"""The supervisor over small fake roles: order, restarts, stops, and what is left behind (nothing)."""

import json
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.running import ROOT, Running, is_running, until_gone

SUPERVISED = ROOT / "tests" / "fakes" / "supervised.py"


def supervised(directory: Path, *, workers: int = 1, drain_s: float = 5, **behaviours: list[str]) -> Running:
    settings = {
        "behaviours": {**{role: ["serve"] for role in ("proxy", "store", "recorder", "dashboard")}, **behaviours},
        "directory": str(directory),
        "workers": workers,
        "drain_s": drain_s,
        "primary": "http://127.0.0.1:9",
    }
    return Running([sys.executable, str(SUPERVISED), json.dumps(settings)])


def ports(program: Running) -> tuple[int, int]:
    """Of clients and of the admin port, as the terminal says."""
    clients = int(program.line(r"listening 127\.0\.0\.1:(\d+) for clients")[1])
    return clients, int(program.line(r"listening 127\.0\.0\.1:(\d+) for probes")[1])


def ready_pid(program: Running, name: str) -> int:
    return int(program.line(rf"^(?:{name}) +ready .* pid (\d+)")[1])


def ask(port: int) -> int:
    """One connection; the pid of the worker that answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        return int(connection.makefile().read())


def admin(port: int, path: str, host: str | None = None) -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def admin_when_up(port: int, path: str, wanted: int = 200) -> Any:
    """The admin port comes up after the proxies."""
    deadline = time.monotonic() + 20
    while True:
        status, body = admin(port, path)
        if status == wanted:
            return json.loads(body)
        assert time.monotonic() < deadline, body
        time.sleep(0.02)


def test_proxies_answer_before_the_other_roles_start(tmp_path: Path) -> None:
    with supervised(tmp_path, workers=2) as program:
        clients, _ = ports(program)
        ready = [program.line(r"^(\S+) +ready")[1] for _ in range(5)]
        assert sorted(ready[:2]) == ["proxy-0", "proxy-1"]
        assert sorted(ready[2:]) == ["dashboard", "recorder", "store"]
        assert ask(clients)


def test_both_workers_get_connections_from_one_port(tmp_path: Path) -> None:
    with supervised(tmp_path, workers=2) as program:
        clients, _ = ports(program)
        pids = {ready_pid(program, r"proxy-\d") for _ in range(2)}
        # 40 connections that all fall on one of two workers: 2 chances in 2**40.
        assert {ask(clients) for _ in range(40)} == pids


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_proxies_then_pages_then_recorder_then_store(tmp_path: Path, number: signal.Signals) -> None:
    """Who writes ends before who reads; every process is gone, the exit code is 0."""
    with supervised(tmp_path, workers=2) as program:
        ports(program)
        pids = [ready_pid(program, r"\S+") for _ in range(5)]
        program.signal(number)
        assert program.wait() == 0
        stopped = [line.split()[0] for line in program.lines if line.split()[1:3] == ["stopped", "drained"]]
        assert sorted(stopped[:2]) == ["proxy-0", "proxy-1"]
        assert stopped[2:] == ["dashboard", "recorder", "store"]
        assert not any(map(is_running, pids))


def test_new_connections_succeed_within_a_second_of_a_workers_death(tmp_path: Path) -> None:
    """The kernel keeps them on the socket that the supervisor holds; the new worker finds them there."""
    with supervised(tmp_path) as program:
        clients, admin_port = ports(program)
        pid = ready_pid(program, "proxy-0")
        ready_pid(program, "store")
        os.kill(pid, signal.SIGKILL)
        assert ask(clients) != pid
        program.line(r"^proxy-0 +failed +was ended by SIGKILL \(starting again\)")
        ready_pid(program, "proxy-0")
        _, metrics = admin(admin_port, "/metrics")
        assert 'shadowbench_role_restarts_total{name="proxy-0",role="proxy"} 1.0' in metrics


def test_a_reason_that_a_role_names_is_shown_and_the_proxy_goes_on(tmp_path: Path) -> None:
    with supervised(tmp_path, store=["fail", "./store belongs to process 77; end it first"]) as program:
        clients, admin_port = ports(program)
        program.line(r"^store +failed +\./store belongs to process 77; end it first \(starting again\)$")
        program.line(r"^store +failed +\./store belongs to process 77; end it first \(tried again until it works\)$")
        assert ask(clients)
        assert admin_when_up(admin_port, "/readyz")["roles"]["store"] == "not ready"


def test_a_repeated_reason_is_said_once(tmp_path: Path) -> None:
    """Restarts go on (they are counted), the terminal does not fill."""
    with supervised(tmp_path, store=["fail", "no"]) as program:
        _, admin_port = ports(program)
        program.line("tried again")
        admin_when_up(admin_port, "/livez")
        deadline = time.monotonic() + 20
        while 'restarts_total{name="store",role="store"} 4.0' not in admin(admin_port, "/metrics")[1]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        program.signal(signal.SIGTERM)
        assert program.wait() == 0
        assert sum(line.startswith("store ") for line in program.lines) == 2


def test_ready_depends_on_the_proxies_alone(tmp_path: Path) -> None:
    with supervised(tmp_path, store=["mute"], recorder=["mute"], dashboard=["mute"]) as program:
        _, admin_port = ports(program)
        ready_pid(program, "proxy-0")
        answer = admin_when_up(admin_port, "/readyz")
        assert answer == {
            "ready": True,
            "roles": {"proxy-0": "ready", "store": "not ready", "recorder": "not ready", "dashboard": "not ready"},
        }


def test_alive_but_not_ready_while_no_proxy_works(tmp_path: Path) -> None:
    """The other roles start all the same, three seconds later."""
    with supervised(tmp_path, proxy=["mute"]) as program:
        _, admin_port = ports(program)
        ready_pid(program, "store")
        assert admin_when_up(admin_port, "/livez") == {"alive": True}
        assert admin_when_up(admin_port, "/readyz", wanted=503)["ready"] is False


def test_figures_of_roles_stand_on_the_metrics_page(tmp_path: Path) -> None:
    with supervised(tmp_path) as program:
        _, admin_port = ports(program)
        ready_pid(program, "store")
        admin_when_up(admin_port, "/livez")
        time.sleep(0.2)
        _, page = admin(admin_port, "/metrics")
        assert 'fake_figure{name="proxy-0"} 1.5' in page.splitlines()
        assert 'fake_events_total{kind="a b",name="store"} 2.0' in page.splitlines()
        assert 'shadowbench_role_up{name="proxy-0",role="proxy"} 1.0' in page.splitlines()


def test_a_name_that_is_not_ours_gets_nothing(tmp_path: Path) -> None:
    """DNS rebinding: a page on evil.example whose name points at loopback."""
    with supervised(tmp_path) as program:
        _, admin_port = ports(program)
        admin_when_up(admin_port, "/livez")
        assert admin(admin_port, "/metrics", host=f"evil.example:{admin_port}")[0] == 421
        assert admin(admin_port, "/livez", host=f"localhost:{admin_port}")[0] == 200


def test_an_unreachable_primary_is_a_warning(tmp_path: Path) -> None:
    with supervised(tmp_path) as program:
        clients, _ = ports(program)
        line = program.line(r"^primary +warning ")
        assert "http://127.0.0.1:9 is not reachable" in line.string
        assert ask(clients)


def test_a_proxy_may_take_as_long_as_drain_says(tmp_path: Path) -> None:
    with supervised(tmp_path, proxy=["late", "1"], drain_s=5) as program:
        ports(program)
        ready_pid(program, "store")
        began = time.monotonic()
        program.signal(signal.SIGTERM)
        assert program.wait() == 0
        assert time.monotonic() - began >= 1
        assert any(line.split()[:3] == ["proxy-0", "stopped", "drained"] for line in program.lines)


@pytest.mark.parametrize("behaviour", ["deaf", "stubborn"])
def test_a_second_signal_hurries_and_nobody_survives(tmp_path: Path, behaviour: str) -> None:
    """`deaf` does not drain and is ended by SIGTERM; `stubborn` needs SIGKILL."""
    with supervised(tmp_path, recorder=[behaviour], drain_s=60) as program:
        ports(program)
        pids = {name: ready_pid(program, name) for name in ("proxy-0", r"\S+")} | {}
        others = [ready_pid(program, r"\S+") for _ in range(2)]
        program.signal(signal.SIGTERM)
        program.line(r"^proxy-0 +stopped")
        program.signal(signal.SIGTERM)
        assert program.wait() == 0
        assert any("by force, for a second signal came" in line for line in program.lines)
        assert not any(map(is_running, [*pids.values(), *others]))


def test_a_drain_has_its_bound(tmp_path: Path) -> None:
    """A worker that never ends its drain is ended `drain` and five seconds later; the others get their turn."""
    with supervised(tmp_path, proxy=["deaf"], drain_s=0) as program:
        ports(program)
        pid = ready_pid(program, "proxy-0")
        ready_pid(program, "recorder|store")
        program.signal(signal.SIGTERM)
        assert program.wait() == 0
        assert any(line.startswith("proxy-0     ended     by force") for line in program.lines)
        assert not is_running(pid)


def test_roles_end_by_themselves_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    with supervised(tmp_path, workers=2) as program:
        clients, _ = ports(program)
        pids = [ready_pid(program, r"\S+") for _ in range(5)]
        program.process.kill()
        for pid in pids:
            until_gone(pid)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", clients), timeout=5)


def test_ctrl_c_in_a_terminal_reaches_the_supervisor_alone(tmp_path: Path) -> None:
    """Each role leads its own session, so that a terminal's signal does not cut requests under way."""
    with supervised(tmp_path) as program:
        ports(program)
        pid = ready_pid(program, "proxy-0")
        assert os.getsid(pid) == pid != os.getsid(program.process.pid)


def test_a_role_in_a_crash_loop_refuses_connections_instead_of_holding_them(tmp_path: Path) -> None:
    """From one second of waiting on; clients fail over at once."""
    with supervised(tmp_path, proxy=["die", "9"]) as program:
        clients, _ = ports(program)
        deadline = time.monotonic() + 20
        while True:
            assert time.monotonic() < deadline
            try:
                socket.create_connection(("127.0.0.1", clients), timeout=5).close()
            except ConnectionRefusedError:
                break
            time.sleep(0.05)
