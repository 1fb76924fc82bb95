"""`shadowbench pause`: copies stop within a second."""

import json
from pathlib import Path

import click

from cli.admin_client import AdminPort
from cli.commands.options import config_option, configuration


@click.command()
@click.argument("candidate", required=False)
@config_option
@click.option("--admin", metavar="[HOST:]PORT", help="Where `serve` has its admin port, instead of what the file says.")
@click.option("--json", "wants_json", is_flag=True, help="As JSON.")
def pause(candidate: str | None, config_file: Path | None, admin: str | None, wants_json: bool) -> int:  # noqa: FBT001 - click calls it
    """Stops copies to CANDIDATE, or to all; clients notice nothing.

    It takes effect within a second on the machine whose `serve` is asked, and lasts until `resume`, over reloads and
    deaths of workers; a restart of `serve` forgets it.

    \b
    Example:
      shadowbench pause llama-70b
      shadowbench pause -c shadowbench.yaml
    """
    return switch("pause", candidate, config_file, admin, wants_json=wants_json)


def switch(verb: str, candidate: str | None, file: Path | None, admin: str | None, *, wants_json: bool) -> int:
    """Asks for `pause` or `resume`, and says what holds then."""
    config = None if admin is not None and file is None else configuration(file)
    body = {} if candidate is None else {"candidate": candidate}
    answer = AdminPort.of(config, admin).post(f"/api/v1/{verb}", body, "candidates", "paused")
    if wants_json:
        click.echo(json.dumps(answer))
    else:
        click.echo(_text(answer["candidates"], answer["paused"]))
    return 0


def _text(candidates: list[str], paused: list[str]) -> str:
    if not candidates:
        return "no candidate is configured, so nothing is copied"
    if not paused:
        return f"copies go to {', '.join(candidates)}"
    others = [name for name in candidates if name not in paused]
    rest = f"; copies go on to {', '.join(others)}" if others else "; nothing is copied"
    return f"paused: {', '.join(paused)}{rest} (a restart of `serve` forgets it)"
