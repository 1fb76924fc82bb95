"""A store of judged pairs that commands can be asked about."""

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import run
from store.endpoint.place import read_endpoint
from tests.cli.judged import CONFIG, PAIRS, Asked, judge_everything, pair, write_lines
from tests.fakes.running import until_gone


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a configuration and a store of 20 judged pairs, whose owner the first command starts."""
    pytest.importorskip("chdb", reason="needs shadowbench[embedded]")
    directory = tmp_path_factory.mktemp("judged")
    config = directory / "shadowbench.yaml"
    config.write_text(CONFIG)
    write_lines(directory / "pairs.jsonl", [pair(n) for n in range(PAIRS)])
    with contextlib.redirect_stdout(io.StringIO()):
        assert run(["import", str(directory / "pairs.jsonl"), "-c", str(config)]) == 0
    judge_everything(config)
    yield directory
    if (endpoint := read_endpoint(directory / "data")) is not None:
        os.kill(endpoint.pid, 15)
        until_gone(endpoint.pid)


@pytest.fixture
def ask(
    judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Asked:
    """(exit code, standard output, standard error) of a command on that store, run elsewhere."""
    monkeypatch.chdir(tmp_path)

    def asked(*arguments: str) -> tuple[int, str, str]:
        code = run([*arguments, "-c", str(judged / "shadowbench.yaml")])
        captured = capfdbinary.readouterr()
        return code, captured.out.decode(), captured.err.decode()

    return asked
