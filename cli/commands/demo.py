"""`shadowbench demo`: simulated providers and traffic, the real pipeline, a verdict."""

import asyncio
from pathlib import Path

import click

from cli.demo.processes import DemoError
from cli.demo.run import Options, demonstrate
from cli.demo.screen import Screen
from cli.demo.setting import DEFAULT_SEED


@click.command()
@click.option(
    "--seconds", type=click.FloatRange(min=5, max=3600), default=20.0, show_default=True, help="Length of the traffic."
)
@click.option("--exit", "exit_after", is_flag=True, help="End after the verdict instead of running on.")
@click.option(
    "--seed", type=click.IntRange(min=0, max=2**32), default=DEFAULT_SEED, show_default=True, help="Of the simulation."
)
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".demo"),
    show_default=True,
    help="Where configuration and data go; data of earlier runs is removed.",
)
def demo(*, seconds: float, exit_after: bool, seed: int, directory: Path) -> int:
    """Shows shadowbench with simulated providers and traffic; no real model is called.

    Starts three simulated providers and `shadowbench serve` in front of them, sends traffic, prints what `report` and
    `audit` say, then keeps running until Ctrl-C.

    \b
    Example:
      shadowbench demo --seconds 20 --exit
    """
    screen = Screen()
    try:
        asyncio.run(demonstrate(Options(seconds, exit_after, seed, directory), screen))
    except DemoError as error:
        raise click.ClickException(str(error)) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        screen.say("ended")
    return 0
