"""Recorded outputs of real models, at real arrival times, through the whole pipeline: `python -m bench.replay`.

Upstreams serve what GPT-4 Turbo, Claude 2 and text-davinci-003 once answered to the same instructions. The official
`openai` client and plain httpx ask for them, streamed and not, in the rhythm of a recorded trace. Afterwards every pair
in the store is compared with the recordings.
"""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.asking import CLIENT_KEY, plan, send_all
from bench.compared import PAIRS_SQL, PAYLOADS_SQL, Comparison, check_clients
from bench.pipeline import Pipeline
from bench.recordings import (
    RecordedUpstream,
    RecordingsMissingError,
    read_arrivals,
    read_outputs,
    shared_directory,
)
from record.pair import CONTROL

PRIMARY = "gpt4_1106_preview"
CANDIDATES = {"claude": "claude-2", "davinci": "text_davinci_003"}


@dataclass(frozen=True, slots=True)
class Counts:
    """What was replayed and found."""

    sent: int
    pairs: dict[str, int]
    compared_texts: int
    reported_usage: int
    """Legs whose tokens were compared with what was served."""


class Stage:
    """Recorded upstreams with shadowbench in front of them."""

    def __init__(self, shared: Path) -> None:
        models = {"primary": PRIMARY, **CANDIDATES}
        self.recordings = {arm: read_outputs(shared, model) for arm, model in models.items()}
        self.recordings[CONTROL] = self.recordings["primary"]
        self.upstreams = {
            arm: RecordedUpstream(
                self.recordings[arm], model=model, key=CLIENT_KEY if arm == "primary" else f"key-of-{arm}"
            )
            for arm, model in models.items()
        }

    def configuration(self) -> dict[str, Any]:
        """Everything is copied to everybody, and every text is kept."""
        candidates = [
            {
                "name": arm,
                "url": f"http://127.0.0.1:{self.upstreams[arm].port}",
                "model": model,
                "headers": {"authorization": f"Bearer key-of-{arm}"},
                "sample": 1.0,
                "max_in_flight": 1000,
            }
            for arm, model in CANDIDATES.items()
        ]
        return {
            "primary": {"url": f"http://127.0.0.1:{self.upstreams['primary'].port}"},
            "candidates": candidates,
            "control": {"sample": 1.0, "max_in_flight": 1000},
            "limits": {"loop_lag": "1h"},
            "privacy": {"bodies": "full"},
            "blocks": {"length": "1s"},
            "drain": "5s",
        }


async def replay(shared: Path, directory: Path, *, requests: int, seconds: float) -> tuple[Counts, list[str], str]:
    """Replays the first `requests` instructions and compares.

    Returns:
        Counts, faults (none, if all is well), and what `shadowbench audit` prints.
    """
    stage = Stage(shared)
    instructions = list(stage.recordings["primary"])[:requests]
    asks = plan(PRIMARY, instructions, read_arrivals(shared, len(instructions)), seconds)
    async with AsyncExitStack() as stack:
        for upstream in stage.upstreams.values():
            await stack.enter_async_context(upstream)
        pipeline = await stack.enter_async_context(Pipeline(directory, stage.configuration()))
        got = await send_all(asks, pipeline.base_url)
        expected = len(asks) * (len(CANDIDATES) + 1)
        await pipeline.wait_for_pairs(expected, timeout_s=30.0)
        rows = await pipeline.rows(PAIRS_SQL)
        served = {arm: upstream.served for arm, upstream in stage.upstreams.items()}
        comparison = Comparison(stage.recordings, served, asks, await pipeline.rows(PAYLOADS_SQL))
        comparison.check_pairs(rows)
        audit = await pipeline.command("audit")
    faults = check_clients(asks, got, stage.recordings["primary"]) + comparison.faults
    for arm, upstream in stage.upstreams.items():
        faults += upstream.refused
        wanted = len(asks) * (2 if arm == "primary" else 1)  # the primary answers the control leg too
        if len(upstream.served) != wanted:
            faults.append(f"{arm}: the upstream answered {len(upstream.served)} requests instead of {wanted}")
    pairs = Counter(row["candidate"] for row in rows)
    counts = Counts(len(asks), dict(pairs), comparison.compared_texts, comparison.reported_usage)
    return counts, faults, audit


def main(arguments: Sequence[str] | None = None) -> int:
    """Replays and prints sent, pairs and states."""
    parser = argparse.ArgumentParser(description="Replays recorded answers of real models through shadowbench.")
    parser.add_argument("--requests", type=int, default=805, help="how many instructions, at most 805")
    parser.add_argument("--seconds", type=float, default=30.0, help="the trace is squeezed into so many seconds")
    options = parser.parse_args(arguments)
    try:
        shared = shared_directory()
    except RecordingsMissingError as error:
        print(f"bench.replay: skipped: {error}", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory(prefix="shadowbench-replay-") as directory:
        counts, faults, audit = asyncio.run(
            replay(shared, Path(directory), requests=options.requests, seconds=options.seconds)
        )
    print(f"sent {counts.sent} requests; pairs {counts.pairs}")
    print(f"compared with the recordings: {counts.compared_texts} texts, usage of {counts.reported_usage} legs")
    print(audit)
    for fault in faults[:20]:
        print(f"FAULT {fault}")
    print("every pair equals its recording" if not faults else f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
