"""The demonstration as a user runs it."""

import asyncio
import json
import re
import signal
from pathlib import Path
from typing import Any

from tests.scenario.commands import TIMEOUT_S, output_of, processes_below, shadowbench, wait_for_line


def verdicts(report: dict[str, Any]) -> dict[str, dict[tuple[str, str], str]]:
    return {c["name"]: {(m["metric"], m["estimand"]): m["verdict"] for m in c["metrics"]} for c in report["candidates"]}


async def test_a_short_demonstration_decides_what_differs_plainly_and_leaves_nothing_running(folder: Path) -> None:
    """swift is faster, cheaper and vaguer, sage slower, dearer and clearer; afterwards the store can still be asked."""
    shown = await output_of("demo", "--seconds", "20", "--exit", directory=folder)
    assert "no real model is called" in shown
    assert re.search(r"^judged: [\d,]+ pairs in [\d,]+ calls, \$[\d.]+ \(simulated\)", shown, re.MULTILINE)
    assert processes_below(folder) == []
    report = json.loads(await output_of("report", "--format", "json", directory=folder))
    found = verdicts(report)
    for metric in (("total_ms", "p50"), ("ttft_ms", "p50"), ("cost_usd", "mean")):
        assert found["swift"][metric] == "better", metric
        assert found["sage"][metric] == "worse", metric
    assert found["swift"]["win_rate", "win_rate"] == "worse"
    the_judge_is_measured({c["name"]: c["quality"] for c in report["candidates"]})
    await judging_goes_on_without_serve(folder)
    await pairs_survive_a_round_trip(folder)


def the_judge_is_measured(quality: dict[str, Any]) -> None:
    """Its lean to the first answer, its wavering, the attacks on it, and its price are all in the report."""
    assert quality["swift"]["judges"][0]["wins"] < quality["swift"]["judges"][0]["losses"]
    assert quality["sage"]["judges"][0]["wins"] > quality["sage"]["judges"][0]["losses"]
    for candidate in quality.values():
        (judge,) = candidate["judges"]
        (position,) = judge["position"]
        assert position["first"] > position["second"]
        assert judge["repeats"]["verdicts"]["n"] > 0
        assert judge["canaries"]["fell"]["n"] > 0
        assert judge["calls"]["usd"] is not None


async def judging_goes_on_without_serve(folder: Path) -> None:
    """Nobody listens where the judge was, so only what it would take is asked; people get a sheet."""
    said = json.loads(await output_of("judge", "run", "--dry-run", "--format", "json", directory=folder))
    assert said["estimate"]["judged"] > 0
    assert said["outcome"] is None
    sheet = ("labels", "export", "--unlabelled", "5", "--labeler", "anna", "--candidate", "swift", "--out", "s.csv")
    assert await output_of(*sheet, directory=folder) == "5 pairs in s.csv\n"
    assert "Nobody has labelled" in await output_of("judge", "agreement", directory=folder)


async def pairs_survive_a_round_trip(folder: Path) -> None:
    """Out of the demonstration's store, into an empty one, and out of that: the same bytes, texts and all."""
    other = folder / "other.yaml"
    other.write_text("primary: {url: 'http://127.0.0.1:9'}\nstore: {dir: ./other}\n", encoding="utf-8")
    for name in ("p.parquet", "p.csv", "p.jsonl"):
        await output_of("export", "--texts", "--out", name, directory=folder)
        said = await output_of("import", name, "-c", "other.yaml", "--json", directory=folder)
        assert (json.loads(said)["pairs"] > 0) == (name == "p.parquet"), "each form holds the same pairs"
        await output_of("export", "--texts", "--out", f"again-{name}", "-c", "other.yaml", directory=folder)
        assert (folder / name).read_bytes() == (folder / f"again-{name}").read_bytes()


async def test_ctrl_c_ends_a_demonstration_in_order(folder: Path) -> None:
    """SIGINT in the middle of the traffic: exit without an error line, and no process is left."""
    process = await shadowbench("demo", "--seconds", "60", directory=folder)
    await wait_for_line(process, "simulated traffic")
    process.send_signal(signal.SIGINT)
    _, errors = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    assert (process.returncode, errors) == (0, b"")
    assert processes_below(folder) == []
