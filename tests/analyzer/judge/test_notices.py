"""What an operator is told: once it has lasted, once, and when it is over."""

from dataclasses import dataclass
from typing import Any

from analyzer.judge.away import Away, End
from analyzer.judge.notices import SAY_AFTER_S, Notices
from tests.analyzer.judge.desk import Said


@dataclass
class FakePurse:
    held: Any = None
    held_since_s: float | None = None


@dataclass
class FakeAsker:
    away: Away
    shown: str = "judge-a"


class Desk:
    def __init__(self) -> None:
        self.said, self.purse, self.away = Said(), FakePurse(), Away(4, lambda: 0.0)
        self.notices = Notices(self.said)

    def look(self, now_s: float) -> list[str]:
        before = len(self.said.lines)
        self.notices.look(now_s, self.purse, [FakeAsker(self.away)])  # type: ignore[arg-type, list-item]
        return [event for event, _ in self.said.lines[before:]]

    def goes_away(self, now_s: float, reason: str) -> None:
        ticket = self.away.ticket(now_s)
        assert ticket is not None
        self.away.ended(ticket, End.AWAY, now_s, reason=reason)


def test_a_spent_budget_is_said_once_and_its_end_too() -> None:
    desk = Desk()
    desk.purse = FakePurse("dollars", 0.0)
    assert desk.look(SAY_AFTER_S - 1) == []
    (line,) = desk.look(SAY_AFTER_S)
    assert "usd_per_day" in line
    assert desk.look(1000.0) == []
    desk.purse = FakePurse()
    assert desk.look(1001.0) == ["judging goes on"]
    assert desk.look(1002.0) == []


def test_the_minute_that_is_full_is_no_news() -> None:
    desk = Desk()
    desk.purse = FakePurse("rate", 0.0)
    assert desk.look(1000.0) == []
    desk.purse = FakePurse()
    assert desk.look(1001.0) == []


def test_another_reason_is_said_as_well() -> None:
    desk = Desk()
    desk.purse = FakePurse("dollars", 0.0)
    assert len(desk.look(100.0)) == 1
    desk.purse = FakePurse("store", 100.0)
    assert desk.look(101.0) == []
    assert len(desk.look(120.0)) == 1


def test_a_judge_that_is_away_is_named_with_the_reason() -> None:
    desk = Desk()
    desk.goes_away(0.0, "http_error: status 401: bad key")
    assert desk.look(SAY_AFTER_S - 1) == []
    assert len(desk.look(SAY_AFTER_S)) == 1
    assert desk.said.lines[-1][1] == {"judge": "judge-a", "reason": "http_error: status 401: bad key"}
    assert desk.look(100.0) == []
    probe = desk.away.ticket(100.0)
    assert probe is not None
    desk.away.ended(probe, End.ANSWERED, 100.0)
    assert desk.look(101.0) == ["a judge answers again"]
