"""`shadowbench judge`: judges a window once more, and compares judges with people."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from analyzer.moments import Moment
from analyzer.quality.agreement import agreement as agreement_of
from analyzer.quality.agreement import stored_judgements
from analyzer.report.agreement_form import as_json, as_table
from cli.commands.judge_run import run
from cli.commands.options import (
    config_option,
    configuration,
    stored,
    table_or_json_option,
    window,
    window_options_since,
)
from cli.commands.screen import console, show
from cli.labelling.rubrics import rubrics_of
from store.judging.labels import labels
from store.reader import Reader

LEVEL = 0.95
_LABELS_SINCE = "30d"
"""Labels are few and dear: a day of them says nothing."""


@click.group()
def judge() -> None:
    """Judges a window once more, by another rubric or what was left out; and compares judges with people.

    While `serve` runs, its role `judge` takes up pairs as they come.

    \b
    Example:
      shadowbench judge run
      shadowbench judge agreement
    """


judge.add_command(run)


@judge.command(short_help="How far judges agree with people, and people with each other.")
@config_option
@window_options_since(_LABELS_SINCE)
@click.option("--candidate", metavar="NAME", help="Only pairs of this one.")
@click.option("--rubric", metavar="NAME", help="Only judgements by this one [all].")
@table_or_json_option
def agreement(
    *, config_file: Path | None, since: Moment, until: Moment, candidate: str | None, rubric: str | None, form: str
) -> int:
    """How far judges agree with people, and people with each other: shares and Cohen's kappa, with intervals.

    Preferences count by their sign: win, tie or loss of the candidate. Of several people who labelled a pair the most
    frequent verdict counts, a tie where there is none; with each other they agree by Fleiss' kappa.

    \b
    Example:
      shadowbench judge agreement
      shadowbench judge agreement --since 90d --candidate llama-70b --format json
    """
    config = configuration(config_file)
    asked = window(since, until, datetime.now(UTC))
    chosen = None if rubric is None else rubrics_of(config, rubric).default
    with stored(config) as client:
        reader = Reader(client)
        said = labels(reader, asked.since, asked.until, candidate)
        judged = stored_judgements(reader.columns, asked.since, asked.until, candidate=candidate, rubric=chosen)
    found = agreement_of(said, judged, level=LEVEL)
    if form == "json":
        click.echo(json.dumps(as_json(found, asked, LEVEL), indent=2))
    else:
        show(console(), as_table(found, LEVEL))
    return 0
