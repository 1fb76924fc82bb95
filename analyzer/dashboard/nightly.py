"""Writes the reports that the configuration asks for (`reports:`), when they are due."""

import asyncio
from datetime import datetime
from pathlib import Path

from analyzer.answering import Answer, Question, answer
from analyzer.dashboard.site import Site
from analyzer.metrics import Metric
from analyzer.reports.press import due, print_report, wait_s
from analyzer.reports.schedule import Schedule
from analyzer.reports.shelf import Shelf, ShelfBusy, ShelfError
from analyzer.source import Window
from analyzer.stored import StoredPairs
from config.model import Config
from config.views import Reports
from runtime.version import version
from store.errors import StoreError
from store.reader import Reader

_OFF_S = 5.0
"""How often it is looked whether a reload has asked for reports."""
_RETRY_S = 60.0
WRITTEN = "shadowbench_dashboard_reports_total"
FAILED = "shadowbench_dashboard_report_failures_total"


async def write_reports(site: Site, metrics: tuple[Metric, ...]) -> None:
    """Until it is cancelled; a store that is away, or a full disk, is tried again after a minute."""
    while True:
        settings = site.config.reports
        if settings is None:
            await asyncio.sleep(_OFF_S)
            continue
        schedule, shelf = _schedule(settings), Shelf(Path(settings.dir))
        at = due(schedule, shelf, site.clock())
        if at is None:
            await asyncio.sleep(min(_OFF_S, wait_s(schedule, site.clock())))
            continue
        if not await _write(site, metrics, schedule, shelf, at):
            await asyncio.sleep(_RETRY_S)


def _schedule(settings: Reports) -> Schedule:
    return Schedule(settings.every, settings.at, settings.since)


async def _write(site: Site, metrics: tuple[Metric, ...], schedule: Schedule, shelf: Shelf, at: datetime) -> bool:
    config, settings = site.config, site.config.reports
    if settings is None:
        return False

    def work(reader: Reader) -> None:
        def ask(window: Window) -> Answer:
            return _study(reader, config, metrics, window, site.clock())

        print_report(ask, schedule, shelf, at, keep=settings.keep, version=version())

    try:
        await site.studies.read(work)
    except ShelfBusy:
        return False  # a command does it just now
    except (StoreError, ShelfError) as error:
        site.figures.count(FAILED)
        site.log.warning("no report yet", due=at.isoformat(), reason=str(error))
        return False
    site.figures.count(WRITTEN)
    site.log.info("report written", due=at.isoformat(), directory=str(shelf.directory))
    return True


def _study(reader: Reader, config: Config, metrics: tuple[Metric, ...], window: Window, now: datetime) -> Answer:
    question = Question(config, window, (), "anytime", config.policy, metrics)
    configured = [candidate.name for candidate in config.candidates]
    return answer(StoredPairs(reader.columns), question, now, configured=configured)
