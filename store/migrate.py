"""Brings a database to the schema that this shadowbench knows: numbered files, applied once, forward only."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from store.cluster import Layout, layout
from store.errors import SchemaMissing, SchemaUnknown, StoreUnavailable
from store.locate import one_line

_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_UNKNOWN_TABLE = 60
_UNKNOWN_DATABASE = 81
VERSIONS = """CREATE TABLE IF NOT EXISTS {database:Identifier}.schema_version
(
    `version` UInt32 COMMENT 'Number of the step.',
    `name` String COMMENT 'Its name.',
    `digest` String COMMENT 'SHA-256 of its text.',
    `applied` DateTime64(6, 'UTC') COMMENT 'When it was done.'
)
ENGINE = MergeTree ORDER BY version
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Steps of the schema that this database has been through.'"""


@dataclass(frozen=True, slots=True)
class Step:
    """One file of `migrations`."""

    version: int
    name: str
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def statements(self) -> list[str]:
        """They end with a semicolon at the end of a line; lines that begin with `--` are comments."""
        lines = [line for line in self.text.splitlines() if not line.startswith("--")]
        return [s for s in (part.strip().removesuffix(";") for part in "\n".join(lines).split(";\n")) if s]


@cache
def steps() -> tuple[Step, ...]:
    """All steps, in order."""
    found = [
        Step(int(match[1]), match[2], file.read_text(encoding="utf-8"))
        for file in resources.files("store.migrations").iterdir()
        if (match := _FILE.fullmatch(file.name))
    ]
    return tuple(sorted(found, key=lambda step: step.version))


def migrate(client: Client, database: str, cluster: str | None = None) -> int:
    """Makes the database if needed and applies the steps that it has not been through.

    Only the store's owner and the recorder call it; two at once do no harm, since every statement can be repeated.

    Args:
        client: with the right to make tables.
        database: where.
        cluster: `store.cluster`: its machines get replicated and distributed tables.

    Returns:
        The version that the database has now.

    Raises:
        SchemaUnknown: a newer shadowbench has been here.
        StoreUnavailable: the server does not do it.
    """
    form = layout(database, cluster)
    try:
        if cluster is not None:
            _require_cluster(client, cluster)
        _run(client, form, "CREATE DATABASE IF NOT EXISTS {database:Identifier}")
        _run(client, form, VERSIONS)
        done = _version(client, database) or 0
        _check_known(done, database)
        for step in steps():
            if step.version > done:
                _apply(client, database, form, step)
    except ClickHouseError as error:
        raise StoreUnavailable(f"the schema of {database} cannot be brought up to date: {one_line(error)}") from None
    return steps()[-1].version


def _require_cluster(client: Client, cluster: str) -> None:
    if cluster.startswith("{"):
        return  # a macro, which the server fills in
    known = [
        row[0] for row in client.query("SELECT DISTINCT cluster FROM system.clusters ORDER BY cluster").result_rows
    ]
    if cluster not in known:
        raise StoreUnavailable(
            f"store.cluster {cluster!r} is no cluster of the server, which knows {', '.join(known) or 'none'}: "
            "name one of system.clusters"
        )


def _run(client: Client, form: Layout, statement: str) -> None:
    for text in form.statements(statement):
        client.command(text, use_database=False)


def _apply(client: Client, database: str, form: Layout, step: Step) -> None:
    for statement in step.statements():
        _run(client, form, statement)
    client.insert(
        "schema_version",
        [[step.version, step.name, step.digest, datetime.now(UTC)]],
        column_names=["version", "name", "digest", "applied"],
        database=database,
        settings={"insert_deduplication_token": f"schema-{step.version}", "async_insert": 0},
    )


def _version(client: Client, database: str) -> int | None:
    rows = client.query(
        "SELECT max(version) FROM {database:Identifier}.schema_version HAVING count() > 0", {"database": database}
    ).result_rows
    return int(rows[0][0]) if rows else None


def _check_known(version: int, database: str) -> None:
    known = steps()[-1].version
    if version > known:
        raise SchemaUnknown(
            f"database {database} has schema {version}, this shadowbench knows {known}: upgrade shadowbench, "
            "or name another database with store.url or store.dir"
        )


def require_known_schema(client: Client) -> None:
    """For commands that only read: is `client.database` one whose schema this shadowbench knows?

    Raises:
        SchemaMissing: it has no schema, or an older one; the owner or recorder that migrates it never ran.
        SchemaUnknown: a newer shadowbench has been here.
        StoreUnavailable: the server does not answer.
    """
    database = client.database or ""
    try:
        version = _version(client, database)
    except ClickHouseError as error:
        if getattr(error, "code", None) not in {_UNKNOWN_TABLE, _UNKNOWN_DATABASE}:
            raise StoreUnavailable(f"the store does not answer: {one_line(error)}") from None
        version = None
    if version is None:
        raise SchemaMissing(
            f"database {database} has no results of this shadowbench yet: `shadowbench serve` prepares it"
        )
    if version < (known := steps()[-1].version):
        raise SchemaMissing(
            f"database {database} has schema {version}, this shadowbench reads {known}: `shadowbench serve` brings it "
            "up to date"
        )
    _check_known(version, database)
