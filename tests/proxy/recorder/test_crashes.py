"""The recorder is killed at every step that leaves a trace, and started again: each row once, none missing."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.recorder import shipment
from proxy.recorder.recorder import Recorder
from proxy.shadow.capture.frames import Frame
from tests.proxy.recorder.stage import (
    Crash,
    Lines,
    LogWriter,
    Shelf,
    admitted,
    config,
    drain,
    json_answer,
    leftovers,
    leg_end,
    open_leg,
    record,
    whole_exchange,
)

ROWS_PER_BATCH = 3


class Dying:
    """Ends the process at the n-th trace that it leaves, before or after leaving it."""

    def __init__(self, at: int) -> None:
        self.left = at
        self.has_died = False

    def step(self, *_: object) -> None:
        if self.has_died:
            return
        self.left -= 1
        if self.left == 0:
            self.has_died = True
            raise Crash

    def around(self, action: Callable[..., None]) -> Callable[..., None]:
        def wrapped(*args: object, **kwargs: object) -> None:
            self.step()
            action(*args, **kwargs)
            self.step()

        return wrapped


def interleaved(first: int, count: int) -> list[Frame]:
    """Exchanges that are open at the same time: all begin, all primaries end, all candidates end."""
    numbers = range(first, first + count)
    frames: list[Frame] = [admitted(n, [open_leg("llama"), open_leg("qwen")]) for n in numbers]
    frames += [leg_end(n, 0, json_answer(f"primary {n}")) for n in numbers]
    frames += [leg_end(n, 1, json_answer(f"llama {n}")) for n in numbers]
    frames += [leg_end(n, 2, json_answer(f"qwen {n}")) for n in reversed(numbers)]
    return frames


def write_log(directory: Path) -> LogWriter:
    """Three segments; exchanges that straddle them; one that loses its candidate, one its primary."""
    worker = LogWriter(directory)
    straddling = interleaved(1, 4)
    lost: list[Frame] = [admitted(90, [open_leg()]), leg_end(90, 0, json_answer("p")), admitted(91, [open_leg()])]
    for part in (straddling[:5], [*straddling[5:11], *lost], [*straddling[11:], *interleaved(20, 3)]):
        worker.new_segment()
        worker.write(*part)
    worker.count([*straddling, *interleaved(20, 3)])
    worker.count(lost, ended=False)
    return worker


PAIRS = sorted((n, c) for n in (1, 2, 3, 4, 20, 21, 22) for c in ("llama", "qwen"))
TEXTS = sorted((n, s) for n in (1, 2, 3, 4, 20, 21, 22) for s in ("llama", "primary", "qwen"))


async def one_life(directory: Path, shelf: Shelf) -> bool:
    """True when it came to its own end."""
    recorder = Recorder(config(directory), shelf, Lines())
    try:
        await drain(recorder)
    except Crash:
        return False
    finally:
        await recorder.close()
    return True


@pytest.mark.parametrize("is_dead", [True, False], ids=["dead worker", "living worker"])
async def test_a_crash_at_any_step_neither_loses_nor_doubles_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_dead: bool
) -> None:
    """Before and after each checkpoint, each insert and each removal; the same token always means the same rows."""
    monkeypatch.setattr(shipment, "MAX_ROWS", ROWS_PER_BATCH)
    steps = 0
    while True:
        steps += 1
        directory, dying = tmp_path / str(steps), Dying(steps)
        worker = write_log(directory)
        if is_dead:
            worker.die()
        shelf = Shelf(fail=dying.step, fail_after=dying.step)
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", dying.around(os.replace))
            patch.setattr(Path, "unlink", dying.around(Path.unlink))
            came_to_its_end = await one_life(directory, shelf)
        dying.has_died = True
        if not is_dead:
            worker.die()
        assert await one_life(directory, shelf)
        assert shelf.keys("pairs") == PAIRS
        assert shelf.keys("payloads") == TEXTS
        states = shelf.states()
        assert states["llama", "received"] == states["llama", "admitted"] == 9
        assert states["llama", "worker_lost"] == 2
        assert ("qwen", "worker_lost") not in states
        assert leftovers(directory) == []
        if came_to_its_end:
            break
    assert steps > 30  # or the log is too small to prove anything


async def test_a_batch_that_was_planned_is_sent_again_under_its_token_though_more_has_been_written(
    tmp_path: Path,
) -> None:
    """The store took the rows, the recorder died before it knew; the log has grown since."""
    worker, shelf = LogWriter(tmp_path), Shelf()
    worker.write(*whole_exchange(1), *whole_exchange(2))
    dying = Dying(1)

    def after_pairs(table: str, token: str) -> None:
        if table == "pairs":
            dying.step()

    shelf.fail_after = after_pairs
    assert not await one_life(tmp_path, shelf)
    worker.write(*whole_exchange(3))
    assert await one_life(tmp_path, shelf)
    assert shelf.keys("pairs") == [(1, "llama"), (2, "llama"), (3, "llama")]
    assert shelf.repeats >= 2  # texts and pairs of the first batch
    worker.die()


async def test_the_token_is_the_segment_and_the_offsets_of_the_stretch(tmp_path: Path) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf()
    worker.new_segment()
    first = worker.path.stat().st_size
    worker.write(*whole_exchange(1))
    last = worker.path.stat().st_size
    worker.die()
    await record(tmp_path, shelf)
    token = f"{worker.segments[0].segment}:{first}:{last}"
    assert [t for table, t in shelf.tokens if table == "pairs"] == [token]
    assert {row["batch"] for table in ("pairs", "payloads") for row in shelf.rows[table]} == {token}
