"""The store is away for long: the oldest exchanges go, each is counted once, and none is a pair as well."""

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from proxy.recorder.recorder import Recorder
from proxy.recorder.segments import waiting_bytes
from proxy.shadow.capture.frames import Frame, LegPlan
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
    Crash,
    Lines,
    admitted,
    drain,
    json_answer,
    leftovers,
    leg_end,
    open_leg,
    whole_exchange,
)
from tests.proxy.recorder.test_crashes import Dying
from tests.proxy.recorder.test_damage import assert_adds_up


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch)


def exchanges(first: int, count: int, candidates: tuple[str, ...] = ("llama",)) -> list[Frame]:
    return [frame for n in range(first, first + count) for frame in whole_exchange(n, candidates)]


async def to_its_end(recorder: Recorder, worker: Worker, shelf: Outage) -> None:
    """The store comes back, the worker ends, everything is recorded."""
    shelf.is_back = True
    worker.die()
    await drain(recorder)
    await recorder.close()


async def test_the_oldest_go_and_the_newest_stay_and_all_are_counted(tmp_path: Path) -> None:
    """Ten segments of two requests; half may stay. What lies under a batch on its way is not touched."""
    worker, shelf, lines = Worker(tmp_path), Outage(), Lines()
    worker.fill([exchanges(10 * k, 2) for k in range(10)])
    with room_for(tmp_path, 0.5) as room:
        recorder = recorder_of(tmp_path, shelf, lines, room)
        await while_away(recorder)
        assert waiting_bytes(tmp_path) < room
    figures = recorder.figures()
    await to_its_end(recorder, worker, shelf)
    found = sorted({number // 10 for number, _ in shelf.keys("pairs")})
    gone = sorted(set(range(10)) - set(found))
    assert gone
    assert gone == list(range(gone[0], gone[0] + len(gone)))
    assert gone[0] <= 1
    assert set(places(shelf).values()) == {1}
    assert lost(shelf, "llama") == {"disk_dropped": 2 * len(gone)}
    assert figures["shadowbench_recorder_disk_dropped_total"] == 2 * len(gone)
    assert_adds_up(shelf, "llama")
    assert leftovers(tmp_path) == []
    told = [line for line in lines.warnings if "oldest" in line]
    assert len(told) == 2
    assert f"'disk_dropped': {2 * len(gone)}" in told[1]


async def test_nothing_is_dropped_while_there_is_room_or_the_store_takes_rows(tmp_path: Path) -> None:
    worker, shelf = Worker(tmp_path), Outage()
    worker.fill([exchanges(10 * k, 2) for k in range(5)])
    with room_for(tmp_path, 1.1) as room:
        recorder = recorder_of(tmp_path, shelf, Lines(), room)
        await while_away(recorder)
    shelf.is_back = True
    await drain(recorder)
    recorder.reload(with_room(tmp_path, 1))
    worker.fill([exchanges(100 + 10 * k, 2) for k in range(5)])
    await to_its_end(recorder, worker, shelf)
    assert len(shelf.keys("pairs")) == 20
    assert lost(shelf, "llama") == {}


async def test_what_goes_on_behind_a_dropped_segment_is_kept_whole_and_what_ends_in_it_is_dropped_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4 begins in the second segment and ends in the last; 5 begins in the first and ends in the second; of 6, one
    candidate is through in the second and the other in the last.
    """
    worker, shelf = Worker(tmp_path), Outage()
    both = [open_leg("llama"), open_leg("qwen")]
    segments: list[list[Frame]] = [
        [*exchanges(1, 2), admitted(5, [open_leg()]), leg_end(5, 0, json_answer("p")), admitted(6, both)],
        [
            *exchanges(10, 8),
            admitted(4, [open_leg()]),
            leg_end(5, 1, json_answer("c")),
            leg_end(6, 0, json_answer("p")),
            leg_end(6, 1, json_answer("c")),
        ],
        exchanges(30, 8),
        [leg_end(4, 0, json_answer("p")), leg_end(4, 1, json_answer("c")), leg_end(6, 2, json_answer("c"))],
    ]
    worker.fill(segments)
    with room_for(tmp_path, 0.3) as room, counts_later(monkeypatch):
        recorder = recorder_of(tmp_path, shelf, Lines(), room)
        await while_away(recorder)
    await to_its_end(recorder, worker, shelf)
    assert places(shelf) == Counter([(1, "llama"), (2, "llama"), (4, "llama"), (6, "llama"), (6, "qwen")])
    assert lost(shelf, "llama") == {"disk_dropped": 17}
    assert lost(shelf, "qwen") == {}
    assert_adds_up(shelf, "llama")


async def test_a_batch_that_may_have_been_sent_is_neither_dropped_nor_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store has its rows and did not say so: they are found there, and no loss is counted for them."""
    worker, shelf = Worker(tmp_path), Outage()
    worker.fill([exchanges(1, 3), exchanges(10, 8), exchanges(20, 8), exchanges(30, 1)])
    refuse = shelf.fail
    shelf.fail = lambda table, token: None
    shelf.fail_after = lambda table, token: refuse(table, token) if table == "pairs" else None
    with room_for(tmp_path, 0.2) as room, counts_later(monkeypatch):
        recorder = recorder_of(tmp_path, shelf, Lines(), room)
        await while_away(recorder)
    assert shelf.keys("pairs") == [(n, "llama") for n in (1, 2, 3)]
    await to_its_end(recorder, worker, shelf)
    assert places(shelf) == Counter([(n, "llama") for n in (1, 2, 3, 30)])
    assert lost(shelf, "llama") == {"disk_dropped": 16}


async def test_over_all_streams_the_segment_that_was_begun_first_goes_first(tmp_path: Path) -> None:
    """Three workers by turns; two of them are dead, so that even their last may go."""
    workers, shelf = [Worker(tmp_path) for _ in range(3)], Outage()
    for k in range(9):
        workers[k % 3].fill([exchanges(10 * k, 3)])
    for worker in workers[:2]:
        worker.die()
    with room_for(tmp_path, 0.5) as room:
        recorder = recorder_of(tmp_path, shelf, Lines(), room)
        await while_away(recorder)
    await to_its_end(recorder, workers[2], shelf)
    found = {number // 10 for number, _ in shelf.keys("pairs")}
    gone = set(range(9)) - found
    # At most one is under a batch; the last of the living worker is being written.
    assert len(set(range(max(gone))) - gone) <= 1
    assert max(gone) < 7
    assert lost(shelf, "llama") == {"disk_dropped": 3 * len(gone)}


async def test_skips_that_go_are_told_of_and_their_counts_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, shelf = Worker(tmp_path), Outage()
    skip: list[Frame] = [
        admitted(15, [LegPlan("llama", "budget", 0.5, []), open_leg("qwen")]),
        leg_end(15, 0, json_answer("p")),
        leg_end(15, 2, json_answer("q")),
    ]
    worker.fill([exchanges(1, 1), exchanges(5, 1), [*exchanges(10, 4), *skip], exchanges(20, 1)])
    with room_for(tmp_path, 0.5) as room, counts_later(monkeypatch):
        recorder = recorder_of(tmp_path, shelf, Lines(), room)
        await while_away(recorder)
    figures = recorder.figures()
    await to_its_end(recorder, worker, shelf)
    assert shelf.keys("skips") == []
    assert shelf.states()["llama", "budget"] == 1
    assert figures["shadowbench_recorder_dropped_skips_total"] == 1
    assert lost(shelf, "qwen") == {"disk_dropped": 1}
    assert lost(shelf, "llama") == {"disk_dropped": 7 - len(shelf.keys("pairs"))}
    assert_adds_up(shelf, "llama")


async def one_life(directory: Path, shelf: Outage, room: int) -> bool:
    """Away for a while, then back; True when it came to its own end."""
    shelf.is_back = False
    recorder = recorder_of(directory, shelf, Lines(), room)
    try:
        await while_away(recorder)
        shelf.is_back = True
        await drain(recorder)
    except Crash:
        return False
    finally:
        await recorder.close()
    return True


async def test_a_crash_at_any_step_of_dropping_counts_each_exchange_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and after each renaming and each removal: what was admitted is a pair, or dropped, and never both."""
    steps = dropped = 0
    while True:
        steps += 1
        directory, dying, shelf = tmp_path / str(steps), Dying(steps), Outage()
        worker = Worker(directory)
        long: list[Frame] = [admitted(90, [open_leg("llama"), open_leg("qwen")]), leg_end(90, 0, json_answer("p"))]
        worker.fill([exchanges(10 * k, 3, ("llama", "qwen")) + (long if k == 2 else []) for k in range(5)])
        worker.write(leg_end(90, 1, json_answer("c")), leg_end(90, 2, json_answer("c")))
        with room_for(directory, 0.6) as room, monkeypatch.context() as patch:
            patch.setattr(os, "replace", dying.around(os.replace))
            patch.setattr(Path, "unlink", dying.around(Path.unlink))
            came_to_its_end = await one_life(directory, shelf, room)
        dying.has_died = True
        worker.die()
        assert await one_life(directory, shelf, room)
        for candidate in ("llama", "qwen"):
            pairs = [place for place in shelf.keys("pairs") if place[1] == candidate]
            assert len(set(pairs)) == len(pairs)
            losses = lost(shelf, candidate)
            assert set(losses) <= {"disk_dropped"}
            assert len(pairs) + losses.get("disk_dropped", 0) == 16
            assert (90, candidate) in pairs
            dropped += losses.get("disk_dropped", 0)
        assert leftovers(directory) == []
        if came_to_its_end:
            break
    assert steps > 15
    assert dropped


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_is_interleaved_and_dropped_every_leg_is_a_pair_or_counted_as_dropped(
    tmp_path: Path, seed: int
) -> None:
    """Exchanges over any number of segments, in any order, with restarts in the middle of the outage."""
    chance, shelf = random.Random(seed), Outage()
    worker = Worker(tmp_path)
    expected: Counter[str] = Counter()
    open_frames: list[list[Frame]] = []
    for number in range(1, 60):
        candidates = chance.choice([("llama",), ("qwen",), ("llama", "qwen")])
        expected.update(candidates)
        first, *rest = whole_exchange(number, candidates)
        chance.shuffle(rest)
        open_frames.append([first, *rest])
    waiting: list[list[Frame]] = []
    segment: list[Frame] = []
    segments: list[list[Frame]] = []
    while open_frames or waiting:
        if open_frames and (not waiting or chance.random() < 0.5):
            waiting.append(open_frames.pop(0))
        one = chance.choice(waiting)
        segment.append(one.pop(0))
        waiting = [frames for frames in waiting if frames]
        if chance.random() < 0.07:
            segments.append(segment)
            segment = []
    worker.fill([*segments, segment])
    with room_for(tmp_path, chance.uniform(0.2, 0.7)) as room:
        for _ in range(chance.randint(1, 3)):
            recorder = recorder_of(tmp_path, shelf, Lines(), room)
            await while_away(recorder)
            await recorder.close()
        recorder = recorder_of(tmp_path, shelf, Lines(), room)
        await while_away(recorder)
    await to_its_end(recorder, worker, shelf)
    assert set(places(shelf).values()) <= {1}
    for candidate, admissions in expected.items():
        pairs = sum(name == candidate for _, name in shelf.keys("pairs"))
        dropped = shelf.states().get((candidate, "disk_dropped"), 0)
        assert lost(shelf, candidate) == ({"disk_dropped": dropped} if dropped else {})
        assert pairs + dropped == admissions
    assert leftovers(tmp_path) == []
