"""Errors become one line on stderr and an exit code; 1 and 2 belong to verdicts."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import click
import pytest

from cli import main
from cli.main import run
from config.source import ConfigError, Fault
from store.errors import StoreUnavailable
from tests.fakes.running import ROOT


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHADOWBENCH_TRACEBACK", raising=False)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """Makes `shadowbench check` raise what the test puts into the list."""
    errors: list[BaseException] = []

    @click.command()
    def check() -> NoReturn:
        raise errors[0]

    monkeypatch.setattr(main._Lazy, "get_command", lambda *_: check)
    return errors


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["frob"], "shadowbench: No such command 'frob' (see `shadowbench --help`)"),
        (["--frob"], "shadowbench: No such option '--frob' (see `shadowbench --help`)"),
        (["serve", "--role", "writer"], "shadowbench serve: Invalid value for '--role'"),
        (["serve", "--primary", "http://p", "--role", "judge"], "shadowbench serve: the configuration has no `judge`"),
        (["serve", "--candidate", "a=http://a"], "shadowbench serve: --candidate needs --primary URL"),
        (["serve", "-c", "x", "--primary", "http://p"], "shadowbench serve: say either -c FILE, or --primary"),
        (["serve"], "./shadowbench.yaml: is not here; name a file with -c FILE"),
        (["serve", "-c", "none.yaml"], "none.yaml: cannot be read: No such file or directory"),
        (["check", "more"], "shadowbench check: Got unexpected extra argument"),
    ],
)
def test_wrong_usage_is_one_line_and_64(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 64
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(line)
    assert said.err.count("\n") == 1


def test_no_command_shows_the_help_and_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 64
    assert "Commands:" in capsys.readouterr().err


@pytest.mark.parametrize("name", list(main._COMMANDS))
def test_every_command_shows_an_example_that_begins_with_its_name(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([name, "--help"]) == 0
    _, found, rest = capsys.readouterr().out.partition("Example:\n")
    assert found
    assert rest.strip().startswith(f"shadowbench {name}")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (
            RuntimeError("a\nb"),
            70,
            "shadowbench: internal error: RuntimeError: a (SHADOWBENCH_TRACEBACK=1 shows where)\n",
        ),
        (
            StoreUnavailable("the store at h:1 is down; start it"),
            70,
            "shadowbench: the store at h:1 is down; start it\n",
        ),
        (click.ClickException("no"), 70, "shadowbench: no\n"),
        (ConfigError([Fault("f:1", "a", "x"), Fault("f:2", "", "y")]), 64, "f:1: a: x\nf:2: y\n"),
        (KeyboardInterrupt(), 130, ""),
        (click.exceptions.Exit(2), 2, ""),
    ],
)
def test_what_a_command_raises(
    failing: list[BaseException], error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only a command that exits with 1 or 2 on purpose (a gate) does."""
    failing.append(error)
    assert run(["check"]) == code
    assert capsys.readouterr().err == line


def test_a_traceback_on_request(
    failing: list[BaseException], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHADOWBENCH_TRACEBACK", "1")
    failing.append(RuntimeError("why"))
    assert run(["check"]) == 70
    assert "Traceback" in (said := capsys.readouterr().err)
    assert said.endswith("shadowbench: internal error: RuntimeError: why\n")


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_reader_that_goes_away_is_no_error_of_ours() -> None:
    """`shadowbench check | head -0`"""
    Path("shadowbench.yaml").write_text("primary: {url: http://p}\n")
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [sys.executable, "-m", "cli.main", "check"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
    )  # fmt: skip
    os.close(writer)
    assert (process.returncode, process.stderr) == (141, "")


def _modules_after(statement: str) -> set[str]:
    process = _python("-c", f"import sys, json\n{statement}\nprint(json.dumps([*sys.modules]))")
    assert process.returncode == 0, process.stderr
    return {name.partition(".")[0] for name in json.loads(process.stdout)}


HEAVY = {"chdb", "clickhouse_connect", "scipy", "numpy", "pandas", "pyarrow", "rich", "genai_prices"}


def test_the_supervisor_starts_without_what_it_does_not_need() -> None:
    """The admin port's server is imported when the proxies answer already."""
    loaded = _modules_after("import cli.main, cli.commands.serve, cli.supervisor.serve")
    assert not loaded & (HEAVY | {"aiohttp", "prometheus_client", "analyzer"})


def test_the_proxy_starts_without_what_it_does_not_need() -> None:
    loaded = _modules_after("import cli.role, proxy.worker")
    assert not loaded & (HEAVY | {"aiohttp", "prometheus_client", "click", "analyzer"})
