"""`shadowbench judge run`: judges a window once; says first what it takes, and asks."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click

from analyzer.judge.estimate import Estimate
from analyzer.judge.rejudge import Asked, Outcome, Progress, Rejudge, RejudgeError
from analyzer.judge.rubric import RubricError, load
from analyzer.moments import Moment
from analyzer.report.json_values import timestamp
from analyzer.report.printable import printable
from analyzer.report.words import counted
from analyzer.source import Window
from cli.commands.options import (
    config_option,
    configuration,
    stored,
    table_or_json_option,
    window,
    window_options,
)
from cli.commands.progress import Done, progress
from cli.forecast import usd_text
from config.model import Config
from store.judging.calls import Spend, spent_today
from store.reader import Reader

STOPPED = 70
NAME = "judge run"
T = TypeVar("T")


@dataclass(slots=True)
class _Lines:
    """Warnings of judging, each once, on standard error."""

    said: set[str] = field(default_factory=set)

    def info(self, event: str, **fields: object) -> None:
        """Nothing: nobody asked for a log."""

    def warning(self, event: str, **fields: object) -> None:
        """A line."""
        more = ", ".join(f"{name} {value}" for name, value in fields.items())
        line = printable(f"{NAME}: {event}{f' ({more})' if more else ''}")
        if line not in self.said:
            self.said.add(line)
            print(line, file=sys.stderr)

    error = warning


@click.command(short_help="Judges a window once more, or for the first time.")
@config_option
@window_options
@click.option("--candidate", "candidates", metavar="NAME", multiple=True, help="Only this one; may be repeated.")
@click.option("--rubric", metavar="NAME", help="By this one: a name, or a rubric file [the configured one].")
@click.option("--all", "takes_all", is_flag=True, help="All pairs, in place of the configured share (`judge.sample`).")
@click.option("--dry-run", is_flag=True, help="Only says what it would take.")
@click.option("--yes", is_flag=True, help="Does not ask.")
@table_or_json_option
def run(
    *,
    config_file: Path | None,
    since: Moment,
    until: Moment,
    candidates: tuple[str, ...],
    rubric: str | None,
    takes_all: bool,
    dry_run: bool,
    yes: bool,
    form: str,
) -> int:
    """Judges pairs of a window that nobody has judged by the rubric, after saying what that takes.

    Takes pairs of any age that have texts, those that the role `judge` left out for its budget or their age among them.
    The day's budget holds. What was answered is not asked again: after a stop, run it again. With another rubric than
    the configured one it may run beside `serve`; with the same one it takes what the role has passed.

    \b
    Ends with 0 when every question was answered or has failed for good, and with 70 when something is left.

    \b
    Example:
      shadowbench judge run --since 7d --dry-run
      shadowbench judge run --since 7d --rubric factual_consistency --candidate llama-70b --yes
    """
    if not (yes or dry_run or sys.stdin.isatty()):
        raise click.UsageError("nobody can be asked here; say --yes to judge, or --dry-run to see what it would take")
    config = configuration(config_file)
    if config.judge is None:
        raise click.UsageError("the configuration has no `judge`, so there is nobody to ask; see docs/judging.md")
    if rubric is not None:
        try:
            load(rubric)
        except RubricError as error:
            raise click.UsageError(printable(f"--rubric: {error}")) from None
    span = window(since, until, datetime.now(UTC))
    asked = Asked(span.since, span.until, tuple(dict.fromkeys(candidates)) or None, rubric, takes_all)
    with stored(config, "writer") as client:
        _require_known(Reader(client), config, span, asked.candidates or ())
        spend = spent_today(Reader(client))
        estimate = _awaited(_estimated(config, asked))
        if form == "table":
            for line in _estimate_lines(estimate, config, spend):
                click.echo(printable(line))
        if dry_run or not estimate.with_texts:
            outcome = None
        else:
            if not yes and (estimate.questions or not estimate.is_exact):
                click.confirm("Judge them?", abort=True, err=True)
            outcome = _awaited(_judged(config, asked, estimate))
    if form == "json":
        click.echo(json.dumps(_answer(asked, estimate, outcome, config, spend), indent=2))
    return 0 if outcome is None else _ended(outcome, form)


def _require_known(reader: Reader, config: Config, span: Window, candidates: tuple[str, ...]) -> None:
    """A mistyped name must not look like an empty window."""
    known = {name for _, name in reader.pair_counts(span.since, span.until)} | {c.name for c in config.candidates}
    for name in candidates:
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            said = f"no candidate {name!r} is configured or has pairs in the window; known: {listed}"
            raise click.UsageError(printable(said))


def _awaited(work: Coroutine[Any, Any, T]) -> T:
    """Raises click.UsageError where nobody can judge so."""
    try:
        return asyncio.run(work)
    except RejudgeError as error:
        raise click.UsageError(printable(str(error))) from None


async def _estimated(config: Config, asked: Asked) -> Estimate:
    # Let go of before somebody is asked: whoever thinks about it keeps nobody else from judging.
    async with Rejudge(config, asked, _Lines()) as rejudge:
        return await rejudge.estimate()


async def _judged(config: Config, asked: Asked, estimate: Estimate) -> Outcome:
    with progress("judging", estimate.pairs) as done:
        async with Rejudge(config, asked, _Lines()) as rejudge:
            return await rejudge.run(estimate.pairs, _telling(done))


def _telling(done: Done) -> Callable[[Progress], None]:
    def tell(now: Progress) -> None:
        parts = [f"{counted(now.calls, 'call')}, {usd_text(now.usd)}"]
        parts += [f"{now.failed:,} failed"] if now.failed else []
        parts += [f"{', '.join(now.away)} does not answer"] if now.away else []
        parts += [_WAITS[now.waits]] if now.waits in _WAITS else []
        done(now.pairs, printable("; ".join(parts)))

    return tell


_WAITS = {
    "store": "waits for the store",
    "clock": "waits: the day of the store is not ours",
    "dollars": "waits: the budget of the day is spent",
    "rate": "waits for the next minute",
}


def _estimate_lines(estimate: Estimate, config: Config, spend: Spend) -> list[str]:
    """What it takes, for people."""
    there = f"{counted(estimate.pairs, 'pair')} in the window, {estimate.with_texts:,} with texts"
    lines = [f"by {estimate.rubric}: {there}; {estimate.judged:,} are judged, {estimate.settled:,} needed no judge"]
    if not estimate.pairs:
        return ["nothing can be judged: the window has no pairs of which both arms answered in text"]
    if not estimate.with_texts:
        why = "privacy.bodies is none" if config.privacy.bodies == "none" else "privacy.retention says how long"
        return [*lines, f"nothing can be judged: no texts are kept any more ({why})"]
    if not estimate.questions:
        return [*lines, "no judge has to be asked about what is left"]
    lines.append(
        f"to judge: about {counted(estimate.to_judge, 'pair')} in {counted(estimate.questions, 'call')}, "
        f"about {usd_text(estimate.usd_mean)} ({usd_text(estimate.usd_low)} to {usd_text(estimate.usd_high)})"
    )
    return [*lines, *_budget_lines(estimate, config, spend)]


def _budget_lines(estimate: Estimate, config: Config, spend: Spend) -> list[str]:
    limit = None if config.judge is None else config.judge.budget.usd_per_day
    if limit is None:
        return []
    said = f"budget: {usd_text(spend.committed_usd)} of {usd_text(limit)} are spent today"
    if estimate.usd_mean > limit - spend.committed_usd:
        said += "; it will stop there, and goes on when it is run again tomorrow (UTC)"
    return [said]


def _answer(
    asked: Asked, estimate: Estimate, outcome: Outcome | None, config: Config, spend: Spend
) -> dict[str, object]:
    limit = None if config.judge is None else config.judge.budget.usd_per_day
    return {
        "window": {"since": timestamp(asked.since), "until": timestamp(asked.until)},
        "estimate": _plain(asdict(estimate)),
        "budget": {"usd_per_day": _text(limit), "usd_spent": _text(spend.committed_usd)},
        "outcome": None if outcome is None else _plain(asdict(outcome)),
    }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Dollars as texts."""
    return {name: _text(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def _text(usd: Decimal | None) -> str | None:
    return None if usd is None else f"{usd:f}"


def _ended(outcome: Outcome, form: str) -> int:
    if form == "table":
        for line in _outcome_lines(outcome):
            click.echo(printable(line))
    if outcome.why_stopped is None:
        return 0
    left = f"; {counted(outcome.left, 'pair')} of the window are left" if outcome.left else ""
    print(printable(f"{NAME}: stopped: {outcome.why_stopped}{left}"), file=sys.stderr)
    return STOPPED


def _outcome_lines(outcome: Outcome) -> list[str]:
    words = {
        "judged": "were judged",
        "settled": "needed no judge",
        "failed": "failed",
        "known": "were done before",
        "not_drawn": "were not drawn",
        "without_texts": "have no texts",
    }
    found = asdict(outcome)
    pairs = ", ".join(f"{found[name]:,} {word}" for name, word in words.items() if found[name])
    unpriced = f", {outcome.unpriced:,} of them of unknown cost" if outcome.unpriced else ""
    lines = [f"pairs: {pairs or 'none'}"]
    return [*lines, f"{counted(outcome.calls, 'call')}{unpriced}, {usd_text(outcome.usd)}{_per_thousand(outcome)}"]


def _per_thousand(outcome: Outcome) -> str:
    if not outcome.judged or outcome.unpriced:
        return ""
    return f" ({usd_text(outcome.usd / outcome.judged * 1000)} per 1,000 judged pairs)"
