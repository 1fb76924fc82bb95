"""What was told before against what is seen now."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.results import Decision
from analyzer.source import Window
from analyzer.surroundings.results import Change
from analyzer.webhooks.holding import CONTROL, SETTLED_S
from analyzer.webhooks.news import Notice, news
from analyzer.webhooks.seen import (
    QUIET,
    ControlFailure,
    Opening,
    Seen,
    Shift,
    SpentBudget,
    Standing,
    Studied,
)
from store.notices import Told

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = Window(NOW - timedelta(days=1), NOW)
SETTLED = {"swift": SETTLED_S, "sage": SETTLED_S, CONTROL: SETTLED_S}
FRESH = dict.fromkeys(SETTLED, SETTLED_S - 1)
FAILURE = ControlFailure("swift", "total_ms", "p95", "time to last byte, p95", 12.0, 30.0, 10.0)


def as_told(notices: Sequence[Notice], noticed: datetime = NOW) -> list[Told]:
    """As the store remembers them."""
    return [Told(n.id, n.event, n.candidate, n.topic, n.state, n.since, noticed) for n in notices][::-1]


class Memory:
    """Looks again and again, and remembers what it told."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.now = NOW

    def look(self, *, held: dict[str, float] = SETTLED, seconds: float = 60.0, **values: Any) -> list[Notice]:
        self.now += timedelta(seconds=seconds)
        studied = Studied(
            values.pop("window", DAY), values.pop("standings", ()), values.pop("control", ()), values.pop("shifts", ())
        )
        seen = Seen(studied, values.pop("spent", ()), values.pop("openings", ()))
        assert not values
        found = news(self.told, seen, held, self.now)
        self.told = as_told(found, self.now) + self.told
        return found

    def states(self, decision: Decision, experiment: str = "e-1", **more: Any) -> list[tuple[str | None, str]]:
        """(before, after) of what a decision about one candidate makes it say."""
        standing = Standing("swift", experiment, decision, ("so it is",), 100)
        return [(n.before, n.state) for n in self.look(standings=(standing,), **more)]


def test_the_first_decision_is_told_and_waiting_is_none() -> None:
    memory = Memory()
    assert memory.states("wait") == []
    assert memory.states("promote") == [(None, "promote")]
    assert memory.states("promote") == []


def test_a_changed_decision_is_told_at_once() -> None:
    memory = Memory()
    memory.states("reject")
    assert memory.states("promote", held=FRESH) == [("reject", "promote")]
    assert memory.states("reject", held=FRESH) == [("promote", "reject")]


def test_a_decision_is_taken_back_once_that_has_lasted() -> None:
    """At the edge of a window it comes and goes, and nobody wants to read of it every minute."""
    memory = Memory()
    memory.states("promote")
    for _ in range(5):
        assert memory.states("wait", held=FRESH) == []
        assert memory.states("promote", held=FRESH) == []
    assert memory.states("wait") == [("promote", "wait")]
    assert memory.states("wait") == []
    assert memory.states("promote", held=FRESH) == [("wait", "promote")]


def test_the_same_decision_about_another_experiment_is_another_decision() -> None:
    memory = Memory()
    memory.states("promote")
    assert memory.states("promote", "e-2") == [("promote", "promote")]
    assert memory.states("promote", "e-2") == []


def test_candidates_are_decided_about_each_for_itself() -> None:
    memory = Memory()
    both = [Standing(name, "e", "promote", (), 1) for name in ("swift", "sage")]
    assert [n.candidate for n in memory.look(standings=both)] == ["swift", "sage"]
    sage = replace(both[1], decision="reject")
    assert [(n.candidate, n.state) for n in memory.look(standings=(both[0], sage))] == [("sage", "reject")]


def test_a_verdict_says_what_it_rests_on() -> None:
    reasons = tuple(f"reason {n}" for n in range(30))
    (notice,) = Memory().look(standings=(Standing("swift", "e-1", "reject", reasons, 1234),))
    assert notice.reasons == reasons[:10]
    assert notice.window == DAY
    assert notice.details == {"experiment": "e-1", "pairs": 1234}
    assert notice.text == "swift: reject (the first decision), a declared metric fails."


def test_a_control_that_fails_is_told_once() -> None:
    memory = Memory()
    (notice,) = memory.look(control=(FAILURE,))
    assert (notice.event, notice.candidate, notice.state, notice.is_silent) == ("control_failed", "", "failed", False)
    assert notice.details["candidates"] == ["swift"]
    assert memory.look(control=(FAILURE, replace(FAILURE, candidate="sage"))) == []


def test_a_control_that_fails_again_is_told_again() -> None:
    """Only when it has not failed for a while; that it does not is written down, and nobody is told."""
    memory = Memory()
    memory.look(control=(FAILURE,))
    assert memory.look(held=FRESH) == []
    assert memory.look(control=(FAILURE,), held=FRESH) == []
    (over,) = memory.look()
    assert (over.state, over.is_silent) == ("passed", True)
    assert memory.look() == []
    (again,) = memory.look(control=(FAILURE,), held=FRESH)
    assert (again.state, again.before) == ("failed", "passed")


def shift(hours: float | None = -3.0, candidate: str = "swift", **values: Any) -> Shift:
    at = None if hours is None else NOW + timedelta(hours=hours)
    plain: dict[str, Any] = {
        "what": "difference", "metric": "total_ms", "estimand": "mean", "at": at, "before": 10.0, "after": 25.0,
        "log_e": 12.0, "sentence": "The difference changed.",
    }  # fmt: skip
    return Shift(candidate, Change(**(plain | values)))


def test_a_change_is_told_once_although_its_moment_moves() -> None:
    """It is an estimate: with every new pair it may fall on a neighbouring block."""
    memory = Memory()
    (notice,) = memory.look(shifts=(shift(),))
    assert (notice.candidate, notice.since, notice.state) == ("swift", NOW - timedelta(hours=3), "changed")
    assert notice.details["changed_at"] == "2026-11-20T09:00:00Z"
    for hours in (-2.0, -4.5, -3.1):
        assert memory.look(shifts=(shift(hours),)) == []


def test_the_longer_the_window_the_further_apart_are_changes() -> None:
    memory = Memory()
    month = Window(NOW - timedelta(days=30), NOW)
    memory.look(shifts=(shift(),), window=month)
    assert memory.look(shifts=(shift(-3.0 - 24 * 2),), window=month) == []
    assert len(memory.look(shifts=(shift(-3.0 - 24 * 3),), window=month)) == 1


@pytest.mark.parametrize(
    "other",
    [
        shift(-12.0),
        shift(after=5.0),
        shift(metric="cost_usd"),
        shift(estimand="log_ratio"),
        shift(what="primary", candidate=""),
        shift(candidate="sage"),
        shift(what="model", metric="candidate_model", estimand="name", before=None, after=None),
        shift(None, what="weekday", before=None, after=None),
    ],
)
def test_another_change_is_told(other: Shift) -> None:
    memory = Memory()
    memory.look(shifts=(shift(),))
    assert len(memory.look(shifts=(shift(), other))) == 1


def test_a_change_of_the_primary_is_told_once_for_all_candidates() -> None:
    """Each candidate's report has it, at almost the same time."""
    of_primary = [shift(hours, candidate="", what="primary") for hours in (-3.0, -3.2, -2.9)]
    (notice,) = Memory().look(shifts=of_primary)
    assert notice.candidate == ""
    assert notice.text == "The difference changed."


def test_a_dependence_on_the_day_of_the_week_is_told_once_a_month() -> None:
    memory = Memory()
    weekday = shift(None, what="weekday", before=None, after=None)
    assert len(memory.look(shifts=(weekday,))) == 1
    assert memory.look(shifts=(weekday,), seconds=29 * 86400) == []
    assert len(memory.look(shifts=(weekday,), seconds=2 * 86400)) == 1


def spent(candidate: str = "swift", day: int = 20, limit: str = "50") -> SpentBudget:
    return SpentBudget(candidate, date(2026, 11, day), Decimal(limit), Decimal("49.87"))


def test_a_spent_budget_is_told_once_a_day() -> None:
    memory = Memory()
    (notice,) = memory.look(spent=(spent(),))
    assert notice.since == datetime(2026, 11, 20, tzinfo=UTC)
    assert notice.details == {"of": "candidate", "spent_usd": "49.87", "budget_usd": "50"}
    assert memory.look(spent=(spent(),)) == []
    assert len(memory.look(spent=(spent(day=21),))) == 1


def test_a_raised_budget_may_be_spent_on_the_same_day() -> None:
    memory = Memory()
    memory.look(spent=(spent(),))
    assert memory.look(spent=(spent(limit="50.00"),)) == []
    assert len(memory.look(spent=(spent(limit="80"),))) == 1


def test_the_judges_budget_is_another_one() -> None:
    memory = Memory()
    memory.look(spent=(spent(),))
    (notice,) = memory.look(spent=(spent(), spent("")))
    assert notice.details["of"] == "judge"
    assert notice.text.startswith("The judge: $49.87 of the day's budget of $50 is spent")


def opening(first_s: float = -600.0, last_s: float = -60.0, **values: Any) -> Opening:
    return Opening(
        values.get("candidate", "swift"), NOW + timedelta(seconds=first_s), NOW + timedelta(seconds=last_s),
        values.get("copies", 12), is_cut=values.get("is_cut", False),
    )  # fmt: skip


def test_an_opening_is_told_once_while_it_goes_on() -> None:
    memory = Memory()
    (notice,) = memory.look(openings=(opening(),))
    assert (notice.event, notice.since) == ("breaker", NOW - timedelta(minutes=10))
    assert memory.look(openings=(opening(last_s=3600),)) == []
    # Another machine's counts came later, and began earlier.
    assert memory.look(openings=(opening(-900, 3600),)) == []


def test_after_a_while_of_quiet_it_is_another_opening() -> None:
    memory = Memory()
    memory.look(openings=(opening(),))
    later = opening(-600 + 2 * QUIET.total_seconds(), 3600)
    assert len(memory.look(openings=(opening(), later))) == 1
    assert memory.look(openings=(opening(), later)) == []
    assert len(memory.look(openings=(opening(candidate="sage"),))) == 1


def test_an_opening_that_is_longer_than_the_look_is_told_once() -> None:
    """Its beginning moves with the look."""
    memory = Memory()
    memory.look(openings=(opening(-3600, 0),))
    assert memory.look(openings=(opening(0, 36000, is_cut=True),)) == []
    assert len(memory.look(openings=(opening(0, 36000, is_cut=True, candidate="sage"),))) == 1


def test_without_a_study_the_rest_is_told_all_the_same() -> None:
    seen = Seen(None, (spent(),), (opening(),))
    assert [n.event for n in news([], seen, {}, NOW)] == ["budget", "breaker"]


def test_the_same_news_have_the_same_id_until_they_are_written_down() -> None:
    """Written down by two attempts, or by two processes, they are still one notice."""
    seen = Seen(
        Studied(DAY, (Standing("swift", "e", "promote", (), 1),), (FAILURE,), (shift(),)), (spent(),), (opening(),)
    )
    once, again = (news([], seen, SETTLED, NOW + timedelta(seconds=s)) for s in (0, 7))
    assert [n.id for n in once] == [n.id for n in again]
    assert len({n.id for n in once}) == 5
    assert {n.event for n in once} == {"verdict", "control_failed", "drift", "budget", "breaker"}


def test_a_decision_that_comes_back_has_another_id() -> None:
    memory = Memory()
    ids = [
        n.id
        for decision in ("promote", "reject", "promote")
        for n in memory.look(standings=(Standing("swift", "e", decision, (), 1),))
    ]
    assert len(set(ids)) == 3


names = st.sampled_from(["swift", "sage", ""])
decisions = st.sampled_from(["wait", "promote", "reject"])
standings = st.lists(
    st.builds(Standing, st.sampled_from(["swift", "sage"]), st.sampled_from(["e-1", "e-2"]), decisions,
              st.just(("so",)), st.just(1)),
    unique_by=lambda s: s.candidate,
    max_size=2,
)  # fmt: skip
seen_ones = st.builds(
    Seen,
    st.none()
    | st.builds(
        Studied, st.just(DAY), standings.map(tuple), st.sampled_from([(), (FAILURE,)]),
        st.lists(st.builds(shift, st.floats(-24, 0), names, after=st.floats(0, 20)), max_size=4).map(tuple),
    ),
    st.lists(st.builds(spent, names, st.integers(1, 28), st.sampled_from(["20", "50"])), max_size=3).map(tuple),
    st.lists(
        st.builds(lambda at, length, name: opening(at, at + length, candidate=name), st.floats(-20000, 0),
                  st.floats(0, 9000), st.sampled_from(["swift", "sage"])),
        max_size=3,
    ).map(tuple),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(seen_ones, min_size=1, max_size=5))
def test_what_was_told_is_no_news(looks: list[Seen]) -> None:
    """Whatever is seen: told once, the same look finds nothing new, in this process or in the next one."""
    told: list[Told] = []
    ids: set[object] = set()
    for number, seen in enumerate(looks):
        now = NOW + timedelta(minutes=number)
        found = news(told, seen, SETTLED, now)
        assert not ids & {n.id for n in found}
        ids |= {n.id for n in found}
        told = as_told(found, now) + told
        assert news(told, seen, SETTLED, now) == []
