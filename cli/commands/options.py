"""What commands that read results have in common: which store, which window."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from clickhouse_connect.driver.client import Client

from analyzer.moments import Moment, moment, window_of
from analyzer.source import Window
from analyzer.stored import StoredPairs
from config.load import load_config
from config.model import Config
from store.errors import SchemaMissing, SchemaUnknown, StoreError
from store.locate import Access, close, connect
from store.migrate import require_known_schema
from store.reader import Reader

DEFAULT_FILE = Path("shadowbench.yaml")
DEMO_FILE = Path(".demo/shadowbench.yaml")


class MomentType(click.ParamType[Moment, str]):
    """A duration back from now, or an ISO 8601 time; without an offset it is UTC."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Moment:
        """Raises click's BadParameter with what is allowed."""
        if isinstance(value, Moment):
            return value
        try:
            return moment(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`-c FILE`."""
    return click.option(
        "-c",
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help=f"Configuration [./{DEFAULT_FILE}, else the demo's].",
    )(command)


def window_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--since` and `--until`: the last day, unless something else is asked for."""
    return window_options_since("24h")(command)


def window_options_since(default: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The same, with another begin where nobody names one."""
    until = click.option("--until", type=MomentType(), default="now", show_default=True, help="End of the window.")
    since = click.option(
        "--since",
        type=MomentType(),
        default=default,
        show_default=True,
        help="Start of the window: how long ago, or an ISO time (UTC).",
    )
    return lambda command: since(until(command))


def table_or_json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--format table|json`."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["table", "json"]),
        default="table",
        show_default=True,
        help="For people, or for programs.",
    )(command)


def window(since: Moment, until: Moment, now: datetime) -> Window:
    """Both ends resolved, and brought into the years that the store knows: `--since 9999d` asks for everything.

    Raises:
        click.UsageError: it ends before it starts, or has not begun yet.
    """
    try:
        return window_of(since, until, now)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def configuration(file: Path | None) -> Config:
    """The named file, else `./shadowbench.yaml`, else the demo's.

    Raises:
        click.UsageError: there is none.
        ConfigError: with all faults of the file.
    """
    if file is not None:
        return load_config(file)
    for candidate in (DEFAULT_FILE, DEMO_FILE):
        if candidate.exists():
            return load_config(candidate)
    raise click.UsageError(f"there is neither ./{DEFAULT_FILE} nor a demo here; name a configuration with -c FILE")


class StoreTrouble(click.ClickException):
    """The store did not answer: no fault of the command line."""

    exit_code = 70


@contextlib.contextmanager
def stored(config: Config, access: Access = "reader") -> Iterator[Client]:
    """The configured store, whether `serve` runs or not, with tables that this shadowbench knows.

    Raises:
        click.UsageError: it is there, but holds nothing that this shadowbench can read.
        StoreTrouble: it does not answer.
    """
    try:
        client = connect(config.store, access=access, start_owner=True)
        try:
            require_known_schema(client)
            yield client
        finally:
            close(client)
    except (SchemaMissing, SchemaUnknown) as error:
        raise click.UsageError(str(error)) from None
    except StoreError as error:
        raise StoreTrouble(str(error)) from None


@contextlib.contextmanager
def stored_pairs(config: Config) -> Iterator[StoredPairs]:
    """The same, for the analyzer."""
    with stored(config) as client:
        yield StoredPairs(Reader(client).columns)
