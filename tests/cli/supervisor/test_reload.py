"""A changed configuration, the kill switch, and who may ask for either; the roles are small fakes that say what they
were told.
"""

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.settings import Loaded, from_file
from cli.supervisor.reload import Reloader
from tests.cli.supervisor.test_supervisor import SUPERVISED, admin_when_up, ports, ready_pid
from tests.fakes.running import PATIENCE_S, Running

BASE = """\
primary: {url: "http://127.0.0.1:9"}
candidates:
  - {name: llama, url: "http://127.0.0.1:9", sample: 1}
  - {name: qwen, url: "http://127.0.0.1:9", sample: 1, headers: {authorization: "${file:secret}"}}
listen: {workers: 1}
"""
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("one")
    file = tmp_path / "own.yaml"
    file.write_text(BASE)
    return file


def supervised(file: Path, **behaviours: list[str]) -> Running:
    each = {role: ["serve"] for role in ("proxy", "store", "recorder", "dashboard")}
    settings = {"behaviours": {**each, **behaviours}}
    return Running([sys.executable, str(SUPERVISED), json.dumps({**settings, "file": str(file)})], cwd=file.parent)


def started(program: Running) -> int:
    """The admin port, once every role works."""
    _, admin = ports(program)
    for _ in range(4):
        program.line(r"^\S+ +ready")
    admin_when_up(admin, "/livez")
    return admin


def ask(
    port: int, path: str, body: object = None, headers: Mapping[str, str] = JSON, method: str | None = None
) -> tuple[int, Any]:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, dict(headers), method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            return response.status, _read(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _read(error.read())


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()


def until_on_page(port: int, line: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while line not in (page := ask(port, "/metrics")[1]).splitlines():
        assert time.monotonic() < deadline, page
        time.sleep(0.05)


def test_sighup_hands_a_changed_file_to_every_role_and_to_those_that_start_later(file: Path) -> None:
    with supervised(file) as program:
        admin = started(program)
        file.write_text(BASE + "drain: 7s\n")
        program.signal(signal.SIGHUP)
        program.line(r"^supervisor +reloaded +SIGHUP: configuration 2$")
        for name in ("proxy-0", "recorder", "store", "dashboard"):
            until_on_page(admin, f'fake_config_version{{name="{name}"}} 2.0')
            until_on_page(admin, f'fake_drain_s{{name="{name}"}} 7.0')
        status = ask(admin, "/api/v1/status")[1]
        assert status["config_version"] == 2
        assert [(r["name"], r["config_version"]) for r in status["roles"]] == [
            ("proxy-0", 2), ("store", 2), ("recorder", 2), ("dashboard", 2)
        ]  # fmt: skip
        os.kill(status["roles"][0]["pid"], signal.SIGKILL)
        ready_pid(program, "proxy-0")
        until_on_page(admin, 'fake_started_with{name="proxy-0"} 2.0')
        program.signal(signal.SIGHUP)
        program.line(r"^supervisor +reloaded +SIGHUP: configuration 2 has not changed$")


def test_a_bad_file_is_refused_with_every_fault_and_the_old_one_stays(file: Path) -> None:
    with supervised(file) as program:
        admin = started(program)
        file.write_text(BASE.replace("sample", "smple") + "drain: x\n")
        status, answer = ask(admin, "/api/v1/reload", {})
        assert status == 400
        assert answer["reloaded"] is False
        assert answer["config_version"] == 1
        assert [f["key"] for f in answer["faults"]] == ["candidates[0].smple", "candidates[1].smple", "drain"]
        assert answer["faults"][2]["where"] == f"{file}:6"
        said = program.line(r"^supervisor +refused ").string
        assert "candidates[0].smple" in said
        assert "and 2 more" in said
        assert "fake_config_version" not in ask(admin, "/metrics")[1]


def test_settings_that_need_a_restart_are_named(file: Path) -> None:
    with supervised(file) as program:
        admin = started(program)
        file.write_text(BASE.replace("workers: 1", "workers: 2") + "capture: {dir: elsewhere}\nstore: {dir: other}\n")
        status, answer = ask(admin, "/api/v1/reload", {})
        assert status == 400
        assert [(f["key"], f["message"]) for f in answer["faults"]] == [
            (key, "takes effect at a restart of `serve` alone")
            for key in ("listen.workers", "capture.dir", "store.dir")
        ]
        assert answer["faults"][1]["where"] == f"{file}:6"


def test_a_changed_secret_is_taken_up_as_kubernetes_changes_it(file: Path) -> None:
    """The name is a link into a folder that is itself a link, which is pointed to another folder."""
    place = file.parent / "secrets"
    for version, text in (("v1", "one"), ("v2", "two")):
        (place / version).mkdir(parents=True)
        (place / version / "secret").write_text(text)
    (place / "..data").symlink_to("v1")
    (file.parent / "secret").unlink()
    (file.parent / "secret").symlink_to(place / "..data" / "secret")
    with supervised(file) as program:
        admin = started(program)
        time.sleep(0.2)
        (place / "..next").symlink_to("v2")
        (place / "..next").rename(place / "..data")
        assert "secret changed: configuration 2" in program.line(r"^supervisor +reloaded ").string
        until_on_page(admin, 'fake_config_version{name="proxy-0"} 2.0')


def test_a_role_that_does_not_answer_is_named_and_the_others_go_on(file: Path) -> None:
    with supervised(file, store=["deaf"]) as program:
        admin = started(program)
        file.write_text(BASE + "drain: 1s\n")
        status, answer = ask(admin, "/api/v1/reload", {})
        assert (status, answer["reloaded"], answer["config_version"]) == (202, True, 2)
        assert answer["late"] == [{"name": "store", "reason": "did not answer within 5 s"}]
        until_on_page(admin, 'fake_config_version{name="proxy-0"} 2.0')


def test_pause_and_resume_reach_the_workers_and_outlive_them(file: Path) -> None:
    with supervised(file) as program:
        admin = started(program)
        both = {"candidates": ["llama", "qwen"]}
        assert ask(admin, "/api/v1/pause", {"candidate": "qwen"}) == (200, {**both, "paused": ["qwen"]})
        program.line(r"^qwen +paused +no copies to qwen until `resume`$")
        until_on_page(admin, 'fake_paused{candidates="qwen",name="proxy-0"} 1.0')
        until_on_page(admin, 'shadowbench_paused{candidate="qwen"} 1.0')
        until_on_page(admin, 'shadowbench_paused{candidate="llama"} 0.0')
        os.kill(ask(admin, "/api/v1/status")[1]["roles"][0]["pid"], signal.SIGKILL)
        ready_pid(program, "proxy-0")
        until_on_page(admin, 'fake_started_paused{name="proxy-0"} 1.0')
        assert ask(admin, "/api/v1/pause", {}) == (200, {**both, "paused": ["llama", "qwen"]})
        until_on_page(admin, 'fake_paused{candidates="*",name="proxy-0"} 1.0')
        assert ask(admin, "/api/v1/resume", {"candidate": "llama"}) == (200, {**both, "paused": ["qwen"]})
        until_on_page(admin, 'fake_paused{candidates="qwen",name="proxy-0"} 1.0')
        assert ask(admin, "/api/v1/resume", {}) == (200, {**both, "paused": []})
        status, answer = ask(admin, "/api/v1/pause", {"candidate": "nobody"})
        assert (status, answer) == (404, {"error": "there is no candidate 'nobody'; known here: llama, qwen"})
        assert ask(admin, "/api/v1/pause", {"candidates": ["llama"]})[0] == 400


def test_with_a_token_only_probes_are_open(file: Path) -> None:
    """The token is a secret like any other: a new one is taken up by a reload."""
    file.write_text(BASE + 'admin: {token: "${file:token}"}\n')
    (file.parent / "token").write_text("first")
    with supervised(file) as program:
        admin = started(program)
        assert ask(admin, "/readyz")[0] == 200
        for path in ("/metrics", "/api/v1/status"):
            assert ask(admin, path)[0] == 401
            assert ask(admin, path, headers={"Authorization": "Bearer wrong"})[0] == 401
            assert ask(admin, path, headers={"Authorization": "Bearer first"})[0] == 200
        assert ask(admin, "/api/v1/pause", {})[0] == 401
        assert ask(admin, "/api/v1/pause", {}, {"Authorization": "Bearer first"})[0] == 200
        (file.parent / "token").write_text("second")
        program.line(r"^supervisor +reloaded .*token changed")
        assert ask(admin, "/metrics", headers={"Authorization": "Bearer first"})[0] == 401
        assert ask(admin, "/metrics", headers={"Authorization": "Bearer second"})[0] == 200


def test_a_web_page_of_somebody_else_changes_nothing(file: Path) -> None:
    with supervised(file) as program:
        admin = started(program)
        own = {"Origin": f"http://127.0.0.1:{admin}", "Sec-Fetch-Site": "same-origin"}
        for headers, expected in (
            ({"Content-Type": "text/plain"}, 403),
            ({"Content-Type": "application/x-www-form-urlencoded"}, 403),
            ({**JSON, "Origin": "http://evil.example"}, 403),
            ({**JSON, "Origin": "null"}, 403),
            ({**JSON, "Sec-Fetch-Site": "cross-site"}, 403),
            ({**JSON, **own}, 200),
        ):
            assert ask(admin, "/api/v1/pause", {}, headers)[0] == expected, headers
        assert ask(admin, "/api/v1/pause", None, {}, "GET")[0] == 405


async def test_a_surprise_while_reading_refuses_one_reload_and_not_the_next(file: Path) -> None:
    """A certificate that is replaced between two looks at it raises whatever it raises."""
    loaded = from_file(file)
    said: list[str] = []
    answers: list[Exception | Loaded] = [FileNotFoundError("gone"), loaded]

    def load() -> Loaded:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def nobody_is_late(_config: object) -> dict[str, str]:
        return {}

    supervisor: Any = SimpleNamespace(config=loaded.config, config_version=1, reload=nobody_is_late)
    terminal: Any = SimpleNamespace(say=lambda *words: said.append(" ".join(words)))
    reloader = Reloader(load, loaded, supervisor, terminal)
    refused = await reloader.reload("SIGHUP")
    assert [fault.message for fault in refused.faults] == ["could not be read (FileNotFoundError: gone)"]
    assert "could not be read" in said[0]
    assert not (await reloader.reload("SIGHUP")).faults
