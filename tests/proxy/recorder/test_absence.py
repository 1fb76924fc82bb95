"""When an operator hears that the store takes no rows: by a clock of the test."""

from pathlib import Path

import pytest

from proxy.recorder import sender as sender_module
from proxy.recorder.absence import SAY_AFTER_S, Absence
from proxy.recorder.checkpoint import CounterPlan
from proxy.recorder.quarantine import Quarantine
from proxy.recorder.sender import Sender
from proxy.recorder.shipment import Insert, Shipment
from runtime.offload import Offload
from store.errors import StoreRefused, StoreUnavailable
from store.tables import EXPERIMENTS
from tests.proxy.recorder.stage import START_UNIX_US, Lines, Shelf


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_store_that_comes_up_within_ten_seconds_is_no_news() -> None:
    lines, clock = Lines(), Clock()
    absence = Absence(lines, clock)
    for _ in range(99):
        absence.lasts("nobody answers")
        clock.now_s += 0.1
    absence.ends()
    assert SAY_AFTER_S == 10
    assert (lines.warnings, lines.infos) == ([], [])


def test_a_longer_absence_is_said_once_and_so_is_its_end() -> None:
    lines, clock = Lines(), Clock()
    absence = Absence(lines, clock)
    for reason in ("first", "second", "third"):
        absence.lasts(reason)
        clock.now_s += 10
    absence.ends()
    absence.ends()
    assert lines.warnings == ["the store takes no rows; they wait in the capture log {'reason': 'second'}"]
    assert lines.infos == ["the store takes rows again {'away_s': 30.0}"]


def test_each_absence_is_counted_from_its_own_beginning() -> None:
    lines, clock = Lines(), Clock()
    absence = Absence(lines, clock)
    for _ in range(5):
        absence.lasts("away")
        clock.now_s += 9
        absence.lasts("away")
        absence.ends()
    assert lines.warnings == []


class Flaky(Shelf):
    """Takes rows after a number of attempts; each takes three seconds."""

    def __init__(self, clock: Clock, failures: int, error: Exception) -> None:
        super().__init__()
        self.attempts = 0

        def fail(table: str, token: str) -> None:
            clock.now_s += 3
            self.attempts += 1
            if self.attempts <= failures:
                raise error

        self.fail = fail


@pytest.mark.parametrize(("failures", "said"), [(0, False), (1, False), (4, False), (5, True), (20, True)])
async def test_the_sender_speaks_of_a_store_that_has_been_away_for_ten_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int, said: bool
) -> None:
    """Failures end at 3, 6, 9, 12, 15 seconds: the fifth comes twelve seconds after the first."""
    monkeypatch.setattr(sender_module, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(sender_module, "LONGEST_PAUSE_S", 0.0)
    lines, clock = Lines(), Clock()
    flaky = Flaky(clock, failures, StoreUnavailable("no owner of the embedded store is running"))
    sender, offload = _sender(flaky, tmp_path, lines, clock)
    assert await sender.deliver(_shipment()) == frozenset()
    offload.close()
    assert [len(lines.warnings), len(lines.infos)] == ([1, 1] if said else [0, 0])
    assert len(flaky.rows["experiments"]) == 1


async def test_rows_that_are_refused_say_nothing_of_an_absence_that_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven refusals are an absence so far; the eighth sets the rows aside, and the store was there all the time."""
    monkeypatch.setattr(sender_module, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(sender_module, "LONGEST_PAUSE_S", 0.0)
    lines, clock = Lines(), Clock()
    shelf = Shelf()

    def refuse(table: str, token: str) -> None:
        if table:
            clock.now_s += 1
            raise StoreRefused("experiments: a value does not fit")

    shelf.fail = refuse
    sender, offload = _sender(shelf, tmp_path, lines, clock)
    assert await sender.deliver(_shipment()) == {"experiments"}
    offload.close()
    assert len(lines.warnings) == 1
    assert "set aside" in lines.warnings[0]


def _sender(shelf: Shelf, directory: Path, lines: Lines, clock: Clock) -> tuple[Sender, Offload]:
    offload = Offload("store of the test")
    return Sender(shelf, offload, Quarantine(directory), lines, clock), offload


def _shipment() -> Shipment:
    row = ("e-llama", "llama", "{}", START_UNIX_US, "", None)
    return Shipment((Insert(EXPERIMENTS, [row], "experiment:e-llama"),), CounterPlan(1, "proxy-0", [], {}, 0))
