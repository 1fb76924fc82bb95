"""Who judges: one process, known to the store of late; a dead one's place on the same machine is taken at once."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.judge.leading import FRESH_S, Identity, Leading, lock_directory
from config.model import Config
from store.errors import StoreUnavailable
from store.judging.progress import ACTIVE_S, Leader
from tests.analyzer.judge.fake_books import FakeBooks
from tests.architecture.imports import ROOT


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


async def test_the_leader_may_start_calls_while_the_store_has_heard_of_it_of_late() -> None:
    clock, books = Clock(), FakeBooks()
    ours = Leading(books, "me", clock)
    assert not ours.may_start()
    await ours.beat()
    assert (ours.is_leader, ours.may_start()) == (True, True)
    clock.now_s += FRESH_S - 0.1
    assert ours.may_start()
    clock.now_s += 0.1
    assert (ours.is_leader, ours.may_start()) == (True, False)
    await ours.beat()
    assert ours.may_start()


async def test_a_process_stops_before_others_give_it_up() -> None:
    assert FRESH_S < ACTIVE_S


async def test_a_beat_counts_from_when_it_was_sent() -> None:
    """One that took the store half a minute is as old as that."""
    clock, books = Clock(), FakeBooks()
    ours = Leading(books, "me", clock)
    told = books.beat

    async def slow(judge: str) -> Leader | None:
        clock.now_s += 30
        return await told(judge)

    books.beat = slow  # type: ignore[method-assign]
    await ours.beat()
    assert not ours.may_start()


async def test_others_stand_by() -> None:
    books = FakeBooks(current=Leader("another", 1.0, 50.0, is_us=False))
    ours = Leading(books, "me")
    await ours.beat()
    assert (ours.is_leader, ours.may_start(), ours.leader) == (False, False, "another")
    assert ours.changed.is_set()


async def test_a_beat_that_fails_changes_nothing() -> None:
    books = FakeBooks(errors=[StoreUnavailable("away")])
    ours = Leading(books, "me")
    with pytest.raises(StoreUnavailable):
        await ours.beat()
    assert not ours.may_start()


def test_a_dead_processs_number_goes_to_the_next_one(tmp_path: Path) -> None:
    """The kernel lets go of its lock, whatever it died of."""
    program = (
        "import sys; from pathlib import Path; from analyzer.judge.leading import Identity\n"
        f"own = Identity(Path({str(tmp_path)!r})); print(own.number, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        theirs = process.stdout.readline().strip()
        beside = Identity(tmp_path)
        assert (beside.has_lock, beside.is_taken) == (False, True)
        assert beside.number != theirs
        os.kill(process.pid, signal.SIGKILL)
    after = Identity(tmp_path)
    assert (after.number, after.has_lock) == (theirs, True)
    after.close(has_resigned=False)
    once_more = Identity(tmp_path)
    assert once_more.number == theirs
    once_more.close(has_resigned=True)


def test_a_number_that_has_resigned_is_not_used_again(tmp_path: Path) -> None:
    first = Identity(tmp_path)
    first.close(has_resigned=True)
    second = Identity(tmp_path)
    assert second.number != first.number
    second.close(has_resigned=False)


@pytest.mark.parametrize("left", ["", "nonsense", "x" * 32, "run-" + "a" * 32, "é" * 40])
def test_whatever_stands_in_the_file_a_number_is_sound(tmp_path: Path, left: str) -> None:
    (tmp_path / "judge.lock").write_text(left)
    own = Identity(tmp_path)
    assert own.has_lock
    assert len(own.number) == 32
    assert own.number != left
    own.close(has_resigned=False)


def test_without_a_directory_there_is_a_number_all_the_same(tmp_path: Path) -> None:
    for directory in (None, tmp_path / "missing"):
        own = Identity(directory, prefix="run-")
        assert own.number.startswith("run-")
        assert (own.has_lock, own.is_taken) == (False, False)
        own.close(has_resigned=True)


def test_processes_of_one_machine_meet_where_its_data_lie(tmp_path: Path) -> None:
    def at(capture: str, **store: str) -> Config:
        places = {"capture": {"dir": str(tmp_path / capture)}, "store": store}
        return Config.model_validate({"primary": {"url": "http://p"}, **places})

    (tmp_path / "there").mkdir()
    assert lock_directory(at("there", dir="missing")) == tmp_path / "there"
    assert lock_directory(at("missing", dir=str(tmp_path / "there"))) == tmp_path / "there"
    assert lock_directory(at("missing", url="clickhouse://u:p@host/db")) is None
