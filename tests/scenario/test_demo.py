"""The demonstration as a user runs it."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

from tests.scenario.commands import TIMEOUT_S, output_of, processes_below, shadowbench, wait_for_line


def verdicts(report: dict[str, Any]) -> dict[str, dict[tuple[str, str], str]]:
    return {c["name"]: {(m["metric"], m["estimand"]): m["verdict"] for m in c["metrics"]} for c in report["candidates"]}


async def test_a_short_demonstration_decides_what_differs_plainly_and_leaves_nothing_running(folder: Path) -> None:
    """swift is faster and cheaper, sage slower and dearer; afterwards the store can still be asked."""
    shown = await output_of("demo", "--seconds", "20", "--exit", directory=folder)
    assert "no real model is called" in shown
    assert processes_below(folder) == []
    report = json.loads(await output_of("report", "--format", "json", directory=folder))
    found = verdicts(report)
    for metric in (("total_ms", "p50"), ("ttft_ms", "p50"), ("cost_usd", "mean")):
        assert found["swift"][metric] == "better", metric
        assert found["sage"][metric] == "worse", metric
    await pairs_survive_a_round_trip(folder)


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
