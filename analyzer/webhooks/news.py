"""What was told before against what is seen now: what is new. Pure.

All that is known of "before" are the notices in the store, so a restart, or another process, finds the same.

* `verdict`: promote and reject at once, the first one as well, and again when another experiment comes to it; that one
  of them is taken back once it has been so for a quarter of an hour, for at the edge of a window it comes and goes.
* `control_failed`: when a metric begins to fail; again only after the control has not failed for a quarter of an hour.
* `drift`: a change that was not told; the moment of a change is an estimate that moves from study to study, so one of
  the same series and direction within some hours is the same change.
* `budget`: once a day (UTC) for each budget, and again when the limit was raised and is spent, too.
* `breaker`: once for each stretch of openings; it ends when nothing was left out for ten minutes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from analyzer.report.json_values import Json, number, timestamp
from analyzer.report.printable import clipped
from analyzer.source import Window
from analyzer.webhooks import wording
from analyzer.webhooks.holding import CONTROL, SETTLED_S
from analyzer.webhooks.seen import QUIET, ControlFailure, Opening, Seen, Shift, SpentBudget, Standing
from config.views import Event
from store.notices import Told

MAX_REASONS: Final = 10
MAX_REASON_CHARS: Final = 600
SAME_CHANGE: Final = timedelta(hours=2)
"""Estimates of the moment of one change are as far apart, at least."""
_PART_OF_WINDOW: Final = 12
"""Or as far as this part of the window, where that is more: its blocks are longer."""
_SAME_WEEKDAYS: Final = timedelta(days=30)
"""A dependence on the day of the week has no moment; it is told again after as long."""
_IDS: Final = UUID("5b1c1c9e-6f0e-4f0b-9a55-0d6a3e4a7f21")


@dataclass(frozen=True, slots=True)
class Notice:
    """Something new."""

    id: UUID
    """The same whoever finds it, as long as the same was told before."""
    event: Event
    candidate: str
    """Empty: it is about the primary, the control or the judge."""
    topic: str
    state: str
    before: str | None
    """State that was told last; None: none was, or it has none."""
    since: datetime
    text: str
    """One sentence or two."""
    reasons: tuple[str, ...] = ()
    window: Window | None = None
    """Of the study that it comes from."""
    details: Json = field(default_factory=dict)
    is_silent: bool = False
    """It is written down, and nobody is told."""


def news(told: Sequence[Told], seen: Seen, held_s: Mapping[str, float], now: datetime) -> list[Notice]:
    """What is new, in the order in which it is told.

    Args:
        told: what was noticed before, newest first.
        seen: what is so now.
        held_s: from `Holding`.
        now: UTC.
    """
    found: list[Notice] = []
    if seen.studied is not None:
        window = seen.studied.window
        for standing in seen.studied.standings:
            found += _verdict(_of(told, "verdict", standing.candidate), standing, window, held_s, now)
        found += _control(_of(told, "control_failed", ""), seen.studied.control, window, held_s, now)
        found += _drift(told, seen.studied.shifts, window, now)
    for budget in seen.spent:
        found += _budget(_of(told, "budget", budget.candidate), budget)
    for opening in seen.openings:
        found += _breaker(_of(told, "breaker", opening.candidate), opening)
    return found


def _of(told: Sequence[Told], event: Event, candidate: str) -> list[Told]:
    return [t for t in told if t.event == event and t.candidate == candidate]


def _id(event: Event, candidate: str, topic: str, state: str, after: object) -> UUID:
    return uuid5(_IDS, "\n".join((event, candidate, topic, state, str(after))))


def _verdict(
    before: Sequence[Told], standing: Standing, window: Window, held_s: Mapping[str, float], now: datetime
) -> Iterator[Notice]:
    last = before[0] if before else None
    state, topic = standing.decision, standing.experiment
    if state == "wait":
        is_settled = held_s.get(standing.candidate, 0.0) >= SETTLED_S
        if last is None or last.state == "wait" or not is_settled:
            return
    elif last is not None and (last.state, last.topic) == (state, topic):
        return
    yield Notice(
        id=_id("verdict", standing.candidate, topic, state, None if last is None else last.notice),
        event="verdict",
        candidate=standing.candidate,
        topic=topic,
        state=state,
        before=None if last is None else last.state,
        since=now,
        text=wording.verdict(standing, None if last is None else last.state),
        reasons=tuple(clipped(reason, MAX_REASON_CHARS) for reason in standing.reasons[:MAX_REASONS]),
        window=window,
        details={"experiment": topic or None, "pairs": standing.pairs},
    )


def _control(
    before: Sequence[Told],
    failures: Sequence[ControlFailure],
    window: Window,
    held_s: Mapping[str, float],
    now: datetime,
) -> Iterator[Notice]:
    last = before[0] if before else None
    was_failed = last is not None and last.state == "failed"
    is_new = bool(failures) and not was_failed
    is_over = was_failed and not failures and held_s.get(CONTROL, 0.0) >= SETTLED_S
    if not is_new and not is_over:
        return
    state = "failed" if failures else "passed"
    yield Notice(
        id=_id("control_failed", "", "", state, None if last is None else last.notice),
        event="control_failed",
        candidate="",
        topic="",
        state=state,
        before=None if last is None else last.state,
        since=now,
        text=wording.control(failures),
        window=window,
        details={
            "candidates": list(dict.fromkeys(f.candidate for f in failures)),
            "metrics": [
                {
                    "candidate": f.candidate,
                    "metric": f.metric,
                    "estimand": f.estimand,
                    "low": number(f.low),
                    "high": number(f.high),
                    "limit": number(f.limit),
                }
                for f in failures
            ],
        },
        is_silent=not failures,
    )


def _drift(told: Sequence[Told], shifts: Sequence[Shift], window: Window, now: datetime) -> Iterator[Notice]:
    apart = max(SAME_CHANGE, (window.until - window.since) / _PART_OF_WINDOW)
    fresh: list[tuple[str, str, datetime]] = []
    for shift in shifts:
        change, topic = shift.change, _series(shift)
        at = now if change.at is None else change.at
        near = _SAME_WEEKDAYS if change.at is None else apart
        known = [t.since for t in _of(told, "drift", shift.candidate) if t.topic == topic]
        known += [since for candidate, series, since in fresh if (candidate, series) == (shift.candidate, topic)]
        if any(abs(at - since) <= near for since in known):
            continue
        fresh.append((shift.candidate, topic, at))
        yield Notice(
            id=_id("drift", shift.candidate, topic, "changed", at.isoformat()),
            event="drift",
            candidate=shift.candidate,
            topic=topic,
            state="changed",
            before=None,
            since=at,
            text=wording.drift(shift),
            window=window,
            details={
                "what": change.what,
                "metric": change.metric,
                "estimand": change.estimand,
                "changed_at": timestamp(change.at),
                "before": number(change.before),
                "after": number(change.after),
            },
        )


def _series(shift: Shift) -> str:
    """What changed, and which way."""
    change = shift.change
    series = f"{change.what} {change.metric} {change.estimand}"
    if change.before is None or change.after is None:
        return series
    return f"{series} {'up' if change.after > change.before else 'down'}"


def _budget(before: Sequence[Told], budget: SpentBudget) -> Iterator[Notice]:
    since = datetime(budget.day.year, budget.day.month, budget.day.day, tzinfo=UTC)
    topic = f"{budget.limit_usd.normalize():f} USD a day"
    if any((t.topic, t.since) == (topic, since) for t in before):
        return
    yield Notice(
        id=_id("budget", budget.candidate, topic, "spent", since.isoformat()),
        event="budget",
        candidate=budget.candidate,
        topic=topic,
        state="spent",
        before=None,
        since=since,
        text=wording.budget(budget),
        details={
            "of": "candidate" if budget.candidate else "judge",
            "spent_usd": f"{budget.spent_usd:f}",
            "budget_usd": f"{budget.limit_usd:f}",
        },
    )


def _breaker(before: Sequence[Told], opening: Opening) -> Iterator[Notice]:
    if any(_is_within(t.since, opening) for t in before):
        return
    yield Notice(
        id=_id("breaker", opening.candidate, "", "open", opening.first.isoformat()),
        event="breaker",
        candidate=opening.candidate,
        topic="",
        state="open",
        before=None,
        since=opening.first,
        text=wording.breaker(opening),
        details={"left_out": opening.copies, "last": timestamp(opening.last)},
    )


def _is_within(since: datetime, opening: Opening) -> bool:
    """Was this opening told? What began before the look may have been told by any notice before."""
    return since <= opening.last + QUIET and (opening.is_cut or since >= opening.first - QUIET)
