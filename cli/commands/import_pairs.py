"""`shadowbench import`: pairs of a file into the store."""

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path

import click

from analyzer.report.printable import printable
from cli.commands.cleaning import cleaner_of
from cli.commands.options import config_option, configuration, stored
from cli.commands.progress import progress
from config.model import Config
from store.locate import StoreConnection, close, connect
from store.reader import Reader
from store.transfer.completion import Origin
from store.transfer.forms import FORMS, Form, PairsFileError
from store.transfer.importing import Imported, Importer
from store.transfer.reading import PairsFile, survey_of
from store.transfer.survey import Survey
from store.writer import Writer

WRONG = 64


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@config_option
@click.option("--format", "form", type=click.Choice(FORMS), help="When the name of FILE does not say it.")
@click.option(
    "--experiment", metavar="NAME", help="Experiment of rows that name none [one per candidate, called after the file]."
)
@click.option("--json", "wants_json", is_flag=True, help="Say what was done as JSON.")
def import_pairs(
    *, file: Path, config_file: Path | None, form: Form | None, experiment: str | None, wants_json: bool
) -> int:
    """Brings pairs of a JSONL, CSV or Parquet file into the store.

    Columns are those of the table `pairs`, as `shadowbench export` writes them. A row must name its `candidate`, and
    an outcome or a figure of each arm; what it leaves out is unknown. Besides, `preference` (-1 to 1, positive: the
    candidate is better), `score_primary`, `score_candidate` and `judge` carry a judgement. Rows without `request_id`
    and `ts` get some, the same each time. `conversation` is a whole number, or any text, of which a hash is stored.
    Costs that were doubles are rounded to a billionth of a dollar.

    Every row is checked before the first is stored: a single bad one, and nothing is. Importing a file again, or after
    it broke off, adds only what is not there yet.

    \b
    Example:
      shadowbench import pairs.parquet
      shadowbench import offline-eval.csv --experiment eval-march --json
    """
    if experiment is not None and not experiment.strip():
        raise click.UsageError("--experiment is empty; leave it out, or name one")
    config = configuration(config_file)
    try:
        pairs = PairsFile(file, form)
        with progress("checking", None) as done:
            survey = survey_of(pairs, done)
        if survey.faults:
            return _refuse(survey)
        origin = Origin(pairs.digest(), survey.rows, pairs.changed, config.blocks.length, experiment)
        with progress("importing", survey.rows) as done:
            imported = _send(config, pairs, origin, done)
    except PairsFileError as error:
        raise click.UsageError(str(error)) from None
    left_out = survey.with_texts if config.privacy.bodies == "none" else 0
    _say(file, imported, left_out, wants_json=wants_json)
    return 0


def _refuse(survey: Survey) -> int:
    lines, untold = survey.told()
    for line in lines:
        print(printable(line), file=sys.stderr)
    more = f" ({untold:,} more faults)" if untold else ""
    print(
        f"shadowbench import: nothing was imported{more}; mend these rows, and import the file again", file=sys.stderr
    )
    return WRONG


def _send(config: Config, pairs: PairsFile, origin: Origin, done: Callable[[int], None]) -> Imported:
    with stored(config, "writer"):
        connection = StoreConnection(config.store, access="writer")
        importer = Importer(
            lambda: Reader(connection.client()),
            Writer(connection),
            reads_what_it_wrote=config.store.cluster is None,
            cleaner=cleaner_of(config.privacy),
            revive=lambda: close(connect(config.store, access="writer", start_owner=True)),
        )
        try:
            return importer.send(pairs, origin, on_rows=done)
        except KeyboardInterrupt:
            print("import: stopped; import the file again, and it goes on from there", file=sys.stderr)
            raise
        finally:
            connection.drop()


def _say(file: Path, imported: Imported, left_out: int, *, wants_json: bool) -> None:
    if wants_json:
        print(json.dumps({"file": str(file), **dataclasses.asdict(imported), "texts_left_out": left_out}))
        return
    parts = [f"{imported.pairs:,} of {imported.rows:,} pairs of {file} are new"]
    if imported.already_there:
        parts.append(f"{imported.already_there:,} rows were there already")
    if imported.judgements:
        parts.append(f"{imported.judgements:,} judgements are new")
    if imported.texts:
        parts.append(f"texts of {imported.texts:,} sides are new")
    if left_out:
        parts.append(f"texts of {left_out:,} rows were left out, because privacy.bodies is none")
    print("; ".join(parts))
