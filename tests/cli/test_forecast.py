"""What a configuration would copy and cost per day: received x share x mean cost; what is unknown stays unknown."""

import importlib.util
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cli import forecast as module
from cli.forecast import ArmForecast, Forecast, Traffic, forecast, forecast_by, forecast_form, forecast_lines
from cli.main import run
from config.experiment import experiments
from config.load import located, validate
from config.model import Config, Store
from config.source import Source
from store.locate import StoreConnection
from store.migrate import migrate
from store.spending import CopyCosts
from store.writer import Writer
from tests.store.owners import store_at, transient
from tests.store.test_spending import pair


def config_of(directory: Path = Path("/nowhere"), **more: Any) -> Config:
    values = {
        "primary": {"url": "http://gateway:4000"},
        "candidates": [
            {"name": "llama", "url": "http://vllm:8000", "sample": "10%", **more},
            {"name": "idle", "url": "http://vllm:8001"},
        ],
        "control": {"sample": "5%"},
    }
    return located(validate(Source("test", values, {})), directory)


def traffic_of(config: Config, received: dict[str, int], cost: str | None, priced: int = 4) -> Traffic:
    found = CopyCosts(5, priced, Decimal(cost)) if cost is not None else CopyCosts(5, 0, Decimal(0))
    return Traffic(received, {("llama", experiments(config)["llama"].id): found})


def test_received_times_share_times_the_mean_cost_of_those_that_have_one() -> None:
    """1,000 requests, a tenth of them, 0.02 / 4 dollars each."""
    config = config_of()
    found = forecast_by(config, traffic_of(config, {"llama": 1000}, "0.02"))
    assert found == Forecast(
        1000,
        [
            ArmForecast("llama", 100, Decimal("0.005"), Decimal("0.5"), is_at_budget=False),
            ArmForecast("control", 50, None, None, is_at_budget=False),
        ],
    )
    assert forecast_lines(found) == [
        "per day, by the 1,000 requests of the last 24 hours:",
        "  llama: at most 100 copies, $0.5000",
        "  control: at most 50 copies, cost unknown (no copy of this experiment has a known cost yet)",
    ]
    assert forecast_form(found) == {
        "requests_24h": 1000,
        "candidates": [
            {
                "name": "llama", "copies_per_day": 100, "usd_per_copy": "0.005000000", "usd_per_day": "0.500000000",
                "at_budget": False,
            },
            {"name": "control", "copies_per_day": 50, "usd_per_copy": None, "usd_per_day": None, "at_budget": False},
        ],
        "judging": None,
    }  # fmt: skip


def test_budget_and_rate_end_it() -> None:
    config = config_of(budget={"usd_per_day": "0.3"})
    found = forecast_by(config, traffic_of(config, {"llama": 1000}, "0.02"))
    assert isinstance(found, Forecast)
    assert (found.arms[0].usd, found.arms[0].is_at_budget) == (Decimal("0.3"), True)
    assert "llama: at most 100 copies, $0.3000 (the budget; copies end there)" in forecast_lines(found)[1]
    config = config_of(budget={"requests_per_minute": 2})
    found = forecast_by(config, traffic_of(config, {"llama": 10**6}, "0.02"))
    assert isinstance(found, Forecast)
    assert found.arms[0].copies == 2880


def test_costs_of_another_experiment_are_not_ours() -> None:
    config = config_of()
    found = forecast_by(config_of(model="another"), traffic_of(config, {"llama": 1000}, "0.02"))
    assert isinstance(found, Forecast)
    assert found.arms[0].usd is None


def test_traffic_is_what_the_candidate_that_was_there_longest_has_seen() -> None:
    config = config_of()
    for received, requests in (
        ({"llama": 10, "control": 1000, "foreign": 5000}, 1000),
        ({"foreign": 5000, "other": 70}, 5000),
    ):
        found = forecast_by(config, Traffic(received, {}))
        assert isinstance(found, Forecast)
        assert found.requests == requests
    assert forecast_by(config, Traffic({}, {})) == "the store holds no traffic of the last 24 hours"


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("needs shadowbench[embedded]")
    directory = tmp_path_factory.mktemp("forecast")
    with transient(directory):
        yield store_at(directory)


def test_a_store_is_read(store: Store) -> None:
    config = config_of().model_copy(update={"store": store})
    connection = StoreConnection(store, access="writer")
    client = connection.client()
    migrate(client, client.database or "")
    experiment = experiments(config)["llama"].id
    now = datetime.now(UTC)
    old = now - timedelta(hours=25)
    writer = Writer(connection)
    rows = [pair("0.002", experiment=experiment), pair("0.004", experiment=experiment), pair(None), pair("9", ts=old)]
    writer.insert("pairs", rows, "f-1")
    counts = [[at.replace(microsecond=0), "proxy-0", "llama", "received", n] for at, n in ((now, 2000), (old, 10**6))]
    writer.insert("counters", counts, "f-2")
    connection.drop()
    found = forecast(config)
    assert isinstance(found, Forecast)
    assert (found.requests, found.arms[0].usd_per_copy, found.arms[0].usd) == (2000, Decimal("0.003"), Decimal("0.6"))


def test_a_store_that_is_away_fails_no_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("primary: {url: http://p}\ncandidates:\n  - {name: llama, url: http://l, sample: 1}\n")
    assert run(["check", "-c", str(file)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("no forecast of copies and dollars per day: no owner of the embedded store ")
    assert run(["check", "-c", str(file), "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["valid"] is True
    assert answer["forecast"]["missing"].startswith("no owner of the embedded store")
    assert list(tmp_path.iterdir()) == [file], "a check starts nothing and writes nothing"


def test_a_store_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(module, "connect", lambda *_args, **_options: over.wait(30))
    began_s = time.monotonic()
    assert forecast(config_of(), 0.1) == "the store did not answer within 0.1 s"
    assert time.monotonic() - began_s < 10
    over.set()


def test_a_surprise_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_options: object) -> None:
        raise KeyError("ts")

    monkeypatch.setattr(module, "connect", broken)
    assert forecast(config_of()) == "the store cannot be read (KeyError: 'ts')"
