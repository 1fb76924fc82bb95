"""A study in the form that was asked for, on standard output or in a file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from analyzer.answering import Answer
from analyzer.report.html_form import as_html
from analyzer.report.json_form import as_json
from analyzer.report.junit_form import as_junit
from analyzer.report.markdown_form import as_markdown
from analyzer.report.table_form import as_table
from cli.commands.screen import console, show
from runtime.version import version

FORMS = ("table", "json", "md", "html", "junit")


def form_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--format`, `--out` and `--all`."""
    form = click.option(
        "--format",
        "form",
        type=click.Choice(FORMS),
        default="table",
        show_default=True,
        help="For a terminal, for programs, for the comment of a pull request, for browsers and paper, for CI systems.",
    )
    out = click.option(
        "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="PATH", help="Write to this file."
    )
    everything = click.option(
        "--all", "everything", is_flag=True, help="Every metric and every reason, for people as well as for programs."
    )
    return form(out(everything(command)))


def write(answer: Answer, form: str, out: Path | None, *, title: str, everything: bool = False) -> None:
    """Writes a report.

    Args:
        answer: what it says.
        form: one of `FORMS`.
        out: a file; None: standard output.
        title: of a form that has one.
        everything: also what decides nothing and is not known; forms for programs always hold it.

    Raises:
        click.UsageError: the file cannot be written.
    """
    if out is None:
        _render(answer, form, console(), title, everything=everything)
        return
    try:
        with out.open("w", encoding="utf-8") as file:
            _render(answer, form, console(file), title, everything=everything)
    except OSError as error:
        raise click.UsageError(f"--out {out}: {error.strerror or error}") from None


def _render(answer: Answer, form: str, target: Console, title: str, *, everything: bool) -> None:
    match form:
        case "json":
            target.file.write(json.dumps(as_json(answer.study, version=version()), indent=2, allow_nan=False) + "\n")
        case "md":
            target.file.write(as_markdown(answer.study, title=title, everything=everything))
        case "html":
            target.file.write(as_html(answer, version=version(), title=title, everything=everything))
        case "junit":
            target.file.write(as_junit(answer.study))
        case _:
            show(target, as_table(answer.study, title=title, everything=everything))
