"""Notices in words. Names and sentences may come from answers of models, so each is made printable and cut."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from analyzer.report.printable import clipped
from analyzer.report.words import listed, moment
from analyzer.results import Decision
from analyzer.webhooks.seen import ControlFailure, Opening, Shift, SpentBudget, Standing

MAX_TEXT: Final = 1500
_NAMED: Final = 4
"""Metrics or candidates in one sentence."""
_MEANS: Final[dict[Decision, str]] = {
    "promote": "every declared metric passes",
    "reject": "a declared metric fails",
    "wait": "the data do not carry the decision any more",
}


def verdict(standing: Standing, before: str | None) -> str:
    """`swift: promote (before: wait), every declared metric passes.`"""
    was = "the first decision" if before is None else f"before: {before}"
    return clipped(f"{_name(standing.candidate)}: {standing.decision} ({was}), {_MEANS[standing.decision]}.", MAX_TEXT)


def control(failures: Sequence[ControlFailure]) -> str:
    """Who differs in what, and what follows."""
    if not failures:
        return "The control (primary against itself) does not fail any more."
    titles = _some(list(dict.fromkeys(f.title for f in failures)))
    names = _some(list(dict.fromkeys(_name(f.candidate) for f in failures)))
    return clipped(
        f"The control (primary against itself) differs in {titles} beyond what the policy allows it: the setup favours "
        f"an arm there, and nothing is decided about {names}.",
        MAX_TEXT,
    )


def drift(shift: Shift) -> str:
    """The sentence of the report."""
    whose = f"{_name(shift.candidate)}: " if shift.candidate else ""
    return clipped(f"{whose}{shift.change.sentence}", MAX_TEXT)


def budget(spent: SpentBudget) -> str:
    """`swift: $49.87 of the day's budget of $50 is spent, ...`"""
    used = f"{usd(spent.spent_usd)} of the day's budget of {usd(spent.limit_usd)} is spent"
    if not spent.candidate:
        return f"The judge: {used}, and there is no room for one more call. Judging goes on at midnight UTC."
    more = "there is no room for one more copy. It gets copies again at midnight UTC"
    return clipped(f"{_name(spent.candidate)}: {used}, and {more}.", MAX_TEXT)


def breaker(opening: Opening) -> str:
    """Since when, and how many were left out."""
    return clipped(
        f"{_name(opening.candidate)}: its breaker opened at {moment(opening.first)} UTC because too many copies had "
        f"failed. Copies left out so far, which count as failed: {opening.copies:,}.",
        MAX_TEXT,
    )


def usd(amount: Decimal) -> str:
    """`$50`, `$49.87`, `$0.0042`: cents, and all digits of what is less than one."""
    if amount == amount.to_integral_value():
        return f"${amount:,.0f}"
    return f"${amount:,.2f}" if amount >= Decimal("0.01") else f"${amount.normalize():f}"


def _name(candidate: str) -> str:
    return clipped(candidate)


def _some(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return listed(names)
    return listed([*names[: _NAMED - 1], f"{len(names) - _NAMED + 1} others"])
