"""Everything that is no single pair: metrics, states, reports, configuration, experiments, decisions."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import pytest
from pydantic import BaseModel, SecretStr

from analyzer.metrics import METRICS
from analyzer.report.json_form import as_json
from analyzer.reports.shelf import Shelf
from config.model import Config, Store
from record.states import State
from store import tables
from store.decisions import DecisionRow, write_decisions
from store.locate import StoreConnection
from store.writer import Writer
from tests.analyzer.dashboard.conftest import Asking, site_of
from tests.analyzer.dashboard.made import NOW
from tests.analyzer.report.studies import hostile, made
from tests.analyzer.rows import as_values
from tests.store.judging.conftest import pair

API = "/api/v1"


@pytest.fixture
async def api(pages_store: Store, open_pages: Any) -> Asking:
    return await open_pages(site_of(pages_store))  # type: ignore[no-any-return]


@pytest.fixture
def writer(pages_store: Store) -> Iterator[Writer]:
    found = Writer(StoreConnection(pages_store, access="writer"))
    yield found
    found.close()


async def test_the_catalogue_has_every_metric_of_a_report(api: Asking) -> None:
    _, found = await api.json("GET", f"{API}/metrics-catalogue")
    assert [(m["metric"], m["estimand"]) for m in found["metrics"]] == [m.key for m in METRICS]
    cost = next(m for m in found["metrics"] if m["metric"] == "cost_usd")
    assert (cost["unit"], cost["better"], cost["margin"]) == ("USD", "lower", {"value": 0.05, "relative": True})


async def test_states_add_up_per_candidate(api: Asking, writer: Writer) -> None:
    """100 received: 60 not in the sample, 20 over budget, 20 admitted; of these 3 are pairs, 2 lost, the rest open."""
    at = NOW - timedelta(minutes=90)
    counts = {"received": 100, "unsampled": 60, "budget": 20, "admitted": 20, "ended": 20, "worker_lost": 2}
    rows = [[at.replace(microsecond=0), "proxy-0", "counted", state, n] for state, n in counts.items()]
    writer.insert("counters", rows, "counted")
    pairs = [pair(at + timedelta(seconds=n), "counted") for n in range(3)]
    writer.insert("pairs", as_values(tables.PAIRS, pairs), "counted-pairs")
    _, found = await api.json("GET", f"{API}/states?since=2h")
    (mine,) = [one for one in found["candidates"] if one["candidate"] == "counted"]
    assert mine["states"] == {
        "received": 100, "unsampled": 60, "budget": 20, "open": 15, "pair": 3, "worker_lost": 2
    }  # fmt: skip
    assert mine["classes"] == {"not_asked": 60, "by_design": 20, "candidate": 0, "ours": 2, "kept": 18}
    assert sum(mine["classes"].values()) == mine["states"]["received"]
    assert set(mine["states"]) <= {"received", *(state.value for state in State)}


SENTINEL = "s3ntinel-that-nobody-may-see"


def secrets_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Where the configuration may hold a secret."""
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        if "SecretStr" in repr(field.annotation) or "SecretStr" in repr(field.metadata):
            yield key
        for inner in _models(field.annotation):
            yield from secrets_of(inner, f"{key}.")


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for one in get_args(annotation) for model in _models(one)]


async def test_no_secret_of_the_configuration_is_told(open_pages: Any, tmp_path: Path) -> None:
    """Each of them is set; the walk over the settings says which there are."""
    key = f"Bearer {SENTINEL}-{'x' * 32}"
    upstream = {"url": "http://127.0.0.1:9", "headers": {"authorization": key}}
    values = {
        "primary": {"url": "http://127.0.0.1:9"},
        "admin": {"token": key},
        "dashboard": {"token": key},
        "candidates": [{"name": "swift", **upstream, "sample": 0.1, "params": {"temperature": 0.5}}],
        "control": {"headers": {"authorization": key}},
        "capture": {"encrypt": key.replace(" ", "")},
        "store": {"url": f"clickhouse://user:{SENTINEL}@127.0.0.1:9/db"},
        "judge": {
            "models": [{"name": "j", "url": "http://127.0.0.1:8", "model": "m", "api_key": key, "headers": {"x-k": key},
                        "price": {"input_per_mtok": 1, "output_per_mtok": 1}}],
            "embeddings": {"url": "http://127.0.0.1:7", "model": "e", "api_key": key, "headers": {"x-k": key}},
            "metrics": ["embedding_similarity"],
            "budget": {"usd_per_day": "1"},
        },
        "webhooks": [{"url": f"http://127.0.0.1:9/{SENTINEL}", "headers": {"x-k": key}}],
        "telemetry": {"endpoint": "http://127.0.0.1:9", "headers": {"x-k": key}},
    }  # fmt: skip
    named = {found.replace(".", "") for found in secrets_of(Config)}
    said = json.dumps(values)
    assert said.count(SENTINEL) >= len(named) - 1, named  # all but the listener's, which names files
    config = Config.model_validate(values)
    api = await open_pages(site_of(Store(dir=str(tmp_path))))
    api.site.config = config.model_copy(update={"dashboard": config.dashboard.model_copy(update={"token": None})})
    _, found = await api.json("GET", f"{API}/configuration")
    text = json.dumps(found)
    assert SENTINEL not in text
    assert found["configuration"]["candidates"][0]["headers"] == {"authorization": str(SecretStr("x"))}
    assert found["configuration"]["candidates"][0]["params"] == {"temperature": 0.5}
    assert "from" in found["configuration"]["sampling"]
    assert found["configuration"]["drain"] == 30.0
    assert len(found["digest"]) == 64


async def test_the_shelf(nowhere: Store, open_pages: Any, tmp_path: Path) -> None:
    off = await open_pages(site_of(nowhere))
    assert (await off.json("GET", f"{API}/reports"))[1] == {"is_on": False, "reports": []}
    assert (await off.json("GET", f"{API}/reports/20260301T020000Z"))[0] == 404
    shelf = Shelf(tmp_path / "shelf")
    with shelf.alone():
        for day, study in ((1, made()), (2, hostile("<script>alert(1)</script>")), (3, made())):
            text = json.dumps(as_json(study, version="1"))
            shelf.put(datetime(2026, 3, day, 2, tzinfo=UTC), {"json": text, "html": "x", "md": "x"}, keep=9)
    on = await open_pages(site_of(nowhere, reports={"dir": str(shelf.directory)}))
    _, found = await on.json("GET", f"{API}/reports?limit=2")
    assert [one["name"] for one in found["reports"]] == ["20260303T020000Z", "20260302T020000Z"]
    assert found["reports"][0]["due"] == "2026-03-03T02:00:00Z"
    assert found["reports"][0]["candidates"][0]["decision"] in {"promote", "reject", "wait"}
    status, report = await on.json("GET", f"{API}/reports/20260302T020000Z")
    assert (status, report) == (200, json.loads(shelf.text("20260302T020000Z", "json") or ""))
    for name in ("20260309T020000Z", "..%2f..%2fetc%2fpasswd", ".lock", "index", "%00"):
        assert (await on.json("GET", f"{API}/reports/{name}"))[0] == 404, name


async def test_experiments_are_told_with_what_decides(api: Asking, writer: Writer) -> None:
    policy = json.dumps({"level": 0.95})
    rows = [
        ["e-1", "seen", json.dumps({"model": "a"}), NOW - timedelta(days=2), policy, 1000],
        ["e-2", "seen", json.dumps({"model": "b"}), NOW - timedelta(days=1), "", None],
        ["e-3", "other", "no JSON", NOW, "", None],
    ]
    writer.insert("experiments", rows, "seen")
    _, found = await api.json("GET", f"{API}/experiments?candidate=seen")
    assert [(e["id"], e["compared"], e["policy"], e["planned_pairs"]) for e in found["experiments"]] == [
        ("e-2", {"model": "b"}, None, None), ("e-1", {"model": "a"}, {"level": 0.95}, 1000)
    ]  # fmt: skip
    _, newest = await api.json("GET", f"{API}/experiments?limit=1")
    assert [(e["id"], e["compared"]) for e in newest["experiments"]] == [("e-3", None)]


async def test_decisions_are_told_the_newest_first(api: Asking, writer: Writer) -> None:
    rows = [
        DecisionRow(
            uuid4(), NOW - timedelta(hours=hours), name, "e", "gate", "wait", ("because", "<b>of</b> it"), NOW, NOW, 7,
            "p" * 64, "r" * 64, "",
        )
        for hours, name in ((3, "decided"), (1, "decided"), (2, "else"))
    ]  # fmt: skip
    write_decisions(writer, rows)
    _, found = await api.json("GET", f"{API}/decisions?candidate=decided")
    assert [one["id"] for one in found["decisions"]] == [str(rows[1].id), str(rows[0].id)]
    assert found["decisions"][0]["reasons"] == ["because", "<b>of</b> it"]
    assert len((await api.json("GET", f"{API}/decisions?limit=1"))[1]["decisions"]) == 1
    assert (await api.json("GET", f"{API}/decisions?candidate=nobody"))[1] == {"decisions": []}
