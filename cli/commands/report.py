"""`shadowbench report`: what the pairs of a window say about each candidate."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from pydantic import ValidationError

from analyzer.moments import Moment
from analyzer.reports.schedule import Schedule
from cli.commands.nightly import DEFAULTS
from cli.commands.nightly import every as write_every
from cli.commands.options import configuration
from cli.commands.rendering import form_options, write
from cli.commands.studying import Asked, answer, known_metrics, policy_of, said, study_options
from config.views import Reports


@click.command()
@study_options
@form_options
@click.option(
    "--every", metavar="DURATION", help="Write one so often into the directory --out [./data/reports], until stopped."
)
@click.option("--at", metavar="HH:MM", help=f"With --every: counted from this time of day, UTC [{DEFAULTS.at}].")
@click.option("--keep", type=click.IntRange(1, 10_000), help=f"With --every: reports that stay [{DEFAULTS.keep}].")
def report(
    *,
    config_file: Path | None,
    since: Moment,
    until: Moment,
    candidates: tuple[str, ...],
    pairs: Path | None,
    fixed: bool,
    form: str,
    out: Path | None,
    everything: bool,
    every: str | None,
    at: str | None,
    keep: int | None,
) -> int:
    """Compares each candidate with the primary: latency, tokens, cost, errors, with intervals and verdicts.

    Reads the store, whether `serve` runs or not, or with --pairs a file, which needs no configuration. Intervals hold
    however often you look; with --fixed they are narrower and hold for one look. Decisions follow the `policy:` of the
    configuration.

    \b
    Example:
      shadowbench report
      shadowbench report -c shadowbench.yaml --since 7d --candidate llama-70b --format json --out report.json
      shadowbench report --pairs offline-eval.csv --fixed
      shadowbench report --since 24h --format html --out report.html
      shadowbench report --every 24h --at 02:00 --keep 90 --out /var/lib/shadowbench/reports
    """
    if every is not None:
        return _every(config_file, every, at=at, keep=keep, out=out, candidates=candidates)
    if at is not None or keep is not None:
        raise click.UsageError("--at and --keep say how reports are written again and again: say --every, too")
    config = None if pairs is not None and config_file is None else configuration(config_file)
    metrics = known_metrics()
    asked = Asked(
        config=config,
        pairs=pairs,
        since=said("since", since, pairs),
        until=said("until", until, pairs),
        candidates=candidates,
        kind="fixed" if fixed else "anytime",
        policy=None if config is None else policy_of(config, metrics),
        metrics=metrics,
    )
    write(answer(asked, datetime.now(UTC)), form, out, title="shadowbench report", everything=everything)
    return 0


def _every(
    config_file: Path | None,
    every: str,
    *,
    at: str | None,
    keep: int | None,
    out: Path | None,
    candidates: tuple[str, ...],
) -> int:
    context = click.get_current_context()
    for name in ("until", "pairs", "fixed", "form", "everything"):
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise click.UsageError("--every goes with -c, --since, --candidate, --at, --keep and --out, nothing else")
    config, metrics = configuration(config_file), known_metrics()
    said: dict[str, Any] = {"every": every, **({} if at is None else {"at": at})}
    if context.get_parameter_source("since") is not ParameterSource.DEFAULT:
        said["since"] = _length(context.params["since"])
    try:
        chosen = Reports.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise click.UsageError(f"--{name} {said.get(name)!r}: {_reason(name, first['msg'])}") from None
    schedule = Schedule(chosen.every, chosen.at, chosen.since)
    return write_every(
        config,
        metrics,
        schedule,
        Path(chosen.dir) if out is None else out,
        keep=chosen.keep if keep is None else keep,
        candidates=candidates,
    )


def _length(since: Moment) -> str:
    if since.ago is None:
        raise click.UsageError("with --every, --since is the length of each window: 24h, 7d")
    return f"{since.ago.total_seconds()}s"


def _reason(name: str, message: str) -> str:
    return "write a time of day, HH:MM" if name == "at" else message.removeprefix("Value error, ")
