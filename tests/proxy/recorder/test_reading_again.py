"""After a restart reading begins before what is in the store, because an exchange is open since then."""

from pathlib import Path

import pytest

from proxy.recorder import shipment
from proxy.recorder.quarantine import Quarantine
from proxy.recorder.recorder import Recorder
from proxy.shadow.capture.segment import pack_frame
from store.errors import StoreUnavailable
from tests.proxy.recorder.outage import (
    Outage,
    Worker,
    at_once,
    counts_later,
    lost,
    places,
    recorder_of,
    room_for,
    while_away,
    with_room,
)
from tests.proxy.recorder.stage import (
    Lines,
    admitted,
    drain,
    json_answer,
    leftovers,
    leg_end,
    open_leg,
    whole_exchange,
)
from tests.proxy.recorder.test_damage import assert_adds_up
from tests.proxy.recorder.test_dropping import exchanges

PLENTY = 1 << 40


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch)


async def dies_over(number: int, worker: Worker, shelf: Outage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorder whose batch with this request is stored, and who never hears of it."""

    def never_answers(table: str, token: str) -> None:
        rows = shelf.tokens[table, token] if table == "pairs" else []
        if any(row["request_id"].int & 0xFFFF == number for row in rows):
            raise StoreUnavailable("stored, and its answer never came")

    shelf.is_back, shelf.fail_after = True, never_answers
    with counts_later(monkeypatch):
        recorder = Recorder(with_room(worker.directory, PLENTY), shelf, Lines())
        for _ in range(10):
            await while_away(recorder)
            if (number, "llama") in places(shelf):
                break
        await recorder.close()
    assert (number, "llama") in places(shelf)
    shelf.fail_after = lambda table, token: None


async def end(recorder: Recorder, worker: Worker) -> None:
    worker.die()
    await drain(recorder)
    await recorder.close()


async def test_a_planned_batch_goes_out_again_as_it_was_though_segments_end_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More was written behind it meanwhile, which would become part of a batch that is planned anew."""
    worker, shelf = Worker(tmp_path), Outage()
    worker.fill([[admitted(900, [open_leg()]), *exchanges(1, 2)], exchanges(100, 4)])
    await dies_over(100, worker, shelf, monkeypatch)
    worker.write(*exchanges(110, 4), leg_end(900, 0, json_answer("p")), leg_end(900, 1, json_answer("c")))
    worker.count(exchanges(110, 4))
    await end(Recorder(with_room(tmp_path, PLENTY), shelf, Lines()), worker)
    assert len(places(shelf)) == 11
    assert set(places(shelf).values()) == {1}
    assert_adds_up(shelf, "llama")
    assert leftovers(tmp_path) == []


async def test_what_is_open_is_carried_on_only_behind_what_is_in_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next recorder may let an old exchange hold less of the log, so it wants to carry it on at once."""
    worker, shelf = Worker(tmp_path), Outage()
    worker.fill([[admitted(900, [open_leg()]), *exchanges(1, 2)], *(exchanges(10 * k, 4) for k in range(1, 6))])
    shelf.is_back = True
    with monkeypatch.context() as patch:
        patch.setattr(shipment, "MAX_ROWS", 3)
        first = Recorder(with_room(tmp_path, PLENTY), shelf, Lines())
        for _ in range(4):
            await while_away(first)
        await first.close()
    recorder = Recorder(with_room(tmp_path, 1000), shelf, Lines())
    for _ in range(4):
        await while_away(recorder)
    assert any(name.endswith(".carry") for name in leftovers(tmp_path))
    worker.write(leg_end(900, 0, json_answer("p")), leg_end(900, 1, json_answer("c")))
    await end(recorder, worker)
    assert len(places(shelf)) == 23
    assert set(places(shelf).values()) == {1}
    assert_adds_up(shelf, "llama")


async def test_a_planned_batch_is_not_dropped_before_reading_has_come_to_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, shelf = Worker(tmp_path), Outage()
    worker.fill([[admitted(900, [open_leg()]), *exchanges(1, 2)], *(exchanges(10 * k, 4) for k in range(1, 6))])
    worker.fill([exchanges(100, 20), exchanges(200, 1)])
    await dies_over(100, worker, shelf, monkeypatch)
    shelf.is_back = False
    with room_for(tmp_path, 0.05) as room:
        recorder = recorder_of(tmp_path, shelf, Lines(), room)
        await while_away(recorder)
    shelf.is_back = True
    await end(recorder, worker)
    assert set(places(shelf).values()) == {1}
    assert {(n, "llama") for n in range(100, 120)} <= set(places(shelf))
    assert lost(shelf, "llama").get("worker_lost") == 1
    assert_adds_up(shelf, "llama")


async def test_a_record_that_cannot_be_read_nor_set_aside_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Quarantine, "take_frame", is_full)
    worker, shelf = Worker(tmp_path), Outage()
    shelf.is_back = True
    worker.new_segment()
    worker.write_raw(b"".join(pack_frame(b"no record")))
    worker.write(*whole_exchange(1))
    worker.count(whole_exchange(1))
    recorder = Recorder(with_room(tmp_path, PLENTY), shelf, Lines())
    await end(recorder, worker)
    assert shelf.keys("pairs") == [(1, "llama")]
    assert recorder.figures()["shadowbench_recorder_bad_frames_total"] == 1
