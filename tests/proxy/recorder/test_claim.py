"""Several recorders in one capture directory: each stream has one of them at a time, and no row is lost or doubled."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from proxy.recorder import shipment
from proxy.recorder import streams as streams_module
from proxy.recorder.claim import Claim, claim_path, is_followed
from proxy.recorder.recorder import Recorder
from proxy.recorder.segments import StreamFiles, list_streams
from store.errors import StoreUnavailable
from tests.fakes.running import ROOT
from tests.proxy.recorder.stage import Crash, Lines, LogWriter, Shelf, config, drain, leftovers, record, whole_exchange


def numbers(shelf: Shelf) -> list[int]:
    return [number for number, _ in shelf.keys("pairs")]


def streams(recorder: Recorder) -> tuple[float, float]:
    """(its own, those of other recorders)."""
    figures = recorder.figures()
    return figures["shadowbench_recorder_streams"], figures["shadowbench_recorder_streams_elsewhere"]


async def test_a_stream_has_one_recorder_and_the_next_goes_on_where_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second finds the stream taken and leaves it alone, until the first has ended."""
    monkeypatch.setattr(shipment, "MAX_ROWS", 3)
    worker, shelf, lines = LogWriter(tmp_path), Shelf(), Lines()
    first = Recorder(config(tmp_path), shelf, Lines())
    second = Recorder(config(tmp_path), shelf, lines)
    frames = [f for n in range(1, 21) for f in whole_exchange(n)]
    worker.write(*frames[:30])
    await drain(first)
    await drain(second)
    assert numbers(shelf) == list(range(1, 11))
    assert (streams(first), streams(second)) == ((1, 0), (0, 1))
    assert [line for line in lines.infos if worker.stream.hex in line] == lines.infos
    assert len(lines.infos) == 1
    worker.write(*frames[30:])
    worker.count(frames)
    worker.die()
    await first.close()
    await drain(second)
    assert streams(second) == (0, 0)
    await second.close()
    assert numbers(shelf) == list(range(1, 21))
    assert set(shelf.repeated) <= {"experiments"}
    assert shelf.states()["llama", "admitted"] == 20
    assert leftovers(tmp_path) == []


async def test_two_recorders_share_the_streams_of_a_machine(tmp_path: Path) -> None:
    """Each new worker falls to who looks first; both record at the same time, in turns, and nothing is sent twice."""
    shelf = Shelf()
    pair = [Recorder(config(tmp_path), shelf, Lines()) for _ in range(2)]
    workers = []
    for start in range(4):
        workers.append(LogWriter(tmp_path))
        for recorder in (pair[start % 2], pair[1 - start % 2]):
            recorder.look_now()
            await recorder.turn(is_draining=False)
    assert [streams(recorder) for recorder in pair] == [(2, 2), (2, 2)]
    for start, worker in enumerate(workers):
        frames = [f for n in range(100 * start, 100 * start + 40) for f in whole_exchange(n)]
        worker.write(*frames)
        worker.count(frames)
        worker.die()
    while leftovers(tmp_path):
        for recorder in pair:
            recorder.look_now()
            if not await recorder.turn(is_draining=True):
                await recorder.wait(0.001)
    for recorder in pair:
        assert recorder.figures()['shadowbench_recorder_rows_total{table="pairs"}'] == 80
        await recorder.close()
    assert numbers(shelf) == [100 * start + n for start in range(4) for n in range(40)]
    # What is compared each of them says once; a token makes it one row.
    assert set(shelf.repeated) <= {"experiments"}
    assert shelf.states()["llama", "received"] == 160
    assert ("llama", "worker_lost") not in shelf.states()


@pytest.mark.parametrize("seed", range(12))
async def test_recorders_may_come_and_go_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Three places, each with a recorder that ends anywhere and is followed by another, while workers write and die."""
    monkeypatch.setattr(shipment, "MAX_ROWS", 3)
    draw, shelf = random.Random(seed), Shelf()
    recorders = [Recorder(config(tmp_path), shelf, Lines()) for _ in range(3)]
    workers = [LogWriter(tmp_path) for _ in range(2)]
    written = 0
    for _ in range(400):
        place = draw.randrange(3)
        match draw.choices(["turn", "wait", "write", "end", "segment", "die"], [12, 3, 4, 2, 1, 0.3])[0]:
            case "turn":
                recorders[place].look_now()
                await recorders[place].turn(is_draining=draw.random() < 0.8)
            case "wait":
                await recorders[place].wait(0.001)
            case "write":
                written += 1
                worker = draw.choice(workers)
                worker.write(*whole_exchange(written))
                worker.count(whole_exchange(written))
            case "end":
                await recorders[place].close()
                recorders[place] = Recorder(config(tmp_path), shelf, Lines())
            case "segment":
                draw.choice(workers).new_segment()
            case "die":
                number = draw.randrange(2)
                workers[number].die()
                workers[number] = LogWriter(tmp_path)
    for worker in workers:
        worker.die()
    for recorder in recorders:
        await recorder.close()
    await record(tmp_path, shelf)
    assert numbers(shelf) == list(range(1, written + 1))
    states = shelf.states()
    assert (states["llama", "received"], states["llama", "admitted"]) == (written, written)
    assert ("llama", "worker_lost") not in states
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("is_stored", [False, True], ids=["rows not stored", "rows stored"])
async def test_what_a_recorder_was_sending_when_it_died_the_waiting_one_sends_again(
    tmp_path: Path, is_stored: bool
) -> None:
    """Killed with a plan on disk, before or after the store took the rows: the same stretch, the same token."""
    worker, shelf = LogWriter(tmp_path), Shelf()
    dying = Shelf(rows=shelf.rows, tokens=shelf.tokens)

    def crash(table: str, token: str) -> None:
        if table == "pairs":
            raise Crash

    if is_stored:
        dying.fail_after = crash
    else:
        dying.fail = crash
    frames = [f for n in (1, 2, 3) for f in whole_exchange(n)]
    worker.write(*frames)
    worker.count(frames)
    worker.die()
    old, new = Recorder(config(tmp_path), dying, Lines()), Recorder(config(tmp_path), shelf, Lines())
    old.look_now()
    with pytest.raises(Crash):
        await drain(old)
    await drain(new)
    assert streams(new) == (0, 1)
    assert len(shelf.rows["pairs"]) == (3 if is_stored else 0)
    await old.close()
    await drain(new)
    await new.close()
    assert numbers(shelf) == [1, 2, 3]
    assert leftovers(tmp_path) == []


async def test_one_that_waits_for_the_store_keeps_its_stream(tmp_path: Path) -> None:
    """An old recorder that drains in vain and a new one beside it: nothing is sent by both."""
    worker, gone, shelf = LogWriter(tmp_path), Shelf(), Shelf()

    def away(table: str, token: str) -> None:
        raise StoreUnavailable("away")

    gone.fail = away
    worker.write(*whole_exchange(1))
    worker.die()
    old, new = Recorder(config(tmp_path), gone, Lines()), Recorder(config(tmp_path), shelf, Lines())
    for _ in range(20):
        for recorder in (old, new):
            recorder.look_now()
            await recorder.turn(is_draining=True)
            await recorder.wait(0.001)
    assert shelf.rows == {}
    await old.close()
    await drain(new)
    await new.close()
    assert numbers(shelf) == [1]


async def test_a_stream_that_ends_while_the_other_looks_is_not_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other recorder has listed its files; before it claims them, the first finishes the stream and removes it."""
    worker, shelf = LogWriter(tmp_path), Shelf()
    frames = whole_exchange(1)
    worker.write(*frames)
    worker.count(frames)
    worker.die()
    listed: list[dict[UUID, StreamFiles]] = []

    def late(directory: Path) -> dict[UUID, StreamFiles]:
        found: dict[UUID, StreamFiles] = list_streams(directory)
        listed.append(found)
        return before if len(listed) == 1 else found

    before: dict[UUID, StreamFiles] = list_streams(tmp_path)
    await record(tmp_path, shelf)
    assert leftovers(tmp_path) == []
    monkeypatch.setattr(streams_module, "list_streams", late)
    figures = await record(tmp_path, shelf)
    assert len(listed) > 1
    assert figures["shadowbench_recorder_vanished_segments_total"] == 0
    assert numbers(shelf) == [1]
    assert shelf.repeats == 0
    assert shelf.states()["llama", "received"] == 1
    assert leftovers(tmp_path) == []


def test_a_claim_is_free_again_once_released(tmp_path: Path) -> None:
    stream = uuid4()
    claim = Claim.take(tmp_path, stream)
    assert claim is not None
    assert Claim.take(tmp_path, stream) is None
    other = Claim.take(tmp_path, uuid4())
    assert other is not None
    claim.release()
    again = Claim.take(tmp_path, stream)
    assert again is not None
    again.release()
    other.release()


def test_a_claim_whose_file_was_removed_meanwhile_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else two could hold a lock each: one on the removed file, one on the next."""
    stream = uuid4()
    path = claim_path(tmp_path, stream)
    opened: Callable[..., int] = os.open

    def open_and_remove(*args: object, **options: object) -> int:
        fd = opened(*args, **options)
        path.unlink()
        return fd

    monkeypatch.setattr(os, "open", open_and_remove)
    assert Claim.take(tmp_path, stream) is None
    monkeypatch.undo()
    claim = Claim.take(tmp_path, stream)
    assert claim is not None
    claim.release()


HOLDER = """
import sys, time, uuid
from pathlib import Path
from proxy.recorder.claim import Claim, is_followed
assert Claim.take(Path(sys.argv[1]), uuid.UUID(sys.argv[2])) is not None
print("held", flush=True)
time.sleep(60)
"""


def test_the_claim_of_a_killed_process_is_free(tmp_path: Path) -> None:
    stream = uuid4()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path), str(stream)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert Claim.take(tmp_path, stream) is None
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    claim = Claim.take(tmp_path, stream)
    assert claim is not None
    claim.release()


async def test_a_claim_that_nothing_is_left_of_goes_too(tmp_path: Path) -> None:
    """A recorder died between the last two files of a stream."""
    stream = uuid4()
    claim = Claim.take(tmp_path, stream)
    assert claim is not None
    claim.release()
    await record(tmp_path, Shelf())
    assert leftovers(tmp_path) == []


def test_whether_somebody_follows_a_stream_can_be_asked_without_taking_it(tmp_path: Path) -> None:
    stream = uuid4()
    assert not is_followed(tmp_path, stream)
    claim = Claim.take(tmp_path, stream)
    assert claim is not None
    assert is_followed(tmp_path, stream)
    claim.release()
    assert not is_followed(tmp_path, stream)
    again = Claim.take(tmp_path, stream)
    assert again is not None
    again.release()
