"""`shadowbench export`: pairs of the store into a file."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

import click

from analyzer.moments import Moment
from cli.commands.options import config_option, configuration, stored, window, window_options
from cli.commands.progress import progress
from store.reader import Reader
from store.transfer.exporting import Selection, count, write_pairs, writer_of
from store.transfer.forms import FORMS, FileForm, Form, PairsFileError, form_of, packing_into
from store.transfer.target import WritingFailed, require_free, whole_file

_STDOUT = Path("-")


class LabelType(click.ParamType[tuple[str, str], str]):
    """`NAME=VALUE`."""

    name = "NAME=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Raises click's BadParameter with what is allowed."""
        if isinstance(value, tuple):
            return cast("tuple[str, str]", value)
        name, equals, wanted = str(value).partition("=")
        if not name or not equals:
            self.fail(f"{value!r} is no label; write NAME=VALUE, for example tenant=acme", param, ctx)
        return name, wanted


class WritingTrouble(click.ClickException):
    """The disk did not take a file: no fault of the command line."""

    exit_code = 70


@click.command("export")
@config_option
@window_options
@click.option("--candidate", "candidates", metavar="NAME", multiple=True, help="Only this one; may be repeated.")
@click.option(
    "--label", "labels", type=LabelType(), multiple=True, help="Only pairs with this label; several must all be there."
)
@click.option("--texts", is_flag=True, help="Requests and answers, too, as the store keeps them (`privacy`).")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="FILE.parquet, FILE.jsonl or FILE.csv, the last two also .gz or .zst; - is standard output.",
)
@click.option("--format", "form", type=click.Choice(FORMS), help="When the name of FILE does not say it.")
@click.option("--force", is_flag=True, help="Replace FILE when it is there already.")
def export(
    *,
    config_file: Path | None,
    since: Moment,
    until: Moment,
    candidates: tuple[str, ...],
    labels: tuple[tuple[str, str], ...],
    texts: bool,
    out: Path,
    form: Form | None,
    force: bool,
) -> int:
    """Writes pairs to a file, with all columns of the table `pairs` but `batch`, which names an insert of this store.

    The file is there whole, or not at all. `shadowbench import` reads it; nothing is rounded on the way. In CSV, NULL
    is \\N without quotes.

    \b
    Example:
      shadowbench export --since 7d --out pairs.parquet
      shadowbench export --candidate llama-70b --label tenant=acme --texts --out acme.jsonl.zst
      shadowbench export --since 1h --out - --format csv | head
    """
    try:
        file_form = FileForm(form or "jsonl") if out == _STDOUT else form_of(out, form)
        if out == _STDOUT and file_form.form == "parquet":
            raise PairsFileError("Parquet cannot go to standard output; name a file, or write --format jsonl or csv")
        if out != _STDOUT:
            require_free(out, force=force)
        config = configuration(config_file)
        asked = window(since, until, datetime.now(UTC))
        selection = Selection(asked.since, asked.until, tuple(dict.fromkeys(candidates)), dict(labels))
        if len(dict(labels)) < len(set(labels)):
            raise click.UsageError("no pair has two values of one label; name each label once")
        with stored(config) as client:
            reader = Reader(client)
            _require_known(reader, selection, [c.name for c in config.candidates])
            rows = _export(reader, selection, out, file_form, texts=texts, force=force)
    except PairsFileError as error:
        raise click.UsageError(str(error)) from None
    except WritingFailed as error:
        raise WritingTrouble(str(error)) from None
    click.echo(f"{rows:,} pairs{'' if out == _STDOUT else f' in {out}'}", err=out == _STDOUT)
    return 0


def _require_known(reader: Reader, selection: Selection, configured: list[str]) -> None:
    """A mistyped name must not look like an empty window."""
    everything = Selection(selection.since, selection.until)
    sql = f"SELECT DISTINCT candidate FROM pairs WHERE {everything.condition()} ORDER BY candidate"  # noqa: S608 - ours
    known = {row["candidate"] for row in reader.query(sql, everything.parameters())} | set(configured)
    for name in selection.candidates:
        if name not in known:
            said = ", ".join(sorted(known)) or "none"
            raise click.UsageError(f"no candidate {name!r} is configured or has pairs in the window; known: {said}")


def _export(reader: Reader, selection: Selection, out: Path, form: FileForm, *, texts: bool, force: bool) -> int:
    with progress("exporting", count(reader, selection)) as done:

        def into(raw: IO[bytes]) -> int:
            packed = packing_into(raw, form.packing)
            rows = write_pairs(reader, selection, writer_of(form.form, packed, texts=texts), texts=texts, on_rows=done)
            if packed is not raw:
                packed.close()
            return rows

        if out == _STDOUT:
            rows = into(sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return rows
        with whole_file(out, force=force, is_private=texts) as raw:
            return into(raw)
