"""`--pairs FILE`: a file of pairs instead of the store."""

import sys
from datetime import datetime
from pathlib import Path

import click

from analyzer.filed.reading import RefusedRows, TooManyExperiments, read_pairs
from analyzer.filed.source import FilePairs
from analyzer.moments import Moment
from analyzer.report.printable import printable
from analyzer.source import Window
from cli.commands.options import window
from cli.commands.progress import progress
from config.model import Blocks, Config
from store.transfer.forms import PairsFileError
from store.transfer.reading import PairsFile
from store.transfer.survey import Survey


class RefusedFile(click.ClickException):
    """Rows of the file cannot be; each fault was told on a line of its own."""

    exit_code = 64


def pairs_source(path: Path, config: Config | None) -> FilePairs:
    """Reads a file; no store and no engine is needed.

    Args:
        path: of a JSONL, CSV or Parquet file, packed or not.
        config: says how long time blocks are, where rows do not.

    Raises:
        click.UsageError: it is not there, or cannot be read as pairs at all.
        RefusedFile: some rows are wrong; what is wrong was told on standard error.
    """
    blocks = Blocks() if config is None else config.blocks
    try:
        with progress(f"reading {printable(path.name)}", None) as done:
            return read_pairs(PairsFile(path, option=None), block_s=blocks.length, on_row=done)
    except PairsFileError as error:
        raise click.UsageError(printable(str(error))) from None
    except TooManyExperiments as error:
        raise click.UsageError(printable(f"{path}: {error}")) from None
    except RefusedRows as refused:
        raise _told(path, refused.survey) from None


def _told(path: Path, survey: Survey) -> RefusedFile:
    lines, untold = survey.told()
    for line in lines:
        print(printable(line), file=sys.stderr)
    more = f" ({untold:,} more faults)" if untold else ""
    return RefusedFile(printable(f"{path}: nothing was computed{more}; mend these rows, and try again"))


def file_window(file: FilePairs, since: Moment | None, until: Moment | None, now: datetime) -> Window:
    """All of the file, or what lies between.

    Args:
        file: that was read.
        since: begin; None: the first pair.
        until: end; None: after the last pair.
        now: durations count back from it, or from the end of the file where that is later.

    Raises:
        click.UsageError: it has no times to choose by, or the window is none.
    """
    if (since is not None or until is not None) and not file.loaded.has_times:
        raise click.UsageError("the file has no times, so there is nothing to choose by; leave out --since and --until")
    whole = file.window()
    return window(since or Moment(at=whole.since), until or Moment(at=whole.until), max(now, whole.until))
