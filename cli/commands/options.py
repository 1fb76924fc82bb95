"""What commands that read results have in common: which store, which window."""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from clickhouse_connect.driver.client import Client
from pydantic import TypeAdapter, ValidationError

from analyzer.source import Window
from analyzer.stored import StoredPairs
from config.load import load_config
from config.model import Config
from config.scalars import PositiveDurationS
from store.errors import SchemaMissing, SchemaUnknown, StoreError
from store.locate import Access, close, connect
from store.migrate import require_known_schema
from store.reader import Reader

DEFAULT_FILE = Path("shadowbench.yaml")
DEMO_FILE = Path(".demo/shadowbench.yaml")

_duration = TypeAdapter[float](PositiveDurationS)
FIRST = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(2200, 1, 1, tzinfo=UTC)
"""Nothing was recorded before or will be after; the store's times reach a little further."""
_STARTS_LIKE_DURATION = re.compile(r"\d+(\.\d+)?\s*[A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time as people say it: `24h` (ago) or `2026-03-01T12:00`."""

    ago: timedelta | None = None
    at: datetime | None = None

    def resolve(self, now: datetime) -> datetime:
        """The point in time, UTC."""
        return self.at if self.at is not None else now - (self.ago or timedelta())


class MomentType(click.ParamType[Moment, str]):
    """A duration back from now, or an ISO 8601 time; without an offset it is UTC."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Moment:
        """Raises click's BadParameter with what is allowed."""
        if isinstance(value, Moment):
            return value
        text = str(value).strip()
        if text == "now":
            return Moment(ago=timedelta())
        try:
            if _STARTS_LIKE_DURATION.fullmatch(text):
                return Moment(ago=timedelta(seconds=_duration.validate_python(text)))
            at = datetime.fromisoformat(text)
            return Moment(at=at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC))
        except (ValidationError, ValueError, OverflowError):
            self.fail(
                f"{value!r} is no time; write how long ago (90s, 10m, 24h, 7d), or 2026-03-01T12:00 (UTC)", param, ctx
            )


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
    """`--since` and `--until`."""
    until = click.option("--until", type=MomentType(), default="now", show_default=True, help="End of the window.")
    since = click.option(
        "--since",
        type=MomentType(),
        default="24h",
        show_default=True,
        help="Start of the window: how long ago, or an ISO time (UTC).",
    )
    return since(until(command))


def window(since: Moment, until: Moment, now: datetime) -> Window:
    """Both ends resolved, and brought into the years that the store knows: `--since 9999d` asks for everything.

    Raises:
        click.UsageError: it ends before it starts, or has not begun yet.
    """
    start, end = (min(max(moment.resolve(now), FIRST), LAST) for moment in (since, until))
    if start >= now and end > start:
        raise click.UsageError(f"the window begins ({start:%Y-%m-%d %H:%M:%S} UTC) after now: nothing can be in it")
    if start >= end:
        raise click.UsageError(
            f"the window ends ({end:%Y-%m-%d %H:%M:%S}) before it starts ({start:%Y-%m-%d %H:%M:%S})"
        )
    return Window(start, end)


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
