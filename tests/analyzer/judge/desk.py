"""Everything that judging needs beside a judge: books in memory, a journal at work, quick clocks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from analyzer.judge import away, journal, shared, wiring, worker
from analyzer.judge.models_seen import ModelsSeen
from analyzer.judge.panel import Panel
from analyzer.judge.plan import Plan, plan_of
from analyzer.judge.shared import Shared
from config.model import Config
from tests.analyzer.judge.fake_books import FakeBooks
from tests.fakes.judge import JudgeUpstream


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of milliseconds in place of seconds: what is tested is their order."""
    monkeypatch.setattr(journal, "GATHER_S", 0.001)
    monkeypatch.setattr(journal, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(journal, "LONGEST_PAUSE_S", 0.01)
    monkeypatch.setattr(journal, "READ_EVERY_S", 0.05)
    monkeypatch.setattr(away, "FIRST_PAUSE_S", 0.005)
    monkeypatch.setattr(away, "LONGEST_PAUSE_S", 0.01)
    monkeypatch.setattr(shared, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(worker, "IDLE_S", 0.01)


def configuration(*models: Mapping[str, Any], **judge: Any) -> Config:
    return Config.model_validate(
        {
            "primary": {"url": "http://127.0.0.1:9"},
            "privacy": {"bodies": "full"},
            "judge": {"sample": 1, "repeats": 0, "canaries": 0, "metrics": [], "models": list(models), **judge},
        }
    )


def judge(upstream: JudgeUpstream, name: str = "judge-a", **settings: Any) -> dict[str, Any]:
    """A judge that the test plays."""
    price = upstream.price.configured()
    return {
        "name": name,
        "url": upstream.url,
        "model": f"model-of-{name}",
        "price": price,
        "max_tokens": 64,
        **settings,
    }


@dataclass
class Said:
    """The log."""

    lines: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def info(self, event: str, **fields: object) -> None:
        self.lines.append((event, fields))

    warning = error = info

    def text(self) -> str:
        return "\n".join(f"{event} {fields}" for event, fields in self.lines)


@dataclass
class Desk:
    """One process, with a plan."""

    plan: Plan
    books: FakeBooks
    shared: Shared
    panel: Panel
    said: Said
    leads: list[bool]
    """Whether it judges: the last one counts."""

    @property
    def models_seen(self) -> ModelsSeen:
        return ModelsSeen(self.said.warning)


@contextlib.asynccontextmanager
async def desk(config: Config, books: FakeBooks | None = None) -> AsyncIterator[Desk]:
    """A process whose journal works; what it asked and stored is in its books."""
    plan, said, leads = plan_of(config), Said(), [True]
    kept = books or FakeBooks()
    process = wiring.shared(plan, kept, lambda: leads[-1], said)
    keeping = asyncio.get_running_loop().create_task(process.journal.keep())
    panel = Panel.of(plan, process)
    try:
        yield Desk(plan, kept, process, panel, said, leads)
    finally:
        panel.stop()
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await panel.close()


async def until(is_so: Any, what: str = "it", patience_s: float = 10.0) -> None:
    """Waits for something that tasks of this loop bring about."""
    deadline = asyncio.get_running_loop().time() + patience_s
    while not is_so():
        assert asyncio.get_running_loop().time() < deadline, f"{what} did not happen"
        await asyncio.sleep(0.002)
