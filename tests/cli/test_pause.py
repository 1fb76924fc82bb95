"""`shadowbench pause` and `resume`: the admin port is found, asked, and its answer said in one line."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from cli.main import run


class Handler(BaseHTTPRequestHandler):
    port = 0
    status = 200
    answer: bytes = b'{"candidates": ["llama", "qwen"], "paused": ["qwen"]}'
    asked: list[tuple[str, str | None, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.path, self.headers["Authorization"], body))
        assert self.headers["Content-Type"] == "application/json"
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@pytest.fixture
def admin() -> Iterator[type[Handler]]:
    handler: Any = type("Admin", (Handler,), {"asked": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    handler.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


def file(tmp_path: Path, admin: str) -> str:
    path = tmp_path / "own.yaml"
    path.write_text(f"primary: {{url: http://p}}\nadmin: {admin}\n")
    return str(path)


def test_the_port_and_token_come_from_the_configuration(
    tmp_path: Path, admin: type[Handler], capsys: pytest.CaptureFixture[str]
) -> None:
    config = file(tmp_path, f"{{host: 0.0.0.0, port: {admin.port}, token: secret}}")
    assert run(["pause", "qwen", "-c", config]) == 0
    assert run(["resume", "-c", config, "--json"]) == 0
    assert admin.asked == [
        ("/api/v1/pause", "Bearer secret", b'{"candidate": "qwen"}'),
        ("/api/v1/resume", "Bearer secret", b"{}"),
    ]
    text, form = capsys.readouterr().out.splitlines()
    assert text == "paused: qwen; copies go on to llama (a restart of `serve` forgets it)"
    assert json.loads(form) == {"candidates": ["llama", "qwen"], "paused": ["qwen"]}


def test_without_a_file_the_address_and_the_environment_say_it(
    admin: type[Handler], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHADOWBENCH_ADMIN_TOKEN", "from-environment")
    assert run(["pause", "--admin", str(admin.port)]) == 0
    assert admin.asked == [("/api/v1/pause", "Bearer from-environment", b"{}")]


def test_an_unknown_candidate_is_one_line_and_64(admin: type[Handler], capsys: pytest.CaptureFixture[str]) -> None:
    admin.status, admin.answer = 404, b'{"error": "there is no candidate \'x\'; known here: llama, qwen"}'
    assert run(["pause", "x", "--admin", f"127.0.0.1:{admin.port}"]) == 64
    assert capsys.readouterr().err == (
        "shadowbench pause: there is no candidate 'x'; known here: llama, qwen (see `shadowbench pause --help`)\n"
    )


@pytest.mark.parametrize(
    ("status", "answer", "code", "said"),
    [
        (401, b'{"error": "no"}', 64, "it wants admin.token: name the configuration with -c FILE"),
        (503, b'{"error": "no answer within 30 s"}', 70, "no answer within 30 s"),
        (200, b"<html>", 70, "is no `serve`; name its port with --admin"),
        (200, b"[]", 70, "is no `serve`; name its port with --admin"),
        (200, b'{"choices": []}', 70, "is no `serve`; name its port with --admin"),
    ],
)
def test_other_answers_are_one_line_each(
    admin: type[Handler], capsys: pytest.CaptureFixture[str], status: int, answer: bytes, code: int, said: str
) -> None:
    admin.status, admin.answer = status, answer
    assert run(["pause", "--admin", str(admin.port)]) == code
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_when_nobody_answers_it_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pause", "-c", file(tmp_path, "{port: 9}")]) == 70
    assert capsys.readouterr().err == (
        "shadowbench: no `serve` answers on 127.0.0.1:9 (Connection refused); start it, or name its port with "
        "--admin [HOST:]PORT\n"
    )


def test_a_port_that_is_chosen_at_each_start_must_be_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pause", "-c", file(tmp_path, "{port: 0}")]) == 64
    assert "say which it is with --admin [HOST:]PORT" in capsys.readouterr().err
