"""Writes the reports that are due: one process, one after another, a missed one as soon as it runs again."""

import json
from collections.abc import Callable
from datetime import datetime

from analyzer.answering import Answer
from analyzer.report.html_form import as_html
from analyzer.report.json_form import as_json
from analyzer.report.markdown_form import as_markdown
from analyzer.reports.index import index_page
from analyzer.reports.schedule import Schedule
from analyzer.reports.shelf import Shelf
from analyzer.source import Window

INDEX = "index.html"
SETTLE_S = 90.0
"""After a window's end: until all of its pairs are in the store."""
Ask = Callable[[Window], Answer]
"""Computes the study of a window."""


def due(schedule: Schedule, shelf: Shelf, now: datetime) -> datetime | None:
    """The report that should be there and is not: the latest one; of several missed ones no other is made up for."""
    latest = schedule.latest(now)
    if (now - latest).total_seconds() < SETTLE_S or shelf.has(latest):
        return None
    return latest


def print_report(ask: Ask, schedule: Schedule, shelf: Shelf, at: datetime, *, keep: int, version: str) -> Answer:
    """Writes the report that is due at a moment, and the index.

    Args:
        ask: computes the study.
        schedule: says which window it is about.
        shelf: where it goes.
        at: when it is due.
        keep: reports that stay.
        version: of shadowbench.

    Raises:
        StoreError: the store does not answer; ask again later.
        ShelfError: the directory cannot be used, or another process does it already.
    """
    made = ask(schedule.window(at))
    title = f"shadowbench report, {at:%Y-%m-%d %H:%M} UTC"
    forms = {
        "html": as_html(made, version=version, title=title),
        "md": as_markdown(made.study, title=title),
        "json": json.dumps(as_json(made.study, version=version), indent=1, allow_nan=False) + "\n",
    }
    with shelf.alone():
        shelf.put(at, forms, keep)
        shelf.write_page(INDEX, index_page(shelf.reports()))
    return made


def wait_s(schedule: Schedule, now: datetime) -> float:
    """Seconds until the next report can be written; at most a minute, so that a clock that jumps does no harm."""
    at = schedule.latest(now)
    until = (at if (now - at).total_seconds() < SETTLE_S else schedule.next(now)) - now
    return min(60.0, max(1.0, until.total_seconds() + SETTLE_S))
