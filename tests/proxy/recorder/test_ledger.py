"""What the recorder reads for budgets: nothing that was sent is missing from it."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from config.model import Config
from config.upstreams import Price
from proxy.recorder import ledger as module
from proxy.recorder.checkpoint import Checkpoint, checkpoint_path, save_checkpoint
from proxy.recorder.ledger import BOARD_LAG_S, JOIN_AFTER_S, Ledger, unreported_copies
from proxy.recorder.priced import ALL, priced_now
from proxy.recorder.spend_file import CandidateSpend, SpendFileError, read_spend, write_spend
from proxy.shadow.capture.board import BoardError, board_path
from store import spending
from store.errors import StoreUnavailable
from store.spending import Fleet, Spent
from tests.proxy.recorder.stage import HOUR, Lines, LogWriter, Shelf, record, whole_exchange

SPENT = Spent(10, Decimal("0.5"), Decimal("0.1"), 0, 2, 1, 12, 1)


class Asked:
    """A store that answers, or does not."""

    def __init__(self) -> None:
        self.beats: list[str] = []
        self.at_work_s = JOIN_AFTER_S
        self.rank: int | None = 1
        self.fails = False
        self.machines = 3
        self.asked: dict[str, spending.Asked] = {}
        self.readings = 0

    def spent(self, asked: dict[str, spending.Asked]) -> dict[str, Spent]:
        if self.fails:
            raise StoreUnavailable("the store\ndoes not answer")
        self.asked = asked
        self.readings += 1
        return {"llama": SPENT}

    def today(self) -> date:
        return date(2026, 9, 21)

    def beat(self, machine: str) -> None:
        self.beats.append(machine)

    def fleet(self, machine: str) -> Fleet:
        return Fleet(self.machines, self.rank, self.at_work_s)


def limited(directory: Path, **budget: Any) -> Config:
    return Config.model_validate(
        {
            "primary": {"url": "http://p:1"},
            "candidates": [
                {"name": "llama", "url": "http://l:1", "budget": budget or {"usd_per_day": 5}},
                {"name": "free", "url": "http://f:1"},
            ],
            "capture": {"dir": str(directory)},
            "store": {"dir": str(directory / "store")},
        }
    )


def ledger(directory: Path, asked: Asked, **budget: Any) -> Ledger:
    return Ledger(limited(directory, **budget), Lines(), asked, lambda: 100 * 10**9)  # type: ignore[arg-type]


def test_a_reading_has_what_a_lease_needs(tmp_path: Path) -> None:
    asked = Asked()
    ledger(tmp_path, asked).read()
    reading = read_spend(tmp_path)
    assert (reading.machines, reading.rank, reading.day) == (3, 1, date(2026, 9, 21))
    assert reading.begun_before_ns == (100 - BOARD_LAG_S) * 10**9
    assert reading.candidates == {
        "llama": CandidateSpend(
            pairs=10,
            cost_usd=Decimal("0.5"),
            largest_usd=Decimal("0.1"),
            unpriced_before=2,
            uncosted=1,
            admitted=12,
            lost=1,
        )
    }
    assert list(asked.asked) == ["llama"]
    assert asked.beats == [reading.machine]


def test_a_machine_keeps_its_name_over_restarts(tmp_path: Path) -> None:
    first, second = Asked(), Asked()
    ledger(tmp_path, first).read()
    ledger(tmp_path, second).read()
    assert first.beats == second.beats


def test_a_machine_that_others_may_not_have_seen_has_no_part(tmp_path: Path) -> None:
    asked = Asked()
    asked.at_work_s = JOIN_AFTER_S - 0.1
    assert ledger(tmp_path, asked).read().rank is None


def test_a_machine_that_is_alone_has_its_part_at_once(tmp_path: Path) -> None:
    asked = Asked()
    asked.at_work_s, asked.machines, asked.rank = 0.0, 1, 0
    assert ledger(tmp_path, asked).read().rank == 0


@pytest.mark.parametrize(("rank", "readings"), [(None, range(5, 1000)), (1, range(1, 2))])
async def test_readings_come_fast_until_the_first_that_can_be_leased_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: int | None, readings: range
) -> None:
    monkeypatch.setattr(module, "SOON_S", 0.001)
    monkeypatch.setattr(module, "may_answer", lambda _store: True)
    asked = Asked()
    asked.rank = rank
    await kept_for_a_while(ledger(tmp_path, asked))
    assert asked.readings in readings


async def test_a_store_that_starts_together_with_us_is_waited_for_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SOON_S", 0.001)
    asked, lines = Asked(), Lines()
    asked.fails = True
    kept = Ledger(limited(tmp_path), lines, asked)  # type: ignore[arg-type]
    await kept_for_a_while(kept)
    assert (kept.failures, lines.warnings) == (0, [])
    monkeypatch.setattr(module, "START_S", 0.0)
    kept = Ledger(limited(tmp_path), lines, asked)  # type: ignore[arg-type]
    await kept_for_a_while(kept)
    assert kept.failures == 1
    assert len(lines.warnings) == 1


def since(asked: Asked) -> datetime:
    return asked.asked["llama"].priced_since


def test_a_price_that_is_set_lets_answers_from_before_it_count_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the next full minute on, over restarts; another model does the same, another share does not."""
    now = datetime(2026, 9, 21, 12, 30, 15, tzinfo=UTC)

    monkeypatch.setattr(module, "datetime", SimpleNamespace(now=lambda _zone: now))
    asked = Asked()
    kept = ledger(tmp_path, asked)
    kept.read()
    assert since(asked) == ALL
    plain = limited(tmp_path)
    price = Price(input_per_mtok=Decimal(1), output_per_mtok=Decimal(2))
    kept.configure(with_candidate(plain, price=price))
    kept.read()
    assert since(asked) == ALL, "the sums know no part of a minute"
    now += timedelta(seconds=45)
    kept.read()
    assert since(asked) == datetime(2026, 9, 21, 12, 31, tzinfo=UTC)
    again = Ledger(with_candidate(plain, price=price, sample=0.5), Lines(), asked, lambda: 10**11)  # type: ignore[arg-type]
    again.read()
    assert since(asked) == datetime(2026, 9, 21, 12, 31, tzinfo=UTC)
    now += timedelta(hours=1)
    again.configure(with_candidate(plain, price=price, model="other"))
    again.read()
    now += timedelta(minutes=1)
    again.read()
    assert since(asked) == datetime(2026, 9, 21, 13, 32, tzinfo=UTC)


def test_a_new_machine_takes_the_word_of_a_price_and_of_nothing_else(tmp_path: Path) -> None:
    now = datetime(2026, 9, 21, 12, 30, 15, tzinfo=UTC)
    assert priced_now(None, "t", has_price=False, now=now).since == ALL
    assert priced_now(None, "t", has_price=True, now=now).since == datetime(2026, 9, 21, 12, 31, tzinfo=UTC)


def with_candidate(config: Config, **changes: Any) -> Config:
    first, *others = config.candidates
    return config.model_copy(update={"candidates": (first.model_copy(update=changes), *others)})


async def test_copies_count_until_the_store_counts_them(tmp_path: Path) -> None:
    """Two exchanges are counted on the board; the recorder takes both into the store."""
    worker = LogWriter(tmp_path)
    frames = whole_exchange(1) + whole_exchange(2, ["llama", "qwen"])
    worker.write(*frames)
    worker.count(frames)
    assert unreported_copies(tmp_path) == {"llama": 2, "qwen": 1}
    await record(tmp_path, Shelf())
    assert unreported_copies(tmp_path) == {"llama": 0, "qwen": 0}
    more = whole_exchange(3)
    worker.count(more)
    assert unreported_copies(tmp_path)["llama"] == 1
    worker.die()


async def test_a_dead_worker_counts_until_all_of_it_is_in_the_store(tmp_path: Path) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf()
    frames = whole_exchange(1)
    worker.write(*frames)
    worker.count(frames + whole_exchange(2))
    worker.die()
    assert unreported_copies(tmp_path) == {"llama": 2}
    await record(tmp_path, shelf)
    assert not unreported_copies(tmp_path)
    assert shelf.states()["llama", "admitted"] == 2


def test_hours_that_are_settled_count_no_more(tmp_path: Path) -> None:
    worker = LogWriter(tmp_path)
    worker.count(whole_exchange(1))
    worker.count(whole_exchange(2), hour=HOUR + 1)
    save_checkpoint(checkpoint_path(tmp_path, worker.stream), Checkpoint(closed_through=HOUR))
    assert unreported_copies(tmp_path) == {"llama": 1}
    worker.die()


def test_a_checkpoint_that_cannot_be_read_vouches_for_nothing(tmp_path: Path) -> None:
    worker = LogWriter(tmp_path)
    worker.count(whole_exchange(1))
    checkpoint_path(tmp_path, worker.stream).write_text("{")
    assert unreported_copies(tmp_path) == {"llama": 1}
    worker.die()


def test_a_living_board_that_cannot_be_read_ends_the_reading(tmp_path: Path) -> None:
    worker = LogWriter(tmp_path)
    path = board_path(tmp_path, worker.stream)
    path.write_bytes(b"?" + path.read_bytes()[1:])
    with pytest.raises(BoardError):
        unreported_copies(tmp_path)
    worker.die()
    assert not unreported_copies(tmp_path)


async def test_without_budgets_nothing_is_asked_and_nothing_written(tmp_path: Path) -> None:
    asked, lines = Asked(), Lines()
    plain = Config.model_validate({"primary": {"url": "http://p:1"}, "capture": {"dir": str(tmp_path)}})
    kept = Ledger(plain, lines, asked)  # type: ignore[arg-type]
    await kept_for_a_while(kept)
    assert asked.beats == []
    assert list(tmp_path.iterdir()) == []
    assert kept.figures() == {}


async def test_a_store_that_is_away_is_said_once_and_its_return_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVERY_S", 0.001)
    monkeypatch.setattr(module, "START_S", 0.0)
    asked, lines = Asked(), Lines()
    asked.fails = True
    kept = Ledger(limited(tmp_path), lines, asked)  # type: ignore[arg-type]
    await kept_for_a_while(kept)
    assert kept.failures > 1
    assert len(lines.warnings) == 1
    assert "the store does not answer" in lines.warnings[0]
    with pytest.raises(SpendFileError):
        read_spend(tmp_path)
    asked.fails = False
    kept = Ledger(limited(tmp_path), lines, asked)  # type: ignore[arg-type]
    kept._failed("before")
    await kept_for_a_while(kept)
    assert len(lines.infos) == 1
    assert read_spend(tmp_path).candidates


async def kept_for_a_while(kept: Ledger) -> None:

    task = asyncio.get_running_loop().create_task(kept.keep())
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_file_that_is_no_reading_says_so(tmp_path: Path) -> None:
    with pytest.raises(SpendFileError, match=r"spend\.json: No such file"):
        read_spend(tmp_path)
    (tmp_path / "spend.json").write_text("{}")
    with pytest.raises(SpendFileError, match="cannot be read"):
        read_spend(tmp_path)
    ledger(tmp_path, Asked()).read()
    newer = (tmp_path / "spend.json").read_text().replace('"version":1', '"version":2')
    (tmp_path / "spend.json").write_text(newer)
    with pytest.raises(SpendFileError, match="format 2"):
        read_spend(tmp_path)


def test_a_disk_that_is_full_leaves_the_reading_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = ledger(tmp_path, Asked()).read()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_spend", full)
    with pytest.raises(OSError, match="No space"):
        ledger(tmp_path, Asked()).read()
    assert read_spend(tmp_path) == reading
    write_spend(tmp_path, reading)
