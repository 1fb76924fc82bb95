"""`shadowbench erase` as a person and as a program meet it; the tables afterwards: `tests/store/test_erase.py`."""

import importlib.util
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import click
import pytest

from cli.main import run
from store.endpoint.place import read_endpoint
from store.erase import Erased, Eraser
from store.locate import close, connect
from tests.store.owners import store_at

pytestmark = pytest.mark.skipif(importlib.util.find_spec("chdb") is None, reason="needs shadowbench[embedded]")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store that nobody serves: the first command starts its owner."""
    directory = tmp_path_factory.mktemp("erase")
    (directory / "shadowbench.yaml").write_text("primary: {url: 'http://127.0.0.1:9'}\nstore: {dir: ./store}\n")
    yield directory
    if (endpoint := read_endpoint(directory / "store")) is not None:
        os.kill(endpoint.pid, 15)


def stored(place: Path, tenant: str) -> UUID:
    """One pair of a tenant."""
    number = uuid4()
    client = connect(store_at(place / "store"), access="writer", start_owner=True)
    row = [number, datetime.now(UTC) - timedelta(minutes=1), "a", {"tenant": tenant}, "ok", "ok"]
    names = ["request_id", "ts", "candidate", "labels", "primary_outcome", "candidate_outcome"]
    client.insert("pairs", [row], column_names=names)
    close(client)
    return number


def left(place: Path) -> set[str]:
    """Tenants that have a pair."""
    client = connect(store_at(place / "store"), access="reader", start_owner=True)
    found = {row[0] for row in client.query("SELECT DISTINCT labels['tenant'] FROM pairs").result_rows}
    close(client)
    return found


def erase(place: Path, *arguments: str) -> int:
    return run(["erase", "-c", str(place / "shadowbench.yaml"), *arguments])


def test_a_dry_run_says_what_would_go_and_a_call_takes_it(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored(place, "acme")
    stored(place, "globex")
    assert erase(place, "--label", "tenant=acme", "--dry-run") == 0
    assert capsys.readouterr().out == "would erase 1 rows of pairs\n"
    assert left(place) == {"acme", "globex"}
    assert erase(place, "--label", "tenant=acme", "--yes") == 0
    assert capsys.readouterr().out == "erased 1 request: 1 rows of pairs\n"
    assert left(place) == {"globex"}
    assert erase(place, "--label", "tenant=acme", "--yes") == 0
    assert capsys.readouterr().out == "erased nothing: no request matches\n"


def test_a_program_gets_json(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    number = stored(place, "initech")
    assert erase(place, "--request", str(number), "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["rows"]["pairs"] == 1
    assert erase(place, "--request", str(number), "--yes", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    others = ("skips", "payloads", "judgements", "labels_human", "judge_calls", "text_scores")
    assert said.pop("rows") == {"pairs": 1, **dict.fromkeys(others, 0)}
    assert said == {"requests": 1, "passes": 2, "finished_earlier": 0, "complete": True}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "either --label NAME=VALUE or --request ID"),
        (["--label", "a=b", "--request", str(uuid4())], "either --label NAME=VALUE or --request ID"),
        (["--label", "tenant"], "write NAME=VALUE"),
        (["--label", "=x"], "write NAME=VALUE"),
        (["--request", "17"], "write a UUID"),
        (["--label", "a=b"], "say --yes"),
    ],
)
def test_wrong_usage_is_64_and_one_line(
    arguments: list[str], said: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last one: nobody can be asked."""
    assert erase(place, *arguments) == 64
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1


def test_on_a_terminal_it_asks_and_no_means_no(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored(place, "hooli")
    asked: list[str] = []

    def refuse(text: str, **_: Any) -> bool:
        asked.append(text)
        raise click.Abort

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(click, "confirm", refuse)
    assert erase(place, "--label", "tenant=hooli") == 130
    assert asked == ["Erase 1 rows of pairs, for good?"]
    assert "hooli" in left(place)
    monkeypatch.setattr(click, "confirm", lambda *_, **__: True)
    assert erase(place, "--label", "tenant=hooli") == 0
    assert "hooli" not in left(place)
    assert capsys.readouterr().out == "erased 1 request: 1 rows of pairs\n"


def test_rows_that_keep_arriving_are_said_and_are_no_success(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Eraser, "erase", lambda *_: Erased(requests=2, passes=5, finished=1))
    assert erase(place, "--label", "tenant=x", "--yes") == 1
    assert "run it again" in capsys.readouterr().out


def test_a_store_that_is_not_there_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "shadowbench.yaml"
    file.write_text("primary: {url: 'http://127.0.0.1:9'}\nstore: {url: 'clickhouse://u:hunter2@127.0.0.1:1/db'}\n")
    assert run(["erase", "-c", str(file), "--label", "a=b", "--yes"]) == 70
    shown = capsys.readouterr().err
    assert "127.0.0.1:1" in shown
    assert "hunter2" not in shown
    assert shown.count("\n") == 1
