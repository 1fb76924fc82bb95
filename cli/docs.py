"""Reference pages made from the sources: `python -m cli.docs` writes them, `--check` says which are out of date."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from cli.api_page import api_page
from cli.dialects_page import dialects_page
from cli.main import shadowbench
from cli.measures_page import measures_page
from cli.settings_page import config_page
from cli.supervisor import catalogue
from cli.tables_page import tables_page

DIRECTORY = Path(__file__).resolve().parents[1] / "docs"
_MADE = "<!-- Made from the sources by `make docs`; changes here are lost. -->"
_EXIT_CODES = (
    "Exit codes: 0 success, 64 wrong usage or configuration, 70 internal error. "
    "`gate` ends with 0, 1 or 2 as it decides; `audit` and `erase` may end with 1. Their help says when."
)


def metrics_page() -> str:
    """Every metric of `/metrics`."""
    sections = {
        "Supervisor": (catalogue.SUPERVISOR, "Said by the supervisor itself."),
        "Proxy workers": (
            catalogue.PROXY,
            "Each but the histograms carries the label `worker`; they survive the death of a worker.",
        ),
        "Recorder": (catalogue.RECORDER, "Each carries the label `name`; they begin anew with the process."),
        "Judge": (
            catalogue.JUDGE,
            "Each but the histogram carries the label `name`; they begin anew with the process.",
        ),
        "Embedded store": (catalogue.STORE, "Each carries the label `name`; they begin anew with the process."),
        "Dashboard": (catalogue.DASHBOARD, "Each carries the label `name`; they begin anew with the process."),
        "All roles": (catalogue.LINK, "Shown once it happened, with the label `name`."),
    }
    lines = ["# Metrics", _MADE, "", "On the admin port, `/metrics`, in Prometheus' text format.", ""]
    for title, (metrics, note) in sections.items():
        lines += [f"## {title}", "", note, "", "| metric | meaning |", "|---|---|"]
        lines += [f"| `{name}` | {text} |" for name, text in metrics.items()]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def commands_page() -> str:
    """The help of every command."""
    context = click.Context(shadowbench, info_name="shadowbench", **shadowbench.context_settings)
    lines = ["# Commands", _MADE, "", _EXIT_CODES, ""]
    for name in shadowbench.list_commands(context):
        command = shadowbench.get_command(context, name)
        lines += [] if command is None else _section(command, context, "##")
    return "\n".join(lines).rstrip() + "\n"


def _section(command: click.Command, parent: click.Context, mark: str) -> list[str]:
    """A command, and those below it."""
    # A width of its own: the page must not depend on the terminal.
    context = click.Context(command, info_name=command.name, parent=parent, terminal_width=100)
    path = context.command_path.partition(" ")[2]
    lines = [f"{mark} {path}", "", "```text", command.get_help(context), "```", ""]
    inner = command.commands.values() if isinstance(command, click.Group) else ()
    return lines + [line for one in inner for line in _section(one, context, f"{mark}#")]


PAGES: Mapping[str, Callable[[], str]] = {
    "config.md": lambda: config_page(_MADE),
    "tables.md": lambda: tables_page(_MADE),
    "metrics.md": metrics_page,
    "measures.md": lambda: measures_page(_MADE),
    "commands.md": commands_page,
    "dialects.md": lambda: dialects_page(_MADE),
    "api.md": lambda: api_page(_MADE),
}


def stale(directory: Path = DIRECTORY) -> list[str]:
    """Names of the pages that differ from the sources."""
    return [name for name, make in PAGES.items() if not (p := directory / name).exists() or p.read_text() != make()]


def main(arguments: list[str]) -> int:
    """Writes the pages, or checks them."""
    if arguments == ["--check"]:
        names = stale()
        if names:
            print(f"docs/{', docs/'.join(names)}: out of date; run `make docs`", file=sys.stderr)
        return 1 if names else 0
    DIRECTORY.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        (DIRECTORY / name).write_text(make())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
