"""The schema: made once, moved forward only, and never changed behind a release's back."""

import re
from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from store import migrate as migrations
from store import tables
from store.errors import SchemaMissing, SchemaUnknown
from store.migrate import Step, migrate, require_known_schema, steps
from store.retention import apply_retention
from store.rollups import tables as rollups
from store.rollups.statements import ddl, fill, view_names

RELEASED = {
    1: "9b9b371eaa617a82aa86e1e856105e03c1745f4d8db6e23b17cac6c9e94353b2",
    2: "490bd4c48e4cf7ea0212fa98621ecf11d7f68fbf12740ddfcb08578376bb6ad6",
    3: "33fa8abc0757d394163ab2dc33e58aa6d51262399da86982e42c3a0fc6c7266b",
    4: "9aa0195ba08ef09da88a245ec3015e8f300c063c28a9b0f94b1d5436b26925ba",
}
"""Digests of the steps that users' databases have been through."""
VIEWS = {"spend_of_pairs", "spend_of_counters", "judge_spend_of_calls", *view_names()}
"""They fill `spend` and the rollups; their columns are those."""
TABLES = (*tables.TABLES, *rollups.TABLES)


@pytest.fixture
def database(writer: Client) -> Iterator[str]:
    """A name that no other test uses; gone afterwards."""
    name = "migrated"
    before = writer.database
    writer.database = name
    yield name
    writer.database = before
    writer.command(f"DROP DATABASE IF EXISTS {name}", use_database=False)


def test_a_released_step_is_never_edited() -> None:
    for step in steps():
        assert RELEASED.get(step.version) == step.digest, (
            f"migration {step.version:04d}_{step.name} differs from what this list remembers. Databases that have been "
            "through it will not see the edit: undo it, and write the change as a new file with the next number "
            "(ALTER TABLE ...). Only a step that was never released may be edited; then put its new digest here: "
            f"{step.digest}"
        )


def test_steps_are_numbered_without_gaps() -> None:
    assert [step.version for step in steps()] == list(range(1, len(steps()) + 1))


def test_a_fresh_database_has_exactly_the_tables_of_the_code(writer: Client, database: str) -> None:
    """Names, types, order, comments and codecs, as the engine reports them."""
    assert migrate(writer, database) == len(steps())
    found = writer.query(
        "SELECT table, name, type, comment, compression_codec FROM system.columns "
        "WHERE database = {d:String} AND table != 'schema_version' AND NOT has({v:Array(String)}, table) "
        "ORDER BY table, position",
        {"d": database, "v": sorted(VIEWS)},
    ).result_rows
    expected = [
        (table.name, column.name, column.type, column.comment, _codec(column))
        for table in sorted(TABLES, key=lambda t: t.name)
        for column in table.columns
    ]
    assert [(*row[:4], _without_width(row[4])) for row in found] == expected
    made = writer.query("SELECT name, comment FROM system.tables WHERE database = {d:String}", {"d": database})
    comments = {name: comment for name, comment in made.result_rows if name != "schema_version"}
    assert {name for name in comments if name in VIEWS} == VIEWS
    assert {n: c for n, c in comments.items() if n not in VIEWS} == {t.name: t.comment for t in TABLES}


def _codec(column: tables.Column) -> str:
    return f"CODEC({column.codec})" if column.codec else ""


def _without_width(codec: str) -> str:
    """The engine writes the width of a Delta: `Delta(8)`."""
    return re.sub(r"Delta\(\d\)", "Delta", codec)


def test_every_table_remembers_its_tokens(writer: Client, database: str) -> None:
    migrate(writer, database)
    made = writer.query("SELECT name, engine_full FROM system.tables WHERE database = {d:String}", {"d": database})
    assert {name for name, how in made.result_rows if "non_replicated_deduplication_window = 10000" in how} == {
        "schema_version",
        *(table.name for table in TABLES if table.name != "rollup_input"),
    }


def test_the_rollups_of_the_migration_are_those_of_the_code() -> None:
    statements = steps()[2].statements()
    made = [*ddl(), *fill()]
    assert statements[-len(made) :] == made
    assert not [s for s in statements[: -len(made)] if "rollup_" in s]


def test_migrating_again_changes_nothing(writer: Client, database: str) -> None:
    migrate(writer, database)
    before = writer.query("SELECT * FROM schema_version ORDER BY version").result_rows
    migrate(writer, database)
    assert writer.query("SELECT * FROM schema_version ORDER BY version").result_rows == before
    assert [row[0] for row in before] == [step.version for step in steps()]


def test_an_older_database_gets_only_the_steps_that_it_lacks(
    writer: Client, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(writer, database)
    require_known_schema(writer)
    added = (
        "-- A comment.\nALTER TABLE {database:Identifier}.experiments\n    ADD COLUMN IF NOT EXISTS `note` String;\n"
    )
    longer = (*steps(), Step(len(steps()) + 1, "note", added))
    monkeypatch.setattr(migrations, "steps", lambda: longer)
    with pytest.raises(SchemaMissing):
        require_known_schema(writer)
    assert migrate(writer, database) == len(longer)
    require_known_schema(writer)
    assert writer.command("SELECT count() FROM system.columns WHERE database = 'migrated' AND name = 'note'") == 1


def test_a_newer_schema_is_refused_and_left_alone(writer: Client, database: str) -> None:
    migrate(writer, database)
    writer.command("INSERT INTO schema_version VALUES (99, 'future', '', now64(6))")
    for act in (lambda: migrate(writer, database), lambda: require_known_schema(writer)):
        with pytest.raises(SchemaUnknown, match=r"schema 99.*upgrade shadowbench") as caught:
            act()
        assert "\n" not in str(caught.value)


def test_a_database_without_results_says_so(writer: Client, database: str) -> None:
    """No database, and a database without tables."""
    for _ in range(2):
        with pytest.raises(SchemaMissing, match="shadowbench serve"):
            require_known_schema(writer)
        writer.command(f"CREATE DATABASE IF NOT EXISTS {database}", use_database=False)


def test_texts_leave_after_the_retention_and_a_change_counts_for_old_ones(writer: Client, database: str) -> None:
    migrate(writer, database)
    writer.command(
        "INSERT INTO payloads (request_id, side, ts, response) VALUES "
        "(generateUUIDv4(), 'primary', now64(6) - INTERVAL 2 DAY, 'old'), "
        "(generateUUIDv4(), 'primary', now64(6), 'new')"
    )
    kept = "SELECT response FROM payloads ORDER BY ts"
    apply_retention(writer, 7 * 86400.0)
    writer.command("OPTIMIZE TABLE payloads FINAL")
    assert writer.query(kept).result_rows == [("old",), ("new",)]
    apply_retention(writer, 86400.0)
    apply_retention(writer, 86400.0)
    writer.command("OPTIMIZE TABLE payloads FINAL")
    assert writer.query(kept).result_rows == [("new",)]
