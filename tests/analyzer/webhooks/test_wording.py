"""Notices in words."""

import unicodedata
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from analyzer.surroundings.results import Change
from analyzer.webhooks.seen import ControlFailure, Opening, Shift, SpentBudget, Standing
from analyzer.webhooks.wording import MAX_TEXT, breaker, budget, control, drift, usd, verdict
from tests.analyzer.report.studies import HOSTILE

AT = datetime(2026, 11, 20, 9, 5, 30, tzinfo=UTC)


def failure(candidate: str = "swift", title: str = "time to last byte, p95") -> ControlFailure:
    return ControlFailure(candidate, "total_ms", "p95", title, 12.0, 30.0, 10.0)


def test_a_verdict_says_what_was_before() -> None:
    standing = Standing("swift", "e", "promote", (), 1)
    assert verdict(standing, None) == "swift: promote (the first decision), every declared metric passes."
    assert verdict(standing, "wait") == "swift: promote (before: wait), every declared metric passes."
    taken_back = Standing("swift", "e", "wait", (), 1)
    assert verdict(taken_back, "promote") == (
        "swift: wait (before: promote), the data do not carry the decision any more."
    )


def test_a_control_that_fails_names_metrics_and_candidates_once() -> None:
    both = [failure(), failure("sage"), failure(title="error rate")]
    assert control(both) == (
        "The control (primary against itself) differs in time to last byte, p95 and error rate beyond what the policy "
        "allows it: the setup favours an arm there, and nothing is decided about swift and sage."
    )


def test_many_are_counted() -> None:
    said = control([failure(title=f"metric {n}") for n in range(9)])
    assert "differs in metric 0, metric 1, metric 2 and 6 others beyond" in said


def test_a_change_is_told_in_the_reports_words() -> None:
    change = Change("difference", "total_ms", "mean", AT, 1.0, 2.0, 9.0, "The difference changed.")
    assert drift(Shift("swift", change)) == "swift: The difference changed."
    assert drift(Shift("", change)) == "The difference changed."


def test_a_spent_budget_says_what_follows() -> None:
    spent = SpentBudget("swift", date(2026, 11, 20), Decimal(50), Decimal("49.8700"))
    assert budget(spent) == (
        "swift: $49.87 of the day's budget of $50 is spent, and there is no room for one more copy. It gets copies "
        "again at midnight UTC."
    )
    judge = SpentBudget("", date(2026, 11, 20), Decimal("2.5"), Decimal("2.499"))
    assert budget(judge) == (
        "The judge: $2.50 of the day's budget of $2.50 is spent, and there is no room for one more call. Judging goes "
        "on at midnight UTC."
    )


def test_an_open_breaker_says_since_when_and_what_it_costs() -> None:
    one = Opening("swift", AT, AT + timedelta(seconds=9), 1, is_cut=False)
    assert breaker(one) == (
        "swift: its breaker opened at 2026-11-20 09:05:30 UTC because too many copies had failed. Copies left out so "
        "far, which count as failed: 1."
    )


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("50", "$50"),
        ("1234.5", "$1,234.50"),
        ("0.01", "$0.01"),
        ("0.000042000", "$0.000042"),
        ("0", "$0"),
        ("2E+3", "$2,000"),
    ],
)
def test_dollars_have_the_digits_that_they_need(amount: str, text: str) -> None:
    assert usd(Decimal(amount)) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_a_name_is_a_sentence_stays_one_line_of_some_length(text: str) -> None:
    change = Change("model", "x", "name", AT, None, None, None, text * 3)
    for said in (
        verdict(Standing(text, text, "reject", (text,), 1), text),
        control([failure(text, text)] * 3),
        drift(Shift(text, change)),
        budget(SpentBudget(text, date(2026, 11, 20), Decimal(1), Decimal(1))),
        breaker(Opening(text, AT, AT, 3, is_cut=False)),
    ):
        assert said
        assert len(said) <= MAX_TEXT
        assert not {unicodedata.category(c) for c in said} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
