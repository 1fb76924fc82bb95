"""The judges of a plan, and the endpoint of its embeddings: connections, prices, and where questions to each wait."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analyzer.judge.asking import Asker
from analyzer.judge.client import Client
from analyzer.judge.plan import Plan
from analyzer.judge.shared import Shared
from config.judge import Embeddings, JudgeModel


@dataclass(frozen=True, slots=True)
class Panel:
    """Of one plan."""

    judges: Mapping[str, Asker]
    """By name."""
    embeddings: Asker | None

    @classmethod
    def of(cls, plan: Plan, shared: Shared) -> "Panel":
        """Nothing is connected yet."""
        judges = {model.name: _asker(model, model.name, shared) for model in plan.judge.models}
        settings = plan.judge.embeddings
        return cls(judges, None if settings is None else _asker(settings, "", shared))

    @property
    def all(self) -> Sequence[Asker]:
        """Judges and embeddings."""
        return (*self.judges.values(), *([] if self.embeddings is None else [self.embeddings]))

    def stop(self) -> None:
        """No further calls; those that were sent end as they do."""
        for asker in self.all:
            asker.stop()

    async def close(self) -> None:
        """Closes all connections."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await asyncio.gather(*[asker.close() for asker in self.all], return_exceptions=True)


def _asker(settings: JudgeModel | Embeddings, name: str, shared: Shared) -> Asker:
    return Asker(
        settings,
        name,
        client=Client(settings),
        purse=shared.purse,
        journal=shared.journal,
        figures=shared.figures,
        surroundings=shared.around,
    )
