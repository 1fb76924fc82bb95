"""The SQL of the rollups: their tables, the views that fill them, and the same sums over chosen rows.

Names of tables and columns are our own; conditions on rows come from the caller, who puts values in as parameters.
"""

# ruff: noqa: S608 - see above: no text from outside is part of a statement

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from store import tables
from store.never_sent import UNAVAILABLE, of_skip
from store.rollups.steps import Expressions, nested
from store.rollups.tables import INPUT, OF_INPUT, ROLLUPS, SKIPPED, Rollup
from store.rollups.vectors import OF_PAIRS, OF_SKIPS
from store.schema.column import Table, quoted

Sign = Literal[1, -1]
Source = Literal["pairs", "unavailable", "skips"]
"""Rows of `pairs`; those rows of `skips` that count as failures of the candidate, as pairs; rows of `skips`."""
OF_INPUT_SOURCES: tuple[Source, ...] = ("pairs", "unavailable")
MIGRATED = "{database:Identifier}."
"""Before the names of tables in migrations."""
_IS_PAIR = "is_pair"
# The plan of a view is made for every insert, and takes longer than what it does with some hundred rows.
_ONE_BLOCK = "SETTINGS min_insert_block_size_rows = 1000000000, min_insert_block_size_bytes = 0, max_insert_threads = 1"
_CHEAPLY = "SETTINGS query_plan_enable_optimizations = 0, compile_expressions = 0"


@dataclass(frozen=True, slots=True)
class Statement:
    """One `INSERT INTO rollup SELECT`."""

    rollup: str
    """Its table."""
    source: str
    """`pairs` or `skips`: the table whose rows it adds up."""
    sql: str


def statements(sign: Sign, where: str, *, prefix: str = "") -> list[Statement]:
    """What chosen rows of `pairs` and `skips` have given to the rollups, to be added (1) or taken out again (-1).

    Run all of them before the rows are deleted, and each exactly once: with an `insert_deduplication_token` of the
    caller's, which stands for (the erasure, its place in this list), and from rows that do not change meanwhile. Sums
    and histograms are exact, so afterwards the rollups are as if the rows had never been there (rows of zeros stay).
    `spend` is not among them: money that was spent stays spent.

    Args:
        sign: 1 adds, -1 takes out.
        where: condition over columns that `pairs` and `skips` both have (request_id, candidate, ts, labels ...);
            values as parameters of the caller's.
        prefix: put before the names of all tables, for example a database and a dot.
    """
    made = [
        Statement(rollup.name, _table_of(source), _insert(rollup, source, sign, where, prefix))
        for source in OF_INPUT_SOURCES
        for rollup in OF_INPUT
    ]
    return [*made, Statement(SKIPPED.name, _table_of("skips"), _insert(SKIPPED, "skips", sign, where, prefix))]


def ddl(*, prefix: str = MIGRATED) -> list[str]:
    """All tables and views, in the order in which they have to be made."""
    made = [_table_ddl(INPUT, "ENGINE = Null", prefix)]
    for rollup in ROLLUPS:
        ageing = "merge_with_ttl_timeout = 3600, " if rollup.coarse else ""
        # A row with vectors is a kilobyte, and a reading works through whole granules.
        granules = "index_granularity = 1024, " if rollup.kept else ""
        # Batches of pairs and of skips both use tokens up here: none may be forgotten before that of its own table.
        settings = f"SETTINGS {ageing}{granules}non_replicated_deduplication_window = 100000"
        made.append(_table_ddl(rollup.table, f"{rollup.engine}\n{settings}", prefix))
    return made + [
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS {prefix}{name} TO {prefix}{target} AS\n{select}\n{_CHEAPLY}"
        for name, target, select in _views(prefix)
    ]


def fill(*, prefix: str = MIGRATED) -> list[str]:
    """What adds rows up that were there before the views. Repeated, it changes nothing: each statement is one block
    with a token of its own."""
    return [
        f"{statement.sql}\n{_ONE_BLOCK}, insert_deduplication_token = 'schema-3-{statement.rollup}-{source}'"
        for source in ("pairs", "skips")
        for statement in statements(1, "", prefix=prefix)
        if statement.source == source
    ]


def view_names() -> tuple[str, ...]:
    """Of all views."""
    return tuple(name for name, _, _ in _views(""))


def _views(prefix: str) -> list[tuple[str, str, str]]:
    """Name, target, SELECT. A row of `pairs` is prepared once, and handed on to the views of `rollup_input`."""
    made = [(f"{r.name}_view", r.name, _grouped(r, f"{prefix}{INPUT.name}", 1)) for r in OF_INPUT]
    skipped = _grouped(SKIPPED, _within(prepared("skips", "", prefix)), 1)
    made.append((f"{SKIPPED.name}_view", SKIPPED.name, skipped))
    return made + [(f"{INPUT.name}_of_{s}", INPUT.name, prepared(s, "", prefix)) for s in OF_INPUT_SOURCES]


def _table_ddl(table: Table, how: str, prefix: str) -> str:
    columns = ",\n".join(f"    {column.ddl()}" for column in table.columns)
    return f"CREATE TABLE IF NOT EXISTS {prefix}{table.name}\n(\n{columns}\n)\n{how}\nCOMMENT {quoted(table.comment)}"


def _insert(rollup: Rollup, source: Source, sign: Sign, where: str, prefix: str) -> str:
    names = ", ".join(rollup.table.names())
    select = _grouped(rollup, _within(prepared(source, where, prefix)), sign)
    return f"INSERT INTO {prefix}{rollup.name} ({names})\n{select}"


def _within(select: str) -> str:
    return f"(\n{select}\n)"


def prepared(source: Source, where: str, prefix: str = "", wanted: Sequence[str] = INPUT.names()) -> str:
    """Rows of `pairs`, or of `skips` read as such, with their keys and vectors; of these, the ones that are wanted."""
    if source == "skips":
        of_skips = ["candidate", "experiment", "reason", "block", *SKIPPED.kept]
        return nested_rows(source, where, of_skips, OF_SKIPS.definitions, prefix)
    return nested_rows(source, where, wanted, OF_PAIRS.definitions, prefix)


def nested_rows(source: Source, where: str, wanted: Sequence[str], definitions: Expressions, prefix: str = "") -> str:
    """Rows of a source with columns of `pairs`, and with definitions over these and over each other."""
    wheres = [f"({where})"] if where else []
    if source == "unavailable":
        reasons = ", ".join(quoted(reason) for reason in UNAVAILABLE)
        wheres.append(f"reason IN ({reasons})")
    condition = f" WHERE {' AND '.join(wheres)}" if wheres else ""
    return nested(list(wanted), definitions, _columns(source), f"{prefix}{_table_of(source)}{condition}")


def _grouped(rollup: Rollup, rows: str, sign: Sign) -> str:
    """One row per key, columns in the order of the table."""
    if rollup.apart:
        rows = _within(f"SELECT candidate, experiment, block, {rollup.apart} AS place FROM {rows}")
    keys = [key.sql if key.sql == key.column.name else f"{key.sql} AS {key.column.name}" for key in rollup.keys]
    sums = [f"sumForEachState({v if sign > 0 else f'arrayMap(i -> -i, {v})'}) AS {v}" for v in rollup.kept]
    if not rollup.kept:
        sums = [f"{'' if sign > 0 else '-'}toInt64(count()) AS pairs"]
    by = ", ".join(key.column.name for key in rollup.keys)
    listed = ",\n    ".join([*keys, *sums])
    return f"SELECT\n    {listed}\nFROM {rows}\nGROUP BY {by}"


def _columns(source: Source) -> Expressions:
    """What a source gives for every column of `pairs`."""
    if source == "pairs":
        return {**{name: name for name in tables.PAIRS.names()}, _IS_PAIR: f"true AS {_IS_PAIR}"}
    given = {column.name: of_skip(column) for column in tables.PAIRS.columns}
    return {**given, "reason": "reason", _IS_PAIR: f"false AS {_IS_PAIR}"}


def _table_of(source: Source) -> str:
    return tables.PAIRS.name if source == "pairs" else tables.SKIPS.name
