"""The store is away, or says no."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from proxy.recorder import absence
from proxy.recorder import sender as sender_module
from proxy.recorder.recorder import Recorder
from store.errors import StoreRefused, StoreUnavailable
from tests.proxy.recorder.stage import Lines, LogWriter, Shelf, config, drain, leftovers, record, whole_exchange


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(sender_module, "LONGEST_PAUSE_S", 0.0)


class Away:
    """Fails so often, then works."""

    def __init__(self, times: int, error: Exception, table: str = "") -> None:
        self.left = times
        self.error = error
        self.table = table

    def __call__(self, table: str, token: str) -> None:
        if self.left > 0 and self.table in {table, ""}:
            self.left -= 1
            raise self.error


async def test_while_the_store_is_away_the_rows_wait_and_the_operator_hears_of_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(absence, "SAY_AFTER_S", 0.0)
    worker, lines = LogWriter(tmp_path), Lines()
    shelf = Shelf(fail=Away(50, StoreUnavailable("nobody answers")))
    worker.write(*whole_exchange(1))
    worker.die()
    figures = await record(tmp_path, shelf, lines)
    assert shelf.keys("pairs") == [(1, "llama")]
    assert figures["shadowbench_recorder_retries_total"] == 50
    assert len(lines.warnings) == 1
    assert "nobody answers" in lines.warnings[0]
    assert [line for line in lines.infos if "takes rows again" in line] != []


async def test_an_answer_that_got_lost_is_asked_for_again_under_the_same_token(tmp_path: Path) -> None:
    """Stored, but the acknowledgement did not come: the second time adds nothing."""
    worker = LogWriter(tmp_path)
    shelf = Shelf(fail_after=Away(1, StoreUnavailable("cut off"), "pairs"))
    worker.write(*whole_exchange(1))
    worker.die()
    await record(tmp_path, shelf)
    assert shelf.keys("pairs") == [(1, "llama")]
    assert shelf.repeats == 1


async def test_a_drain_without_a_store_ends_and_the_log_stays(tmp_path: Path) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf(fail=Away(10**9, StoreUnavailable("away")))
    worker.write(*whole_exchange(1))
    worker.die()
    recorder = Recorder(config(tmp_path), shelf, Lines())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await drain(recorder)
    await recorder.close()
    assert shelf.rows == {}
    shelf.fail = lambda table, token: None
    await record(tmp_path, shelf)
    assert shelf.keys("pairs") == [(1, "llama")]
    assert leftovers(tmp_path) == []


async def test_rows_that_the_store_refuses_are_set_aside_and_counted_and_the_next_get_through(tmp_path: Path) -> None:
    worker, lines = LogWriter(tmp_path), Lines()
    first_token: list[str] = []

    def refuse_the_first(table: str, token: str) -> None:
        if table == "pairs":
            first_token.append(token)
            if token == first_token[0]:
                raise StoreRefused("pairs: a value does not fit")

    shelf = Shelf(fail=refuse_the_first)
    for n in (1, 2):
        worker.new_segment()
        frames = whole_exchange(n)
        worker.write(*frames)
        worker.count(frames)
    worker.die()
    figures = await record(tmp_path, shelf, lines)
    assert shelf.keys("pairs") == [(2, "llama")]
    assert shelf.states()["llama", "quarantined"] == 1
    assert ("llama", "worker_lost") not in shelf.states()
    assert figures["shadowbench_recorder_refused_inserts_total"] == 1
    assert any(path.name.startswith("refused-") for path in (tmp_path / "quarantine").iterdir())


async def test_a_store_that_refuses_everything_loses_only_the_first_batches(tmp_path: Path) -> None:
    """Then it is not the rows: they wait, like for a store that is away."""
    worker = LogWriter(tmp_path)
    shelf = Shelf(fail=Away(10**9, StoreRefused("no such table"), "pairs"))
    for n in range(1, 7):
        worker.new_segment()
        worker.write(*whole_exchange(n))
    worker.die()
    recorder = Recorder(config(tmp_path, bodies="none"), shelf, Lines())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await drain(recorder)
    await recorder.close()
    shelf.fail = lambda table, token: None
    await record(tmp_path, shelf, bodies="none")
    assert shelf.keys("pairs") == [(n, "llama") for n in range(3, 7)]


async def test_a_surprise_on_the_way_to_the_store_is_told_and_the_batch_goes_out_again(tmp_path: Path) -> None:
    worker, lines = LogWriter(tmp_path), Lines()
    shelf = Shelf(fail=Away(2, RuntimeError("a fault of ours"), "pairs"))
    worker.write(*whole_exchange(1))
    worker.die()
    figures = await record(tmp_path, shelf, lines)
    assert shelf.keys("pairs") == [(1, "llama")]
    assert figures["shadowbench_recorder_internal_errors_total"] == 2
    assert all("a fault of ours" in line for line in lines.warnings)


async def test_an_experiment_is_stored_though_the_worker_that_named_it_first_recorded_nothing(tmp_path: Path) -> None:
    first, second, shelf = LogWriter(tmp_path), LogWriter(tmp_path), Shelf()
    first.new_segment()
    recorder = Recorder(config(tmp_path), shelf, Lines())
    await drain(recorder)
    second.write(*whole_exchange(1))
    await drain(recorder)
    await recorder.close()
    assert [row["id"] for row in shelf.rows["experiments"]] == ["e-llama", "e-qwen"]
    first.die()
    second.die()


class Doubting(Shelf):
    """Notes what it is told to doubt."""

    def __init__(self) -> None:
        super().__init__()
        self.doubted: list[tuple[str, str]] = []

    def doubt(self, table: str, token: str) -> None:
        self.doubted.append((table, token))


async def test_what_an_earlier_life_may_have_sent_is_sent_in_doubt(tmp_path: Path) -> None:
    """Its plan is on disk, whether its rows arrived is not; a batch of one's own is no matter of doubt."""
    worker = LogWriter(tmp_path)
    worker.write(*whole_exchange(1))
    away = Doubting()
    away.fail = Away(10**9, StoreUnavailable("nobody answers"))
    first = Recorder(config(tmp_path), away, Lines())
    while not first.sender.retries:
        await first.turn(is_draining=True)
        await first.wait(0.001)
    await first.close()
    assert away.doubted == []
    worker.write(*whole_exchange(2))
    worker.die()
    shelf = Doubting()
    await record(tmp_path, shelf)
    assert shelf.keys("pairs") == [(1, "llama"), (2, "llama")]
    (planned,) = {row["batch"] for row in shelf.rows["pairs"] if row["candidate"] == "llama"} - {
        row["batch"] for row in shelf.rows["pairs"][1:]
    }
    assert {token for table, token in shelf.doubted if table == "pairs"} == {planned}


async def test_a_batch_that_the_store_lost_and_has_now_is_told_of(tmp_path: Path) -> None:
    class Mending(Shelf):
        def insert(self, table: str, rows: Any, token: str) -> None:
            super().insert(table, rows, token)
            self.mended += table == "pairs"

    worker, lines = LogWriter(tmp_path), Lines()
    worker.write(*whole_exchange(1))
    worker.die()
    figures = await record(tmp_path, Mending(), lines)
    assert figures["shadowbench_recorder_mended_batches_total"] == 1
    assert any("lost them in a crash" in line for line in lines.warnings)
