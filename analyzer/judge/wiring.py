"""Puts together what all parts of a judging process share."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

from analyzer.judge.asking import Surroundings
from analyzer.judge.books import Books
from analyzer.judge.budget import Budget, Moment
from analyzer.judge.figures import Figures
from analyzer.judge.journal import Journal
from analyzer.judge.leading import steady_s
from analyzer.judge.plan import Plan
from analyzer.judge.purse import Purse
from analyzer.judge.shared import Lines, Shared
from record.ids import id_source


def now() -> Moment:
    """By both clocks."""
    return Moment(datetime.now(UTC), steady_s())


def shared(plan: Plan, books: Books, may_start: Callable[[], bool], lines: Lines) -> Shared:
    """What all parts of a process share.

    Args:
        plan: whose budget holds at first.
        books: the store.
        may_start: may this process start calls now?
        lines: its log.
    """
    purse = Purse(Budget(plan.judge.budget), now, may_start)
    figures = Figures()
    around = Surroundings(now, id_source(), random.SystemRandom().random)

    def fault(name: str, error: BaseException) -> None:
        figures.faults += 1
        lines.error("internal error", task=name, error=f"{type(error).__name__}: {error}".partition("\n")[0])

    # Tokens begin with a name that nobody had before: under a known one rows would be taken for stored.
    journal = Journal(books, purse, f"judge-{uuid4().hex}", now, fault)
    return Shared(books, purse, journal, figures, around, lines)
