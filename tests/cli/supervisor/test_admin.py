"""The admin port's answers, and whom it answers."""

import asyncio
from pathlib import Path

import pytest

from cli.supervisor.admin import BoardReader
from cli.supervisor.boards import Boards, BoardTotals


async def test_a_reading_that_another_caller_began_meanwhile_disturbs_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One caller hears of its reading only after another has begun the next, which hangs."""
    monkeypatch.setattr(Boards, "read", lambda _self: BoardTotals(read_at=1.0))
    reader = BoardReader(tmp_path, tmp_path)
    first = asyncio.ensure_future(reader.totals())  # noqa: TID251 - awaited below
    await asyncio.sleep(0)
    assert reader._reading is not None
    reader._reading.add_done_callback(lambda _done: setattr(reader, "_reading", asyncio.Future()))
    assert (await first).read_at == 1.0
