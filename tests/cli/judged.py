"""A store of judged pairs, for commands about judges and labels."""

import asyncio
import contextlib
import json
import queue
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from analyzer.judge.rubric import load
from config.load import load_config
from store.judging.due import listed
from store.judging.rows import JudgementRow, write
from store.locate import StoreConnection
from store.reader import Reader
from store.writer import Writer
from tests.fakes.judge import Decide, JudgeUpstream

NOW = datetime.now(UTC).replace(microsecond=0)
RUBRIC = load("helpfulness").id
PAIRS = 20
CONFIG = """\
primary: {url: 'http://127.0.0.1:9'}
candidates: [{name: llama, url: 'http://127.0.0.1:9', model: m, sample: 1}]
store: {dir: ./data}
judge: {models: []}
"""
Asked = Callable[..., tuple[int, str, str]]


def pair(number: int) -> dict[str, Any]:
    """Both answers say whose they are; the primary's would be a formula in a spreadsheet."""
    request = {"model": "m", "messages": [{"role": "user", "content": f"Question {number}?"}]}
    return {
        "request_id": f"0195f0a0-0000-7000-8000-{number:012d}",
        "ts": (NOW - timedelta(hours=1, seconds=number)).isoformat(),
        "candidate": "llama",
        "endpoint": "chat/completions",
        "primary_outcome": "ok",
        "candidate_outcome": "ok",
        "primary_request_text": json.dumps(request),
        "primary_response_text": f"=primary({number})",
        "candidate_response_text": f"candidate {number}",
    }


def judge_everything(config: Path) -> None:
    connection = StoreConnection(load_config(config).store, access="writer")
    try:
        pairs = listed(Reader(connection.client()), NOW - timedelta(days=1), NOW, None, 100)
        rows = [
            JudgementRow(
                p.request_id, p.ts, p.candidate, p.experiment, p.block, p.bucket, p.labels,
                judge="j", rubric=RUBRIC, rung="judge", mode="pairwise", preference=1.0, preference_pc=1.0,
                preference_cp=1.0, score_primary=None, score_candidate=None, inclusion_probability=1.0, temperature=0.0,
                seed=None, rationale="", cost_usd=None, judged_at=NOW, order_probability=None, judge_model="m",
            )
            for p in pairs
        ]  # fmt: skip
        write(Writer(connection), rows, "judged")
    finally:
        connection.drop()


@contextlib.contextmanager
def asked_judge(decide: Decide) -> Iterator[JudgeUpstream]:
    """A judge model that listens while a command runs: in a thread of its own, because commands have their own loop."""
    begun: queue.Queue[tuple[JudgeUpstream, asyncio.AbstractEventLoop, asyncio.Event]] = queue.Queue()

    async def serve() -> None:
        end = asyncio.Event()
        async with JudgeUpstream(decide) as upstream:
            begun.put((upstream, asyncio.get_running_loop(), end))
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    upstream, loop, end = begun.get(timeout=20)
    try:
        yield upstream
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()


def key_of(number: int) -> dict[str, str]:
    """Names a pair in a file of labels."""
    return {"request_id": pair(number)["request_id"], "candidate": "llama"}


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """A JSONL file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
