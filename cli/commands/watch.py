"""`shadowbench watch`: the live comparison in the terminal."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import RenderableType
from rich.live import Live

from analyzer.answering import Answer
from analyzer.metrics import Metric
from analyzer.moments import Moment
from analyzer.report.json_form import as_json
from analyzer.report.printable import printable
from analyzer.report.watch_form import as_watch
from cli.commands.options import MomentType, StoreTrouble, config_option, configuration
from cli.commands.screen import console, show
from cli.commands.studying import Asked, answer, known_metrics, policy_of
from config.model import Config
from runtime.version import version

LEAST_S = 1.0
_SHARE = 4.0
"""A view that took a second to compute is kept for four: looking must not load the store."""


@click.command()
@config_option
@click.option("--since", type=MomentType(), default="1h", show_default=True, help="Length of the window, or its start.")
@click.option("--candidate", "candidates", metavar="NAME", multiple=True, help="Only this one; may be repeated.")
@click.option(
    "--every", "every_s", type=click.FloatRange(LEAST_S, 3600), default=2.0, show_default=True,
    help="Seconds between two views, at least.",
)  # fmt: skip
@click.option("--once", is_flag=True, help="Show one view and end.")
@click.option("--json", "as_lines", is_flag=True, help="One report as JSON per line, schema version 1.")
def watch(
    *, config_file: Path | None, since: Moment, candidates: tuple[str, ...], every_s: float, once: bool, as_lines: bool
) -> int:
    """Shows each candidate against the primary, as pairs arrive; ends on Ctrl-C.

    Intervals hold however often you look. While the store does not answer, the last view stays and says since when.

    \b
    Example:
      shadowbench watch
      shadowbench watch --since 15m --candidate llama-70b
      shadowbench watch --once --json | jq .candidates[].decision
    """
    config, metrics = configuration(config_file), known_metrics()
    question = _Question(config, since, candidates, metrics)
    if as_lines:
        return _stream(question, every_s, once=once)
    if once or not sys.stdout.isatty():
        for made in _answers(question, every_s, once=once):
            show(console(), as_watch(made.study))
        return 0
    _live(question, every_s)
    return 0


@dataclass(frozen=True, slots=True)
class _Question:
    config: Config
    since: Moment
    candidates: tuple[str, ...]
    metrics: tuple[Metric, ...]

    def answer(self) -> Answer:
        """As of now."""
        asked = Asked(
            config=self.config,
            pairs=None,
            since=self.since,
            until=Moment(at=datetime.now(UTC)),
            candidates=self.candidates,
            kind="anytime",
            policy=policy_of(self.config, self.metrics),
            metrics=self.metrics,
        )
        return answer(asked, datetime.now(UTC))


def _answers(question: _Question, every_s: float, *, once: bool) -> Iterator[Answer]:
    """One after another; the first must succeed, and without `once` they do not end."""
    yield question.answer()
    while not once:
        begun_s = time.monotonic()
        try:
            yield question.answer()
        except StoreTrouble as error:
            print(f"shadowbench watch: no new view: {printable(error.format_message())}", file=sys.stderr)
        _wait(begun_s, every_s)


def _wait(begun_s: float, every_s: float) -> None:
    took_s = time.monotonic() - begun_s
    time.sleep(max(every_s - took_s, took_s * _SHARE))


def _stream(question: _Question, every_s: float, *, once: bool) -> int:
    for made in _answers(question, every_s, once=once):
        print(json.dumps(as_json(made.study, version=version()), allow_nan=False), flush=True)
    return 0


def _live(question: _Question, every_s: float) -> None:
    """Redraws one screen until Ctrl-C; the last view stays on the terminal after it."""
    last = question.answer()
    stale_since: datetime | None = None
    target = console()

    def view(trouble: str = "") -> RenderableType:
        return as_watch(last.study, stale_since=stale_since, trouble=trouble)

    try:
        with Live(view(), console=target, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
            while True:
                begun_s = time.monotonic()
                try:
                    last, stale_since = question.answer(), None
                    live.update(view(), refresh=True)
                except StoreTrouble as error:
                    stale_since = stale_since or last.study.generated_at
                    live.update(view(error.format_message()), refresh=True)
                _wait(begun_s, every_s)
    except KeyboardInterrupt:
        show(target, view())
