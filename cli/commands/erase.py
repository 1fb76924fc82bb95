"""`shadowbench erase`: takes requests out of the store, for people who ask for that."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import click

from cli.commands.options import StoreTrouble, config_option, configuration
from store.erase import MAX_PASSES, Chosen, Erased, Eraser, ErasureUnderWay
from store.errors import SchemaMissing, SchemaUnknown, StoreError
from store.locate import close, connect
from store.migrate import require_known_schema


@click.command("erase")
@click.option("--label", metavar="NAME=VALUE", help="Requests with this label.")
@click.option("--request", metavar="ID", help="One request, by its x-shadowbench-request-id.")
@config_option
@click.option("--dry-run", is_flag=True, help="Only says how many rows would go.")
@click.option("--yes", is_flag=True, help="Does not ask.")
@click.option("--json", "wants_json", is_flag=True, help="As JSON.")
def erase(
    *, label: str | None, request: str | None, config_file: Path | None, dry_run: bool, yes: bool, wants_json: bool
) -> int:
    """Takes requests out of the store: texts, rows, judgements, labels, and their part of every sum.

    All requests that match and began before the call; what is spent stays spent. An erasure that was interrupted is
    finished by the next call, whatever that asks for. Requests that still wait in the capture log are reached by a
    later call, some minutes on. Ends with 1 when rows were still arriving.

    \b
    Example:
      shadowbench erase --label tenant=acme --dry-run
      shadowbench erase --request 0195f0a0-7c1e-7b52-a1a0-0d4b7a3c9f10 --yes
    """
    chosen = _chosen(label, request)
    config = configuration(config_file)
    if not (yes or dry_run or sys.stdin.isatty()):
        raise click.UsageError("nobody can be asked here; say --yes to erase, or --dry-run to look")
    with _store_trouble():
        client = connect(config.store, access="writer", start_owner=True)
        try:
            require_known_schema(client)
            eraser = Eraser(client, config.store.cluster, _saying())
            rows = {} if yes and not dry_run else eraser.count(chosen, datetime.now(UTC))
            if dry_run:
                click.echo(json.dumps({"rows": rows}) if wants_json else f"would erase {_listed(rows)}")
                return 0
            if not yes:
                click.confirm(f"Erase {_listed(rows)}, for good?", abort=True, err=True)
            erased = eraser.erase(chosen)
        finally:
            close(client)
    click.echo(json.dumps(_answer(erased)) if wants_json else _text(erased))
    return 0 if erased.is_complete else 1


def _chosen(label: str | None, request: str | None) -> Chosen:
    if (label is None) == (request is None):
        raise click.UsageError("say either --label NAME=VALUE or --request ID")
    if request is not None:
        with contextlib.suppress(ValueError):
            return Chosen(request=UUID(request))
        raise click.UsageError(f"--request {request!r} is no request id; write a UUID")
    name, equals, value = str(label).partition("=")
    if not name or not equals:
        raise click.UsageError(f"--label {label!r}: write NAME=VALUE, for example tenant=acme")
    return Chosen(label=(name, value))


@contextlib.contextmanager
def _store_trouble() -> Iterator[None]:
    try:
        yield
    except (SchemaMissing, SchemaUnknown, ErasureUnderWay) as error:
        raise click.UsageError(str(error)) from None
    except StoreError as error:
        raise StoreTrouble(str(error)) from None


def _saying() -> Callable[[str], None]:
    """What is being done, on a terminal: it may take minutes."""
    if not sys.stderr.isatty():
        return lambda _: None
    return lambda text: click.echo(f"{text} ...", err=True)


def _listed(rows: dict[str, int]) -> str:
    said = [f"{n:,} rows of {name}" for name, n in rows.items() if n]
    return ", ".join(said) or "nothing: no request matches"


def _answer(erased: Erased) -> dict[str, object]:
    return {
        "requests": erased.requests,
        "rows": erased.rows,
        "passes": erased.passes,
        "finished_earlier": erased.finished,
        "complete": erased.is_complete,
    }


def _text(erased: Erased) -> str:
    requests = f"{erased.requests:,} request{'' if erased.requests == 1 else 's'}"
    lines = [f"erased {requests}: {_listed(erased.rows)}" if erased.requests else "erased nothing: no request matches"]
    if erased.finished:
        lines.append(f"finished {erased.finished} earlier, interrupted")
    if not erased.is_complete:
        lines.append(f"rows were still arriving after {MAX_PASSES} passes: run it again")
    return "\n".join(lines)
