"""`shadowbench report`: what the pairs of a window say about each candidate."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from analyzer.report.json_form import as_json
from analyzer.report.table_form import as_table
from analyzer.source import Window
from analyzer.stored import StoredPairs
from analyzer.study import Plan, Study, known_candidates, study
from cli.commands.options import Moment, config_option, configuration, stored_pairs, window, window_options
from cli.commands.screen import console
from cli.version import version
from config.model import Config
from record.pair import CONTROL


@click.command()
@config_option
@window_options
@click.option("--candidate", "candidates", metavar="NAME", multiple=True, help="Only this one; may be repeated.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="For people, or for programs.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="PATH", help="Write to this file.")
def report(
    *, config_file: Path | None, since: Moment, until: Moment, candidates: tuple[str, ...], form: str, out: Path | None
) -> int:
    """Compares each candidate with the primary: latency, tokens, cost, errors, with intervals and verdicts.

    Reads the store, whether `serve` runs or not. Intervals are for one look at a time chosen beforehand.

    \b
    Example:
      shadowbench report
      shadowbench report -c shadowbench.yaml --since 7d --candidate llama-70b --format json --out report.json
    """
    config = configuration(config_file)
    now = datetime.now(UTC)
    asked = window(since, until, now)
    with stored_pairs(config) as source:
        names = _chosen(source, asked, config, candidates)
        result = study(source, Plan(asked, names, block_s=config.blocks.length), now=now)
    _write(result, form, out)
    return 0


def _chosen(source: StoredPairs, asked: Window, config: Config, wanted: Sequence[str]) -> tuple[str, ...]:
    known = known_candidates(source, asked, [c.name for c in config.candidates])
    unknown = [name for name in wanted if name not in known]
    if unknown:
        said = ", ".join(known) if known else "none"
        raise click.UsageError(f"no candidate {unknown[0]!r} is configured or has pairs in the window; known: {said}")
    # The control stands beside each candidate already; it gets a table of its own only when nothing else does.
    return tuple(dict.fromkeys(wanted)) or tuple(name for name in known if name != CONTROL) or known


def _write(result: Study, form: str, out: Path | None) -> None:
    if out is None:
        _render(result, form, console())
        return
    try:
        with out.open("w", encoding="utf-8") as file:
            _render(result, form, console(file))
    except OSError as error:
        raise click.UsageError(f"--out {out}: {error.strerror or error}") from None


def _render(result: Study, form: str, target: Console) -> None:
    if form == "json":
        target.file.write(json.dumps(as_json(result, version=version()), indent=2, allow_nan=False) + "\n")
    else:
        target.print(as_table(result))
