"""`shadowbench labels`: what people say of pairs, into the store and out of it."""

import json
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from analyzer.labels_in.columns import LABELS_FILE, RowCheck
from analyzer.labels_in.importing import Planned, chunks, plan_import
from analyzer.labels_in.key import NONCE_BYTES
from analyzer.labels_in.reading import FileOfLabels, read_labels
from analyzer.moments import Moment
from analyzer.report.printable import printable
from cli.commands.export import WritingTrouble
from cli.commands.options import config_option, configuration, stored, window, window_options_since
from cli.commands.progress import progress
from cli.labelling.exporting import STDOUT, Target, write_labels_file, write_sheet
from cli.labelling.rubrics import rubrics_of
from cli.labelling.sheet import Sheet
from config.model import Config
from store.judging.labels import labels as stored_labels
from store.judging.labels import to_label, write_labels
from store.locate import StoreConnection
from store.reader import Reader
from store.redaction import text_cleaner
from store.transfer.forms import FORMS, FileForm, Form, PairsFileError, form_of
from store.transfer.reading import PairsFile
from store.transfer.target import WritingFailed, require_free
from store.writer import Writer

WRONG = 64
ALL_TIME = "9999d"
_MOST = 100_000
"""Pairs of one sheet: more than people will ever label."""


@click.group()
def labels() -> None:
    """What people say of pairs: brings it into the store and out of it, and makes sheets to label elsewhere.

    The dashboard has a page for labelling, too (`/label`).

    \b
    Example:
      shadowbench labels import labels.csv
      shadowbench labels export --help
    """


@labels.command("import", short_help="Brings labels of a file into the store.")
@click.argument("file", type=click.Path(path_type=Path))
@config_option
@click.option("--format", "form", type=click.Choice(FORMS), help="When the name of FILE does not say it.")
@click.option("--labeler", metavar="NAME", help="Who gave the labels, for rows that do not say.")
@click.option("--rubric", metavar="NAME", help="By what measure, for rows that do not say [that of the judge].")
@click.option("--skip-bad", is_flag=True, help="Store the good rows although others are bad.")
@click.option("--json", "wants_json", is_flag=True, help="Say what was done as JSON.")
def import_labels(
    *,
    file: Path,
    config_file: Path | None,
    form: Form | None,
    labeler: str | None,
    rubric: str | None,
    skip_bad: bool,
    wants_json: bool,
) -> int:
    """Brings labels of a CSV, JSONL or Parquet file into the store.

    Columns: `request_id` and `candidate` name the pair; `labeler` says who; `winner` (primary, candidate or tie) or
    `preference` (-1 to 1, positive: the candidate is better) and `score_primary` with `score_candidate` (1 to 10) say
    what; `rubric`, `inclusion_probability` (with which the pair was drawn), `rationale` and `labeled_at` may be left
    out. A sheet of `labels export --unlabelled` comes back as it is, with `winner` a, b or tie.

    Every row is checked, and every pair looked for, before the first is stored: a single bad one, and nothing is.
    Importing a file again adds nothing; a label that says something new replaces what the same person said of the same
    pair by the same rubric.

    \b
    Example:
      shadowbench labels import labels.csv
      shadowbench labels import sheet.csv --labeler anna --skip-bad
    """
    if labeler is not None and not labeler.strip():
        raise click.UsageError("--labeler is empty; leave it out, or write a name")
    config = configuration(config_file)
    now = datetime.now(UTC)
    check = RowCheck(None if labeler is None else labeler.strip(), rubrics_of(config, rubric), now)
    try:
        rows = PairsFile(file, form, layout=LABELS_FILE, check=check)
        with progress("checking", None) as done:
            found = read_labels(rows, check, done)
        with stored(config, "writer") as client:
            planned = plan_import(Reader(client), found, text_cleaner(config.privacy), now)
            if found.bad and not skip_bad:
                return _refuse(found)
            _send(config, planned)
    except PairsFileError as error:
        raise click.UsageError(printable(str(error))) from None
    _tell(found)
    _say(file, found, planned, wants_json=wants_json)
    return 0


def _tell(found: FileOfLabels) -> int:
    """Says what is bad, and how many faults were not told."""
    lines, untold = found.survey.told()
    for line in lines:
        print(printable(line), file=sys.stderr)
    return untold


def _refuse(found: FileOfLabels) -> int:
    untold = _tell(found)
    more = f" ({untold:,} more faults)" if untold else ""
    said = f"nothing was imported{more}; mend these rows and import the file again, or add --skip-bad"
    print(f"shadowbench labels import: {said}", file=sys.stderr)
    return WRONG


def _send(config: Config, planned: Planned) -> None:
    writer = Writer(StoreConnection(config.store, access="writer"))
    try:
        sent = 0
        with progress("importing", len(planned.rows)) as done:
            for some in chunks(planned.rows):
                write_labels(writer, some)
                sent += len(some)
                done(sent)
    finally:
        writer.close()


def _say(file: Path, found: FileOfLabels, planned: Planned, *, wants_json: bool) -> None:
    new = len(planned.rows) - planned.replaced
    counts = {
        "rows": found.survey.rows,
        "labels": new,
        "replaced": planned.replaced,
        "already_there": planned.already_there,
        "older": planned.older,
        "unfilled": found.unfilled,
        "bad": found.bad,
    }
    if wants_json:
        click.echo(json.dumps({"file": str(file), **counts}))
        return
    parts = [f"{new:,} of {found.survey.rows:,} labels of {file} are new"]
    parts += [_counted(counts[name], one, more) for name, (one, more) in _WORDS.items() if counts[name]]
    click.echo(printable("; ".join(parts)))


_WORDS = {
    "replaced": ("replaces what the same person said before", "replace what the same people said before"),
    "already_there": ("was there already", "were there already"),
    "older": ("is older than what its labeler said since", "are older than what their labelers said since"),
    "unfilled": ("row is not filled in", "rows are not filled in"),
    "bad": ("bad row was left out", "bad rows were left out"),
}
"""Of what an import says: for one, for more."""


def _counted(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"


@labels.command("export", short_help="Writes labels, or a blind sheet of pairs, to a file.")
@config_option
@window_options_since(ALL_TIME)
@click.option("--candidate", metavar="NAME", help="Only this one.")
@click.option("--rubric", metavar="NAME", help="Only labels by this one; of a sheet, by what it is to be judged.")
@click.option("--labeler", metavar="NAME", help="Only this person's labels; of a sheet, who will fill it in.")
@click.option("--unlabelled", type=click.IntRange(1, _MOST), metavar="N", help="Instead: a blind sheet of N pairs.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="FILE.csv, FILE.jsonl or FILE.parquet, the first two also .gz or .zst; - is standard output.",
)
@click.option("--format", "form", type=click.Choice(FORMS), help="When the name of FILE does not say it.")
@click.option("--force", is_flag=True, help="Replace FILE when it is there already.")
def export_labels(
    *,
    config_file: Path | None,
    since: Moment,
    until: Moment,
    candidate: str | None,
    rubric: str | None,
    labeler: str | None,
    unlabelled: int | None,
    out: Path,
    form: Form | None,
    force: bool,
) -> int:
    """Writes labels to a file; with --unlabelled a blind sheet of pairs that wait for one.

    A sheet has a prompt and two answers per row, their order drawn at random and no names of models. Whoever labels
    writes a, b or tie into the column `winner`; `labels import` takes the sheet back and knows by `key` which answer
    was whose. Its pairs are drawn at random from those that a judge has judged and --labeler has not labelled.

    \b
    Example:
      shadowbench labels export --out labels.parquet
      shadowbench labels export --unlabelled 100 --labeler anna --candidate llama-70b --out sheet.csv
    """
    if unlabelled is not None and (labeler is None or not labeler.strip()):
        raise click.UsageError("say with --labeler who will fill in the sheet: what they have labelled is left out")
    config = configuration(config_file)
    asked = window(since, until, datetime.now(UTC))
    try:
        target = _target(out, form, force=force)
        with stored(config) as client:
            reader = Reader(client)
            if unlabelled is None:
                chosen = None if rubric is None else rubrics_of(config, rubric).default
                rows = [
                    row
                    for row in stored_labels(reader, asked.since, asked.until, candidate)
                    if chosen in {None, row.rubric} and labeler in {None, row.labeler}
                ]
                _done(write_labels_file(rows, target), "label", out)
                return 0
            made = _sheet(config, rubric, labeler or "", target.form)
            whose = _one_candidate(config, candidate)
            listed = to_label(
                reader,
                asked.since,
                asked.until,
                whose,
                labeler=made.labeler,
                rubric=made.rubric,
                limit=unlabelled,
            )
            if not listed:
                raise click.UsageError(_nothing(config, made))
            _done(write_sheet(reader, listed, made, target), "pair", out)
    except PairsFileError as error:
        raise click.UsageError(printable(str(error))) from None
    except WritingFailed as error:
        raise WritingTrouble(printable(str(error))) from None
    return 0


def _one_candidate(config: Config, said: str | None) -> str:
    """Which one a sheet is about: with several on one sheet a labeler would see who answers alike."""
    if said is not None:
        return said
    names = [candidate.name for candidate in config.candidates]
    if len(names) == 1:
        return names[0]
    known = f"; there are {', '.join(names)}" if names else ""
    raise click.UsageError(f"name one with --candidate: a sheet is about one candidate{known}")


def _target(out: Path, form: Form | None, *, force: bool) -> Target:
    if out == STDOUT:
        return Target(out, FileForm(form or "jsonl"), force)
    require_free(out, force=force)
    return Target(out, form_of(out, form), force)


def _sheet(config: Config, rubric: str | None, labeler: str, form: FileForm) -> Sheet:
    return Sheet(
        nonce=secrets.token_bytes(NONCE_BYTES),
        rubric=rubrics_of(config, rubric).default,
        labeler=labeler.strip(),
        is_spreadsheet=form.form == "csv",
    )


def _nothing(config: Config, made: Sheet) -> str:
    if config.privacy.bodies == "none":
        return "there is nothing to label: privacy.bodies is none, so no texts are kept"
    return (
        f"there is nothing to label in the window: no pair with texts that was judged by {made.rubric} "
        f"and not labelled by {made.labeler}; widen --since, or name another --rubric"
    )


def _done(rows: int, what: str, out: Path) -> None:
    said = f"{rows:,} {what}{'' if rows == 1 else 's'}"
    click.echo(said if out == STDOUT else printable(f"{said} in {out}"), err=out == STDOUT)
