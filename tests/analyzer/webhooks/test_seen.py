"""What is so now: from studies, spends and counters to plain values."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.integrity.results import ControlCheck
from analyzer.surroundings.results import Change, Drift
from analyzer.webhooks.seen import QUIET, SpentBudget, openings, spent_budgets, studied
from cli.supervisor.budget import copies_unknown_to_the_store
from config.model import Config
from proxy.recorder.spend_file import CandidateSpend
from store.judging.calls import Spend
from store.notices import LeftOut
from store.spending import Day, Spent
from tests.analyzer.report.studies import candidate, empty, integrity, made

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = date(2026, 11, 20)


def change(what: str = "difference", metric: str = "total_ms", **values: Any) -> Change:
    plain: dict[str, Any] = {
        "what": what, "metric": metric, "estimand": "mean", "at": AT, "before": 10.0, "after": 20.0, "log_e": 12.0,
        "sentence": "It changed.",
    }  # fmt: skip
    return Change(**(plain | values))


def test_of_a_study_decisions_are_told_with_their_reasons() -> None:
    study = made(candidate(), empty("sage"))
    found = studied(study)
    assert found.window == study.window
    swift, sage = found.standings
    assert (swift.candidate, swift.experiment, swift.decision, swift.pairs) == ("swift", "e1", "reject", 1000)
    assert swift.reasons == study.candidates[0].reasons
    assert (sage.candidate, sage.experiment, sage.decision, sage.pairs) == ("sage", "", "wait", 0)


def test_of_the_control_only_what_fails_is_told() -> None:
    """Open checks are no failures, and a control that was never asked fails in nothing."""
    failed = ControlCheck("total_ms", "p95", 100.0, 120.0, 300.0, "failed")
    own = ControlCheck("of_a_plugin", "mean", 1.0, 2.0, None, "failed")
    still_open = ControlCheck("error_rate", "rate", 0.0025, None, None, "open")
    bad = candidate(integrity=integrity(control=(failed, still_open, own)))
    found = studied(made(bad, empty("sage"))).control
    assert [(f.candidate, f.metric, f.title, f.low, f.high, f.limit) for f in found] == [
        ("swift", "total_ms", "time to last byte, p95", 120.0, 300.0, 100.0),
        ("swift", "of_a_plugin", "of_a_plugin mean", 2.0, None, 1.0),
    ]


def test_a_change_of_the_primary_is_nobody_elses() -> None:
    """However many candidates it is set against."""
    changes = (change(), change("primary"), change("model", "primary_model"), change("model", "candidate_model"))
    shifts = studied(made(candidate(drift=Drift(changes, 40)), candidate(name="sage", drift=None))).shifts
    assert [(s.candidate, s.change.what, s.change.metric) for s in shifts] == [
        ("swift", "difference", "total_ms"),
        ("", "primary", "total_ms"),
        ("", "model", "primary_model"),
        ("swift", "model", "candidate_model"),
    ]


def configured(budget: str | None = "50", judge: str | None = None) -> Config:
    values: dict[str, Any] = {
        "primary": {"url": "http://127.0.0.1:9"},
        "candidates": [
            {"name": "swift", "url": "http://127.0.0.1:9", "budget": {"usd_per_day": budget}},
            {"name": "sage", "url": "http://127.0.0.1:9"},
        ],
    }
    if judge is not None:
        models = [{"name": "a", "url": "http://127.0.0.1:9", "model": "m"}]
        values["judge"] = {"models": models, "budget": {"usd_per_day": judge}}
    return Config.model_validate(values)


def day(cost: str, largest: str | None = "0.5", machines: int = 1, uncosted: int = 0) -> Day:
    dearest = None if largest is None else Decimal(largest)
    spent = Spent(100, Decimal(cost), dearest, 0, 0, uncosted, 100, 0)
    return Day(TODAY, machines, {"swift": spent, "sage": spent})


@pytest.mark.parametrize(
    ("day_of", "is_spent"),
    [
        (day("49.5"), False),  # exactly one more copy fits
        (day("49.500000001"), True),
        (day("49", uncosted=2), True),  # two more may have cost as much as the dearest
        (day("49", uncosted=1), False),
        (day("49", machines=2), False),
        (day("49.01", machines=2), True),  # half of what is left is each machine's
        (day("49.5", machines=0), False),
        (day("49.99", largest=None), False),  # nobody knows what one more costs
        (day("50", largest=None), True),
        (day("51", largest="0"), True),
        (day("0", largest="60"), True),  # a copy costs more than the day's budget
    ],
)
def test_a_budget_is_spent_when_no_further_copy_fits(day_of: Day, is_spent: bool) -> None:
    """As the supervisor grants them; candidates without a budget of dollars spend none."""
    found = spent_budgets(configured(), day_of, None, None)
    cost = day_of.spent["swift"].cost_usd
    assert found == ([SpentBudget("swift", TODAY, Decimal(50), cost)] if is_spent else [])


cents = st.integers(0, 6000).map(lambda n: Decimal(n) / 100)


@given(cents, cents.filter(bool), st.integers(1, 4), st.integers(0, 5))
def test_it_is_spent_when_the_supervisor_grants_no_copy(
    cost: Decimal, dearest: Decimal, machines: int, uncosted: int
) -> None:
    """Its rule, of a candidate of which no copy is under way."""
    spend = CandidateSpend(pairs=100, cost_usd=cost, largest_usd=dearest, uncosted=uncosted, admitted=100)
    granted = copies_unknown_to_the_store(Decimal(50), spend, machines, 0)
    spent = Spent(100, cost, dearest, 0, 0, uncosted, 100, 0)
    found = spent_budgets(configured(), Day(TODAY, machines, {"swift": spent}), None, None)
    assert bool(found) == (granted == 0)


@pytest.mark.parametrize(
    ("committed", "dearest", "is_spent"),
    [("19.95", "0.05", False), ("19.951", "0.05", True), ("19.99", None, False), ("20", None, True)],
)
def test_the_judges_budget_is_spent_when_no_further_call_fits(
    committed: str,
    dearest: str | None,
    is_spent: bool,
) -> None:
    spend = Spend(TODAY, Decimal(committed), Decimal(1), 400, 400, 0, 0)
    bound = None if dearest is None else Decimal(dearest)
    found = spent_budgets(configured(judge="20"), None, spend, bound)
    assert found == ([SpentBudget("", TODAY, Decimal(20), Decimal(committed))] if is_spent else [])


def test_what_is_not_known_is_not_spent() -> None:
    assert spent_budgets(configured(judge="20"), None, None, None) == []
    assert spent_budgets(configured(), Day(TODAY, 1, {}), None, None) == []
    assert spent_budgets(configured(budget=None), day("500"), None, None) == []


def left_out(seconds: float, copies: int = 1, candidate_: str = "swift") -> LeftOut:
    at = AT + timedelta(seconds=seconds)
    return LeftOut(candidate_, at, at + timedelta(seconds=30), copies)


def test_openings_that_follow_each_other_are_one() -> None:
    """Until nothing was left out for ten minutes; each candidate for itself."""
    apart = QUIET.total_seconds() + 30
    rows = [left_out(0, 2), left_out(60, 3), left_out(60 + apart, 4), left_out(60 + 2 * apart + 1, 5)]
    found = openings([*rows, left_out(90, 7, "sage")], AT - timedelta(hours=6))
    assert [(o.candidate, (o.first - AT).total_seconds(), o.copies, o.is_cut) for o in found] == [
        ("swift", 0, 9, False),
        ("swift", 60 + 2 * apart + 1, 5, False),
        ("sage", 90, 7, False),
    ]
    assert found[0].last == rows[2].last


def test_what_may_have_begun_before_the_look_says_so() -> None:
    found = openings([left_out(0), left_out(60)], AT - QUIET)
    assert [o.is_cut for o in found] == [True]
    assert [o.is_cut for o in openings([left_out(1)], AT - QUIET)] == [False]
    assert openings([], AT) == []
