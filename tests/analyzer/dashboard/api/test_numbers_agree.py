"""Page, HTML report, `watch`, `report`, `gate` and API say the same of one store and one window: the study is one."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from analyzer.dashboard.live import watching
from analyzer.dashboard.site import Site
from analyzer.metrics import METRICS, Metric, named
from cli.commands import gate, report, watch
from cli.main import run
from config.load import load_config
from config.model import Config
from runtime.log import Log
from store import tables
from store.locate import StoreConnection
from store.writer import Writer
from tests.analyzer.conftest import counter_rows, stored_pairs, stored_skips
from tests.analyzer.dashboard.conftest import Asking
from tests.analyzer.rows import START, as_values
from tests.store.owners import store_at, transient

NOW = START + timedelta(hours=1)
"""When everybody looks: the window of the last hour holds the pairs of its first eight minutes."""
SINCE = "2026-03-01T10:00"
UNTIL = "2026-03-01T11:00"
CONFIG = """\
primary: {url: http://127.0.0.1:9}
candidates:
  - {name: swift, url: http://127.0.0.1:9, sample: 10%}
  - {name: sage, url: http://127.0.0.1:9, sample: 10%}
control: {sample: 5%}
policy:
  primary_metrics:
    - {metric: total_ms, estimand: p50, margin: 200}
  guardrails: [{metric: error_rate, margin: 0.2}]
  minimum: {pairs: 200}
  control: {required: false}
  planned_pairs: 1000
"""


class Still(datetime):
    """A clock that stands."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Still":
        return cls.fromtimestamp(NOW.timestamp(), tz)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    pytest.importorskip("chdb", reason="needs shadowbench[embedded]")
    directory = tmp_path_factory.mktemp("agree")
    with transient(directory / "store"):
        writer = Writer(StoreConnection(store_at(directory / "store"), access="writer"))
        writer.insert("pairs", as_values(tables.PAIRS, stored_pairs()), "pairs-1")
        writer.insert("skips", as_values(tables.SKIPS, stored_skips()), "skips-1")
        writer.insert("counters", counter_rows(), "counters-1")
        writer.close()
        config = directory / "shadowbench.yaml"
        config.write_text(CONFIG + f"store: {{dir: {directory}/store}}\ncapture: {{dir: {directory}/capture}}\n")
        yield config


@pytest.fixture
def config(file: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    for command in (gate, report, watch):
        monkeypatch.setattr(command, "datetime", Still)
    monkeypatch.setattr(watching, "FIRST_S", 120.0)
    return load_config(file)


async def pages(config: Config, open_pages: Any) -> Asking:
    site = Site.of(config, Log("dashboard"))
    site.clock = lambda: NOW
    asking = await open_pages(site)
    assert isinstance(asking, Asking)
    return asking


def said(captured: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """What a command prints, as JSON."""
    assert run(list(arguments)) in {0, 1, 2}
    return json.loads(captured.readouterr().out)


async def test_everybody_says_the_same(
    config: Config, file: Path, open_pages: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Commands and API give one object, equal down to the last digit, its id and the time at which it was made; page
    and HTML report show its numbers, rounded, its decisions and its reasons.
    """
    asking = await pages(config, open_pages)
    status, told = await asking.json("GET", "/api/v1/comparisons?since=1h")
    assert status == 200
    assert {c["name"]: c["decision"] for c in told["candidates"]} == {"swift": "promote", "sage": "wait"}
    window = ("-c", str(file), "--since", SINCE, "--until", UNTIL)
    assert said(capsys, "report", *window, "--format", "json") == told
    assert said(capsys, "gate", *window, "--format", "json") == told
    assert said(capsys, "watch", "-c", str(file), "--since", "1h", "--once", "--json") == told
    await decided(asking, told)
    out = tmp_path / "report.html"
    assert run(["report", *window, "--format", "html", "--out", str(out)]) == 0
    _, page, _ = await asking.ask("GET", "/live/fragment?window=1h")
    whole = out.read_text()
    assert f"report {told['id']}." in whole
    shown_in(page, whole, told)


async def decided(asking: Asking, told: dict[str, Any]) -> None:
    """What `gate` has decided stands in the store as the object has it."""
    for candidate in told["candidates"]:
        _, found = await asking.json("GET", f"/api/v1/decisions?candidate={candidate['name']}")
        (newest,) = found["decisions"]
        for name in ("decision", "pairs", "reasons"):
            assert newest[name] == candidate[name]
        assert (newest["since"], newest["until"]) == (f"{SINCE}:00Z", f"{UNTIL}:00Z")
        assert newest["decided_at"] == told["generated_at"]


def shown_in(page: str, whole: str, told: dict[str, Any]) -> None:
    """The page shows less than the file, and of that the same; all of it is the object's."""
    shown = 0
    for number, candidate in enumerate(told["candidates"], 1):
        card = cards(page)[f"candidate-{number}"]
        text = plain(card)
        assert f"{candidate['name']} against the primary" in text
        assert f">{candidate['decision']}<" in card
        assert f"{candidate['pairs']:,} pairs" in text
        for sentence in (candidate["reasons"][0], *(check["sentence"] for check in candidate["checks"])):
            assert " ".join(sentence.split()) in text
        by_key = {f"{row['metric']}-{row['estimand']}": row for row in candidate["metrics"]}
        in_file = dict(rows(cards(whole)[f"candidate-{number}"], f"candidate-{number}"))
        for key, cells in in_file.items():
            same(by_key[key], cells)
        for key, cells in rows(card, f"candidate-{number}"):
            assert cells == in_file[key]
            shown += 1
    assert shown > 8


def cards(html: str) -> dict[str, str]:
    """Id -> the section of a candidate."""
    found = re.findall(r'<section class="card" id="(candidate-\d+)".*?</section>', html, re.DOTALL)
    parts = re.findall(r'(<section class="card" id="candidate-\d+".*?</section>)', html, re.DOTALL)
    assert found
    return dict(zip(found, parts, strict=True))


def rows(card: str, anchor: str) -> Iterator[tuple[str, list[str]]]:
    """(metric-estimand, cells) of the table of metrics."""
    card = re.sub(r"<svg.*?</svg>", "", card, flags=re.DOTALL)
    for key, row in re.findall(rf'<tr id="{anchor}-([^"]+)">(.*?)</tr>', card, re.DOTALL):
        yield key, [plain(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]


def plain(html: str) -> str:
    """The text that people read."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def same(row: dict[str, Any], cells: list[str]) -> None:
    """A row of the page against one of the object."""
    metric = named(METRICS, row["metric"], row["estimand"])
    assert metric is not None
    primary, candidate, difference, interval, verdict = cells
    if metric.estimand != "log_ratio":
        close(primary, row["primary"], metric)
        close(candidate, row["candidate"], metric)
        close(difference.split()[0], row["difference"], metric)
        if row["interval"] is not None:
            low, high = re.findall(r"[-+]?[\d,.]+", interval)[:2]
            close(low, row["interval"]["low"], metric)
            close(high, row["interval"]["high"], metric)
        if row["bound"] is not None and "bound" in interval:
            close(re.findall(r"bound [≤≥] ([-+]?[\d,.]+)", interval)[0], row["bound"]["value"], metric)
    assert verdict.startswith(row["verdict"].replace("_", " ")) or row["verdict"] in verdict


def close(shown: str, value: float | None, metric: Metric) -> None:
    """The shown number is this one, rounded to the digits that it shows."""
    if value is None:
        assert shown == "-", (metric.key, shown)
        return
    digits = shown.replace(",", "").lstrip("+")
    places = len(digits.partition(".")[2])
    zeros = len(digits) - len(digits.rstrip("0")) if "." not in digits and float(digits) else 0
    unit = 10.0**zeros / 10.0**places
    assert abs(float(digits) - value * metric.measure.shown.times) <= 0.5000001 * unit, (metric.key, shown, value)
