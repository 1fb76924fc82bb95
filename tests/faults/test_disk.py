"""The disk under the capture log fails in every way that disks do: no client hears of it, and every loss is counted."""

import asyncio
import contextlib
import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.shadow.capture.board import ADMITTED, ENDED, RECEIVED
from proxy.shadow.capture.frames import Dropped, LegEnd
from record.states import State
from tests.faults.disks import disk, mounted, stalled
from tests.faults.mutation import Mutation, protected_by
from tests.proxy.harness import Bench, Client, answering, bench, chat, ok
from tests.proxy.shadow.capture.test_writer import make, written

ANSWER = b'{"choices":[{"message":{"content":"' + b"an answer " * 50 + b'"}}]}'
BODY = b'{"model":"m","messages":[{"role":"user","content":"' + b"a question " * 50 + b'"}]}'
SETTLED_S = 10.0

ON_A_MAPPED_DISK = Mutation(
    "proxy/shadow/capture/live.py", 'return root / f"{_PREFIX}-', 'return capture.parent / f"{_PREFIX}-'
)
SYNCS_WHERE_IT_WRITES = Mutation(
    "proxy/shadow/capture/syncing.py",
    "        self._jobs.put((copy, False))\n",
    "        os.fsync(fd)\n        self.is_busy = False\n",
)
WRITES_IN_THE_LOOP = Mutation(
    "proxy/shadow/capture/writer.py",
    "            self._queue.put(self._pending)\n",
    "            self._writer._write(self._pending)\n",
)
NO_BOUND = Mutation(
    "proxy/shadow/capture/writer.py",
    "return size_bytes <= room and not self._progress.disk_full",
    "return True",
)
NO_RETRY = Mutation(
    "proxy/shadow/capture/disk.py",
    "                self._failed(error)\n                continue\n",
    "                self._failed(error)\n                return\n",
)
GOES_ON_WITHOUT_A_FRAME = Mutation(
    "proxy/shadow/recording.py",
    "        if self._dead or self._log.append(_encode(frame)):\n            return\n",
    "        self._log.append(_encode(frame))\n        return\n",
)
COUNTED_WITH_THE_DISK = Mutation(
    "proxy/shadow/capture/keeping.py", "        except OSError as error:\n", "        except ValueError as error:\n"
)


async def ask(client: Client) -> None:
    """The whole answer, byte for byte, whatever the disk does."""
    client.send(chat(BODY))
    head, body = await client.response()
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == ANSWER


def mirroring(place: Path, **limits: str) -> contextlib.AbstractAsyncContextManager[Bench]:
    return bench(
        answering(ok(ANSWER)),
        {"cand": answering(ok(ANSWER))},
        capture={"dir": str(place / "data/capture"), "flush": "5ms", "fsync": "20ms"},
        limits=limits,
    )


async def all_ended(b: Bench) -> dict[str, int]:
    """The counts once every admitted request is in the log or given up, and every leg that was kept has its end."""
    async with asyncio.timeout(SETTLED_S):
        while True:
            counts = b.counts("cand")
            kept = counts.get(ENDED, 0)
            if kept + counts.get(State.DISK_DROPPED, 0) == counts.get(ADMITTED, 0) and kept <= complete(b):
                return counts
            await asyncio.sleep(0.02)


def complete(b: Bench) -> int:
    """Exchanges of which the log holds both ends and that were not given up."""
    frames = b.frames()
    dropped = {f.id for f in frames if isinstance(f, Dropped)}
    ends = [f.id for f in frames if isinstance(f, LegEnd) and f.id not in dropped]
    return sum(ends.count(one) == 2 for one in set(ends))


@protected_by(ON_A_MAPPED_DISK, WRITES_IN_THE_LOOP)
async def test_while_the_disk_stalls_clients_are_served_and_nothing_is_lost(tmp_path: Path) -> None:
    with disk(tmp_path) as place:
        async with mirroring(place) as b:
            client = await b.client()
            await ask(client)
            await b.counted("cand", ENDED)
            os.sync()
            with stalled(place) as stall:
                for _ in range(50):
                    await ask(client)
                    await asyncio.sleep(0.005)
                assert stall.is_on, "the answers had to wait for the disk"
                assert b.counts("cand")[RECEIVED] == 51
            counts = await all_ended(b)
            assert counts[ENDED] == counts[RECEIVED] == complete(b) == 51


async def has_failed(b: Bench) -> None:
    """Waits until the disk has refused a write."""
    assert b.worker is not None
    async with asyncio.timeout(SETTLED_S):
        while b.worker.newest.log.write_failures == 0:
            await asyncio.sleep(0.005)


class Gate:
    """Stands before the system call that writes: holds it up, or fails it."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.error: OSError | None = None
        self._writev = os.writev

    def writev(self, fd: int, buffers: list[bytes]) -> int:
        self.open.wait(SETTLED_S)
        if self.error is not None:
            raise self.error
        return self._writev(fd, buffers)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    made = Gate()
    monkeypatch.setattr(os, "writev", made.writev)
    yield made
    made.error = None
    made.open.set()


@protected_by(NO_BOUND, WRITES_IN_THE_LOOP)
async def test_what_a_stalled_disk_cannot_take_is_bounded_and_turned_away_by_name(tmp_path: Path, gate: Gate) -> None:
    async with mirroring(tmp_path, shadow_memory="200KB") as b:
        client = await b.client()
        gate.open.clear()
        for _ in range(200):
            await ask(client)
        assert b.worker is not None
        assert b.worker.newest.log.queued_bytes <= 100_000
        counts = b.counts("cand")
        assert counts[State.CAPTURE_FULL] > 0
        assert counts[ADMITTED] + counts[State.CAPTURE_FULL] == counts[RECEIVED] == 200
        gate.open.set()
        counts = await all_ended(b)
        assert complete(b) == counts[ENDED]


@protected_by(GOES_ON_WITHOUT_A_FRAME)
async def test_an_exchange_whose_end_finds_no_room_is_given_up_and_counted(tmp_path: Path, gate: Gate) -> None:
    """Admitted while there was room, its answers came when there was none: half an exchange must not become a pair."""
    started, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def late(_request: object, writer: asyncio.StreamWriter) -> None:
        started.release()
        await go_on.wait()
        writer.write(ok(ANSWER * 20))

    capture = {"dir": str(tmp_path / "data/capture"), "flush": "5ms"}
    limits = {"shadow_memory": "400KB"}
    async with bench(late, {"cand": late}, capture=capture, limits=limits) as b:
        gate.open.clear()
        clients = [await b.client() for _ in range(10)]
        for client in clients:
            client.send(chat(BODY))
        for _ in range(2 * len(clients)):
            await started.acquire()
        go_on.set()
        for client in clients:
            assert (await client.response())[1] == ANSWER * 20
        dropped = (await b.counted("cand", State.DISK_DROPPED))[State.DISK_DROPPED]
        gate.open.set()
        counts = await all_ended(b)
        assert counts[ADMITTED] == 10
        assert counts[ENDED] == complete(b) == 10 - counts[State.DISK_DROPPED] <= 10 - dropped < 10


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT], ids=errno.errorcode.get)
@protected_by(NO_RETRY)
async def test_when_writing_fails_clients_are_served_and_what_was_taken_is_written_later(
    tmp_path: Path, gate: Gate, error: int
) -> None:
    async with mirroring(tmp_path) as b:
        client = await b.client()
        await ask(client)
        gate.error = OSError(error, os.strerror(error))
        for _ in range(5):
            await ask(client)
        await has_failed(b)
        gate.error = None
        counts = await all_ended(b)
        assert counts[ENDED] == counts[RECEIVED] == complete(b) == 6


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass


@protected_by(NO_RETRY)
async def test_a_full_disk_costs_no_client_anything_and_recording_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=1m", "none") as place:
        ballast = place / "ballast"
        async with mirroring(place) as b:
            client = await b.client()
            await ask(client)
            await b.counted("cand", ENDED)
            fill(ballast)
            for _ in range(20):
                await ask(client)
            await has_failed(b)
            ballast.unlink()
            counts = await all_ended(b)
            assert counts[ENDED] == counts[RECEIVED] == complete(b) == 21


@protected_by(COUNTED_WITH_THE_DISK)
async def test_without_its_directory_a_worker_serves_counts_and_records_later(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.write_text("a file where a directory should be")
    async with mirroring(tmp_path) as b:
        client = await b.client()
        for _ in range(5):
            await ask(client)
        assert b.counts("cand")[RECEIVED] == 5
        place.unlink()
        counts = await all_ended(b)
        assert counts[ENDED] == complete(b) == 5


@protected_by(SYNCS_WHERE_IT_WRITES)
async def test_frames_reach_their_file_while_the_disk_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An fsync takes long: what a worker that is killed meanwhile had captured is in the system's hands."""
    goes_on = threading.Event()
    monkeypatch.setattr(os, "fsync", lambda fd: goes_on.wait(20))
    log = make(tmp_path)
    log.start()
    frames = [b"frame %d" % n for n in range(20)]
    try:
        for frame in frames:
            assert log.append(frame)
            await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            while written(tmp_path) != frames:
                await asyncio.sleep(0.01)
    finally:
        goes_on.set()
        assert await log.close(20)
