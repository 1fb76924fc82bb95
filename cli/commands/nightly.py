"""`shadowbench report --every`: writes reports by itself until it is stopped."""

import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import click

from analyzer.answering import Answer
from analyzer.metrics import Metric
from analyzer.moments import Moment
from analyzer.report.printable import printable
from analyzer.reports.press import due, print_report, wait_s
from analyzer.reports.schedule import Schedule
from analyzer.reports.shelf import Shelf, ShelfBusy, ShelfError
from analyzer.source import Window
from cli.commands.options import StoreTrouble
from cli.commands.studying import Asked, answer, policy_of
from config.model import Config
from config.views import Reports
from runtime.version import version

DEFAULTS = Reports()
_RETRY_S = 60.0
"""After a store that does not answer, or a disk that is full."""


def every(
    config: Config,
    metrics: tuple[Metric, ...],
    schedule: Schedule,
    out: Path,
    *,
    keep: int,
    candidates: tuple[str, ...],
) -> int:
    """Writes a report whenever one is due; ends with 0 on Ctrl-C or SIGTERM.

    Raises:
        click.UsageError: the directory cannot be used, or somebody writes reports there already.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    shelf = Shelf(out)
    try:
        with shelf.alone():
            pass
    except ShelfError as error:
        raise click.UsageError(str(error)) from None
    _say(f"reports go to {out}; the next one is due {schedule.next(datetime.now(UTC)):%Y-%m-%d %H:%M} UTC")

    def ask(window: Window) -> Answer:
        since, until = Moment(at=window.since), Moment(at=window.until)
        asked = Asked(config, None, since, until, candidates, "anytime", policy_of(config, metrics), metrics)
        return answer(asked, datetime.now(UTC))

    while not stop.is_set():
        at = due(schedule, shelf, datetime.now(UTC))
        wait = wait_s(schedule, datetime.now(UTC))
        if at is not None:
            try:
                made = print_report(ask, schedule, shelf, at, keep=keep, version=version())
                said = ", ".join(f"{c.name}: {c.decision}" for c in made.study.candidates)
                _say(f"report of {at:%Y-%m-%d %H:%M} UTC written ({said or 'no candidate'})")
            except ShelfBusy:
                pass  # the dashboard does it just now
            except (StoreTrouble, ShelfError) as error:
                text = error.format_message() if isinstance(error, StoreTrouble) else str(error)
                _say(f"no report yet, once more in {_RETRY_S:.0f} s: {text}")
                wait = _RETRY_S
        stop.wait(wait)
    return 0


def _say(text: str) -> None:
    print(f"shadowbench report: {printable(text)}", file=sys.stderr, flush=True)
