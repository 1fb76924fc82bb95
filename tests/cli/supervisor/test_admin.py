"""The admin port's answers, and whom it answers."""

import asyncio
from pathlib import Path

import pytest

from cli.supervisor.access import is_own_host
from cli.supervisor.admin import BoardReader
from cli.supervisor.boards import Boards, BoardTotals


@pytest.mark.parametrize(
    "header",
    ["localhost", "localhost:8081", "LOCALHOST", "127.0.0.1:8081", "127.8.9.10", "[::1]:8081", "[::1]", "a.localhost"],
)
def test_loopback_names_are_ours(header: str) -> None:
    assert is_own_host(header, set())


@pytest.mark.parametrize("header", ["ops.internal:8081", "10.0.0.7:8081", "10.0.0.7"])
def test_the_configured_host_and_the_sockets_own_address_are_ours(header: str) -> None:
    """The second is how Kubernetes' probes name a pod."""
    assert is_own_host(header, {"ops.internal", "10.0.0.7"})


@pytest.mark.parametrize(
    "header",
    ["evil.example", "evil.example:8081", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.8", "", "[::2]"],
)
def test_other_names_are_not(header: str) -> None:
    assert not is_own_host(header, {"ops.internal", "10.0.0.7", None})


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
