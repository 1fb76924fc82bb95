"""What is so now, as far as webhooks tell of it. Plain values; what is not known is None. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from analyzer.metrics import METRICS, named
from analyzer.report import words
from analyzer.results import CandidateStudy, Decision, Study
from analyzer.source import Window
from analyzer.surroundings.results import Change
from config.model import Config
from store.judging.calls import Spend
from store.notices import LeftOut
from store.spending import Day, Spent

QUIET: Final = timedelta(minutes=10)
"""A breaker that leaves out nothing for so long has closed; what comes later is another time."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The decision about one candidate."""

    candidate: str
    experiment: str
    """Empty: the window holds no pair."""
    decision: Decision
    reasons: tuple[str, ...]
    pairs: int


@dataclass(frozen=True, slots=True)
class ControlFailure:
    """A metric in which the primary differs from itself by more than a candidate's margin allows."""

    candidate: str
    """Of whom nothing is decided because of it."""
    metric: str
    estimand: str
    title: str
    low: float | None
    high: float | None
    limit: float


@dataclass(frozen=True, slots=True)
class Shift:
    """A change over time, as drift was found."""

    candidate: str
    """Empty: the primary changed, whichever candidate it is set against."""
    change: Change


@dataclass(frozen=True, slots=True)
class Studied:
    """What a study says."""

    window: Window
    standings: tuple[Standing, ...]
    control: tuple[ControlFailure, ...]
    shifts: tuple[Shift, ...]


@dataclass(frozen=True, slots=True)
class SpentBudget:
    """A day's budget that has no room for one more copy, or one more call of a judge."""

    candidate: str
    """Empty: it is the judge's."""
    day: date
    """UTC."""
    limit_usd: Decimal
    spent_usd: Decimal


@dataclass(frozen=True, slots=True)
class Opening:
    """A stretch of time in which a candidate's breaker was open, again and again perhaps."""

    candidate: str
    first: datetime
    """Start of the first request that was left out, to the second."""
    last: datetime
    copies: int
    """Requests that were left out."""
    is_cut: bool
    """It may have begun before what was looked at."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything at one look."""

    studied: Studied | None
    spent: tuple[SpentBudget, ...]
    openings: tuple[Opening, ...]


def studied(study: Study) -> Studied:
    """What of a study is told."""
    return Studied(
        study.window,
        tuple(Standing(c.name, c.experiment or "", c.decision, c.reasons, c.pairs) for c in study.candidates),
        tuple(failure for c in study.candidates for failure in _control_failures(c)),
        tuple(shift for c in study.candidates for shift in _shifts(c)),
    )


def _control_failures(candidate: CandidateStudy) -> list[ControlFailure]:
    return [
        ControlFailure(
            candidate.name, c.metric, c.estimand, _title(c.metric, c.estimand), low=c.low, high=c.high, limit=c.limit
        )
        for c in candidate.integrity.control or ()
        if c.finding == "failed"
    ]


def _title(metric: str, estimand: str) -> str:
    """As reports call it; of a plug-in's metric its name."""
    found = next((m for m in METRICS if m.key == (metric, estimand)), None) or named(METRICS, metric)
    return f"{metric} {estimand}" if found is None else words.title(found)


def _shifts(candidate: CandidateStudy) -> list[Shift]:
    changes = () if candidate.drift is None else candidate.drift.changes
    return [Shift("" if _is_primary(change) else candidate.name, change) for change in changes]


def _is_primary(change: Change) -> bool:
    return change.what == "primary" or (change.what, change.metric) == ("model", "primary_model")


def spent_budgets(config: Config, day: Day | None, judging: Spend | None, dearest: Decimal | None) -> list[SpentBudget]:
    """Budgets that are used up.

    Args:
        config: has the limits.
        day: what candidates have cost; None: not known.
        judging: what judging has cost; None: not known.
        dearest: the most that one of the day's calls to a judge could cost; None: not known.
    """
    found = []
    for candidate in config.candidates:
        limit = candidate.budget.usd_per_day
        spent = None if day is None else day.spent.get(candidate.name)
        if day is not None and limit is not None and spent is not None and _is_spent(limit, spent, day.machines):
            found.append(SpentBudget(candidate.name, day.day, limit, spent.cost_usd))
    limit = None if config.judge is None else config.judge.budget.usd_per_day
    if limit is not None and judging is not None:
        used = judging.committed_usd
        if used >= limit or used + (dearest or Decimal(0)) > limit:
            found.append(SpentBudget("", judging.day, limit, used))
    return found


def _is_spent(limit: Decimal, spent: Spent, machines: int) -> bool:
    """Has it no room for one more copy? Each machine that shares it is granted whole copies of its part."""
    dearest = spent.largest_usd
    if dearest is None or spent.cost_usd >= limit:
        return spent.cost_usd >= limit
    left = limit - spent.cost_usd - (spent.uncosted + spent.unpriced_before) * dearest
    return left < dearest * max(machines, 1)


def openings(rows: Sequence[LeftOut], since: datetime) -> list[Opening]:
    """What breakers left out, put together where it follows each other.

    Args:
        rows: by candidate and time.
        since: from when on was looked.
    """
    by_candidate: dict[str, list[LeftOut]] = {}
    for row in rows:
        by_candidate.setdefault(row.candidate, []).append(row)
    return [opening for own in by_candidate.values() for opening in _of_one(own, since)]


def _of_one(rows: Sequence[LeftOut], since: datetime) -> list[Opening]:
    found: list[Opening] = []
    for row in sorted(rows, key=lambda r: r.first):
        if found and row.first - found[-1].last <= QUIET:
            last = found[-1]
            found[-1] = replace(last, last=max(last.last, row.last), copies=last.copies + row.copies)
        else:
            found.append(Opening(row.candidate, row.first, row.last, row.copies, is_cut=row.first - since <= QUIET))
    return found
