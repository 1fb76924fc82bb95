"""The store is away for so long that the log is nearly full: what goes, and that it is counted once."""

import os
from pathlib import Path

import pytest

from tests.faults.mutation import Mutation, protected_by
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
)
from tests.proxy.recorder.stage import Crash, Lines, drain, whole_exchange

KEEPS_ALL = Mutation("proxy/recorder/dropping.py", "        if away_s < AWAY_S:\n", "        if True:\n")
DROPS_UNCOUNTED = Mutation(
    "proxy/recorder/tally.py", "_OURS = (State.QUARANTINED, State.DISK_DROPPED)\n", "_OURS = (State.QUARANTINED,)\n"
)
DROPS_WHAT_IS_ON_ITS_WAY = Mutation(
    "proxy/recorder/dropping.py",
    "    return plan is not None and sequence <= max(plan.sequence, followed.follower.at.sequence)\n",
    "    return False\n",
)
CUTS_WHAT_GOES_ON = Mutation(
    "proxy/recorder/reduction.py", "        if not self._ends_here:\n", "        if self._ends_here:\n"
)
FORGETS_THE_ANNOUNCEMENT = Mutation(
    "proxy/recorder/streams.py",
    "            put_in_place(StreamPaths(self._shared.directory, stream), checkpoint)\n",
    "",
)


@protected_by(KEEPS_ALL, DROPS_UNCOUNTED)
async def test_the_oldest_requests_go_and_each_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than the newest, which the workers would turn away."""
    at_once(monkeypatch)
    worker, shelf = Worker(tmp_path), Outage()
    worker.fill([[f for n in range(3) for f in whole_exchange(10 * k + n)] for k in range(8)])
    with room_for(tmp_path, 0.5) as room:
        recorder = recorder_of(tmp_path, shelf, Lines(), room)
        await while_away(recorder)
    shelf.is_back = True
    worker.die()
    await drain(recorder)
    await recorder.close()
    pairs = len(shelf.keys("pairs"))
    assert 0 < pairs < 24
    assert lost(shelf, "llama") == {"disk_dropped": 24 - pairs}


@protected_by(DROPS_WHAT_IS_ON_ITS_WAY)
async def test_what_the_store_may_have_is_not_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows arrived and the answer did not: a loss counted for them would be one too many."""
    at_once(monkeypatch)
    worker, shelf = Worker(tmp_path), Outage()
    worker.fill([[f for n in range(3) for f in whole_exchange(10 * k + n)] for k in range(6)])
    shelf.fail, shelf.fail_after = shelf.fail_after, shelf.fail
    with room_for(tmp_path, 0.1) as room, counts_later(monkeypatch):
        recorder = recorder_of(tmp_path, shelf, Lines(), room)
        await while_away(recorder)
        await recorder.close()
    shelf.is_back = True
    worker.die()
    recorder = recorder_of(tmp_path, shelf, Lines(), room)
    await drain(recorder)
    await recorder.close()
    found = places(shelf)
    assert set(found.values()) == {1}
    assert {(n, "llama") for n in range(3)} <= set(found)
    assert lost(shelf, "llama") == {"disk_dropped": 18 - len(found)}


@protected_by(CUTS_WHAT_GOES_ON)
async def test_an_answer_that_goes_on_behind_what_is_dropped_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once(monkeypatch)
    worker, shelf = Worker(tmp_path), Outage()
    begun, *rest = whole_exchange(99)
    segments = [[f for n in range(3) for f in whole_exchange(10 * k + n)] for k in range(6)]
    segments[2] = [*segments[2], begun]
    segments[-1] = [*rest, *segments[-1]]
    worker.fill(segments)
    with room_for(tmp_path, 0.4) as room:
        recorder = recorder_of(tmp_path, shelf, Lines(), room)
        await while_away(recorder)
    shelf.is_back = True
    worker.die()
    await drain(recorder)
    await recorder.close()
    assert places(shelf)[99, "llama"] == 1
    assert set(lost(shelf, "llama")) == {"disk_dropped"}


@protected_by(FORGETS_THE_ANNOUNCEMENT)
async def test_a_recorder_that_dies_while_it_drops_counts_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed behind the checkpoint that counts the losses and before the segment is replaced."""
    at_once(monkeypatch)
    worker, shelf = Worker(tmp_path), Outage()
    worker.fill([[f for n in range(3) for f in whole_exchange(10 * k + n)] for k in range(6)])
    replace = os.replace

    def dies(source: Path, target: Path) -> None:
        if Path(source).suffix == ".reduced":
            raise Crash
        replace(source, target)

    with room_for(tmp_path, 0.5) as room:
        recorder = recorder_of(tmp_path, shelf, Lines(), room)
        monkeypatch.setattr(os, "replace", dies)
        with pytest.raises(Crash):
            await while_away(recorder)
        monkeypatch.setattr(os, "replace", replace)
        await recorder.close()
    shelf.is_back = True
    worker.die()
    recorder = recorder_of(tmp_path, shelf, Lines(), room)
    await drain(recorder)
    await recorder.close()
    assert lost(shelf, "llama") == {"disk_dropped": 18 - len(shelf.keys("pairs"))}
