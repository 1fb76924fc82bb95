"""Which experiment rows belong to, while the configuration of a running service changes."""

import json
import signal
import sys
import time
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from config.model import Store
from store.locate import close, connect
from store.reader import Reader
from tests.cli.test_serve import ANSWER, FREE, ask, ports, until_stored, upstream
from tests.fakes.running import PATIENCE_S, Running

__all__ = ["upstream"]

SECRET = "Bearer sk-not-for-the-store"


def write(file: Path, upstream: ThreadingHTTPServer, policy: dict[str, Any] | None = None, **candidate: Any) -> None:
    url = f"http://127.0.0.1:{upstream.server_address[1]}"
    twin = {"name": "twin", "url": url, "model": "other", "sample": 1.0, "headers": {"authorization": SECRET}}
    file.write_text(json.dumps({"primary": {"url": url}, "candidates": [twin | candidate], "policy": policy}))


def reload(program: Running) -> None:
    program.signal(signal.SIGHUP)
    program.line(r"^supervisor +reloaded ")


def stored(directory: Path) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Pairs in order of time, and what their experiments are."""
    client = connect(Store(dir=str(directory)), access="reader", start_owner=False)
    try:
        reader = Reader(client)
        pairs = reader.query("SELECT experiment, sample_share, changed FROM pairs ORDER BY ts")
        return pairs, {e.id: json.loads(e.compared) for e in reader.experiments().values()}
    finally:
        close(client)


def test_shares_and_secrets_go_on_with_an_experiment_and_params_start_another(
    tmp_path: Path, upstream: ThreadingHTTPServer
) -> None:
    """Each row keeps the share at which it was drawn; what is compared can be read, and holds no secret."""
    file, directory = tmp_path / "shadowbench.yaml", tmp_path / "data" / "store"
    steps: tuple[dict[str, Any], ...] = (
        {"sample": 1.0},
        {"sample": 0.999999, "headers": {"authorization": SECRET + "-2"}, "timeout": {"total": "9s"}},
        {"sample": 0.999999, "params": {"temperature": 0.5}},
    )
    experiments: dict[str, dict[str, Any]] = {}
    pairs: list[dict[str, Any]] = []
    write(file, upstream, **steps[0])
    with Running([sys.executable, "-m", "cli.main", "serve", "-c", str(file), *FREE], cwd=tmp_path) as program:
        clients, _ = ports(program)
        program.line(r"^store +ready")
        for number, step in enumerate(steps):
            if number:
                write(file, upstream, **step)
                reload(program)
            deadline = time.monotonic() + PATIENCE_S
            while not pairs or not is_by(pairs[-1], step):
                assert time.monotonic() < deadline, pairs
                assert ask(clients) == (200, ANSWER)
                until_stored(directory, len(pairs) + 1)
                pairs, experiments = stored(directory)
        program.signal(signal.SIGTERM)
        assert program.wait() == 0
    first, second, third = (next(p for p in pairs if is_by(p, step)) for step in steps)
    assert first["experiment"] == second["experiment"] != third["experiment"]
    assert len({p["experiment"] for p in pairs}) == 2
    assert set(experiments) == {first["experiment"], third["experiment"]}
    assert experiments[first["experiment"]]["candidate"]["params"] == {}
    compared = experiments[third["experiment"]]
    assert compared["candidate"]["params"] == {"temperature": 0.5}
    assert compared["candidate"]["model"] == "other"
    assert compared["primary"]["url"] == compared["candidate"]["url"]
    assert "sk-not" not in json.dumps(experiments)


def is_by(pair: dict[str, Any], step: dict[str, Any]) -> bool:
    """Was the pair made by this step's configuration?"""
    return pair["sample_share"] == step["sample"] and ("temperature" in pair["changed"]) == ("params" in step)


def test_a_policy_is_taken_up_by_a_reload_starts_an_experiment_and_is_stored_with_it(
    tmp_path: Path, upstream: ThreadingHTTPServer
) -> None:
    file, directory = tmp_path / "shadowbench.yaml", tmp_path / "data" / "store"
    policy = {"guardrails": [{"metric": "error_rate", "margin": "1%"}], "planned_pairs": 700}
    declared: list[tuple[str, int | None]] = []
    write(file, upstream)
    with Running([sys.executable, "-m", "cli.main", "serve", "-c", str(file), *FREE], cwd=tmp_path) as program:
        clients, _ = ports(program)
        program.line(r"^store +ready")
        assert ask(clients) == (200, ANSWER)
        until_stored(directory, 1)
        write(file, upstream, policy)
        reload(program)
        deadline, asked = time.monotonic() + PATIENCE_S, 1
        while len(declared) < 2:
            assert time.monotonic() < deadline, declared
            assert ask(clients) == (200, ANSWER)
            asked += 1
            until_stored(directory, asked)
            declared = policies(directory)
        program.signal(signal.SIGTERM)
        assert program.wait() == 0
    assert [planned for _, planned in declared] == [None, 700]
    assert declared[0][0] == ""
    assert json.loads(declared[1][0])["guardrails"] == [
        {
            "metric": "error_rate",
            "estimand": None,
            "margin": {"value": 0.01, "relative": True},
            "require": "not_worse",
        }
    ]


def policies(directory: Path) -> list[tuple[str, int | None]]:
    """Policy and planned pairs of every experiment, the first that was seen first."""
    client = connect(Store(dir=str(directory)), access="reader", start_owner=False)
    try:
        rows = Reader(client).query("SELECT policy, planned_pairs FROM experiments ORDER BY created")
        return [(row["policy"], row["planned_pairs"]) for row in rows]
    finally:
        close(client)
