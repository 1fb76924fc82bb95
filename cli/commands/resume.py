"""`shadowbench resume`: copies go on."""

from pathlib import Path

import click

from cli.commands.options import config_option
from cli.commands.pause import switch


@click.command()
@click.argument("candidate", required=False)
@config_option
@click.option("--admin", metavar="[HOST:]PORT", help="Where `serve` has its admin port, instead of what the file says.")
@click.option("--json", "wants_json", is_flag=True, help="As JSON.")
def resume(candidate: str | None, config_file: Path | None, admin: str | None, wants_json: bool) -> int:  # noqa: FBT001 - click calls it
    """Lets copies to CANDIDATE, or to all, go on after `pause`.

    \b
    Example:
      shadowbench resume llama-70b
      shadowbench resume --admin 127.0.0.1:8081
    """
    return switch("resume", candidate, config_file, admin, wants_json=wants_json)
