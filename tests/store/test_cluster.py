"""The cluster form of the schema: made from the migrations, read by the engine's parser, run where one engine can."""

import re
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from store import migrate, tables
from store.cluster import WHOLE_EVERYWHERE, WINDOW_S, Cluster, Untranslatable, layout
from tests.store.engines import answers

FORM = Cluster("shadowbench", "prod")
NAMES = {table.name for table in tables.TABLES}
ALTERS = [
    "ALTER TABLE {database:Identifier}.payloads MODIFY TTL toDateTime(ts) + INTERVAL 5 SECOND",
    "ALTER TABLE {database:Identifier}.judgements MODIFY COLUMN `rationale` TTL toDateTime(ts) + INTERVAL 5 SECOND",
    "ALTER TABLE {database:Identifier}.judgements MODIFY COLUMN rationale REMOVE TTL",
    "ALTER TABLE {database:Identifier}.pairs ADD COLUMN IF NOT EXISTS `x` String COMMENT 'A TTL, (or) so.' CODEC(LZ4)",
    "ALTER TABLE {database:Identifier}.pairs MODIFY COLUMN batch String COMMENT 'b'",
    "ALTER TABLE {database:Identifier}.pairs MODIFY SETTING non_replicated_deduplication_window = 20000",
    "ALTER TABLE {database:Identifier}.pairs MODIFY COMMENT 'other'",
    "ALTER TABLE {database:Identifier}.pairs DELETE WHERE 1 IN (SELECT 1 FROM {database:Identifier}.erasures)",
    "ALTER TABLE {database:Identifier}.experiments ADD COLUMN IF NOT EXISTS `y` UInt8",
    "ALTER TABLE {database:Identifier}.spend_of_pairs MODIFY QUERY SELECT candidate FROM {database:Identifier}.pairs",
    "OPTIMIZE TABLE {database:Identifier}.pairs FINAL",
    "DROP VIEW IF EXISTS {database:Identifier}.spend_of_pairs",
    "DROP TABLE IF EXISTS {database:Identifier}.pairs",
    "CREATE VIEW IF NOT EXISTS {database:Identifier}.seen AS SELECT ts FROM {database:Identifier}.pairs",
]


def schema() -> list[str]:
    """Every statement that the migrations of this release run."""
    made = ["CREATE DATABASE IF NOT EXISTS {database:Identifier}", migrate.VERSIONS]
    return [*made, *(statement for step in migrate.steps() for statement in step.statements())]


def cluster_schema() -> list[str]:
    return [text for statement in schema() for text in FORM.statements(statement)]


def test_the_engines_parser_reads_every_statement(writer: Client) -> None:
    """What it prints of them is what was meant: on the cluster, and no name left open."""
    for text in (
        *cluster_schema(),
        *FORM.settled("erasures"),
        *(t for alter in ALTERS for t in FORM.statements(alter)),
    ):
        (read,) = writer.query("SELECT formatQuerySingleLine({sql:String})", {"sql": text}).result_rows[0]
        assert read.startswith("INSERT INTO") or " ON CLUSTER prod" in read
        assert "{database" not in read


def test_every_table_is_replicated_and_none_is_left_on_one_machine() -> None:
    """Small ones whole on every machine; of the others the local tables, each behind a distributed one."""
    made = {
        m[1]: m[2]
        for text in cluster_schema()
        if (m := re.match(r"CREATE TABLE IF NOT EXISTS `shadowbench`.`(\w+)` .*?\nENGINE = (\w+)\(", text, re.DOTALL))
    }
    for name in (*NAMES, "schema_version"):
        stored = name if name in WHOLE_EVERYWHERE else f"{name}_local"
        assert re.fullmatch(r"Replicated\w*MergeTree", made.pop(stored)), name
        assert stored == name or made.pop(name) == "Distributed"
    assert {made[name] for name in made if name.endswith("_local")} <= {
        "ReplicatedAggregatingMergeTree",
        "ReplicatedSummingMergeTree",
    }
    assert {name for name in made if not name.endswith("_local")} == {
        name.removesuffix("_local") for name in made if name.endswith("_local")
    }


def test_a_table_that_only_passes_rows_on_is_on_every_machine_and_has_no_copies() -> None:
    columns = "(`a` UInt8 COMMENT 'ENGINE = MergeTree')"
    made = f"CREATE TABLE IF NOT EXISTS {{database:Identifier}}.x\n{columns}\nENGINE = Null\nCOMMENT 'c'"
    told = (
        f"CREATE TABLE IF NOT EXISTS `shadowbench`.`x_local` ON CLUSTER `prod`\n{columns}\nENGINE = Null\nCOMMENT 'c'"
    )
    assert FORM.statements(made) == (told,)


def test_small_tables_are_tables_of_ours() -> None:
    assert NAMES | {"schema_version"} >= WHOLE_EVERYWHERE


def test_tokens_are_remembered_by_replicated_tables_for_a_month() -> None:
    created = [text for text in cluster_schema() if re.search(r"ENGINE = Replicated", text)]
    assert created
    for text in created:
        of_rollup = re.search(r"`rollup_\w+_local`", text)
        window = 100_000 if of_rollup else 10_000
        assert (
            f"replicated_deduplication_window = {window}, replicated_deduplication_window_seconds = {30 * 86400}"
            in text
        )
        assert "non_replicated" not in text
    assert WINDOW_S == 30 * 86400


def test_rows_of_one_request_lie_on_one_shard_in_every_table() -> None:
    keys = {
        m[1]: m[2]
        for text in cluster_schema()
        if (m := re.search(r"Distributed\('prod', 'shadowbench', '(\w+)_local', (.*)\)", text))
    }
    for table in tables.TABLES:
        if table.name not in WHOLE_EVERYWHERE and "request_id" in table.names():
            assert keys[table.name] == "cityHash64(request_id)"
    assert keys["counters"] == "cityHash64(candidate, state, ts, worker)"
    assert keys["spend"] == "cityHash64(candidate, experiment, minute)"
    assert keys["judge_spend"] == "cityHash64(judge, minute)"


def test_replicas_of_a_shard_share_a_path_and_small_tables_one_for_all_machines() -> None:
    text = "\n".join(cluster_schema())
    assert "ReplicatedMergeTree('/clickhouse/tables/shadowbench/pairs_local/{shard}', '{replica}')" in text
    assert "ReplicatedMergeTree('/clickhouse/tables/shadowbench/experiments/all', '{shard}-{replica}')" in text
    assert (
        "ReplicatedReplacingMergeTree('/clickhouse/tables/shadowbench/machines/all', '{shard}-{replica}', seen)" in text
    )


def test_views_read_and_write_the_tables_of_their_own_shard() -> None:
    views = [text for text in cluster_schema() if text.startswith("CREATE MATERIALIZED VIEW")]
    assert views
    for text in views:
        named = re.findall(r"`shadowbench`\.`(\w+)`", text)[1:]
        assert len(named) >= 2
        assert all(name.endswith("_local") or name in WHOLE_EVERYWHERE for name in named)


def test_fill_ins_run_once_through_the_distributed_tables() -> None:
    inserts = [text for text in cluster_schema() if text.startswith("INSERT")]
    assert inserts
    for text in inserts:
        assert "_local" not in text
        assert "ON CLUSTER" not in text
        assert "insert_deduplication_token" in text


@pytest.mark.parametrize(
    ("alter", "told"),
    [
        (ALTERS[0], ["payloads_local"]),
        (ALTERS[1], ["judgements_local"]),
        (ALTERS[2], ["judgements_local"]),
        (ALTERS[3], ["pairs_local", "pairs"]),
        (ALTERS[4], ["pairs_local", "pairs"]),
        (ALTERS[5], ["pairs_local"]),
        (ALTERS[6], ["pairs_local", "pairs"]),
        (ALTERS[7], ["pairs_local"]),
        (ALTERS[8], ["experiments"]),
        (ALTERS[9], ["spend_of_pairs"]),
        (ALTERS[10], ["pairs_local"]),
        (ALTERS[11], ["spend_of_pairs"]),
        (ALTERS[12], ["pairs", "pairs_local"]),
        (ALTERS[13], ["seen"]),
    ],
)
def test_a_change_reaches_the_tables_that_it_is_about_in_order(alter: str, told: list[str]) -> None:
    """Columns: where the rows are first, then what reads them. Ages, settings, deletions: only where the rows are."""
    texts = FORM.statements(alter)
    assert [re.search(r"`shadowbench`\.`(\w+)` ON CLUSTER `prod`", text)[1] for text in texts] == told  # type: ignore[index]
    assert "replicated_deduplication_window = 20000" in texts[0] or "SETTING" not in alter


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM {database:Identifier}.pairs WHERE 1",
        "TRUNCATE TABLE {database:Identifier}.pairs",
        "RENAME TABLE {database:Identifier}.a TO {database:Identifier}.b",
        "CREATE TABLE pairs (a UInt8) ENGINE = MergeTree ORDER BY a",
        "CREATE TABLE {database:Identifier}.x (a UInt8) ENGINE = Memory",
        "CREATE TABLE {database:Identifier}.x (a UInt8) ENGINE = ReplicatedMergeTree('a', 'b') ORDER BY a",
        "CREATE TABLE {database:Identifier}.x AS {database:Identifier}.y",
        "ALTER TABLE {database:Identifier}.pairs ADD COLUMN a String, ADD INDEX b a TYPE minmax",
        "ALTER TABLE {database:Identifier}.pairs MODIFY TTL ts, DROP COLUMN a",
        "ALTER TABLE {database:Identifier}.judgements MODIFY COLUMN rationale String TTL ts",
        "ALTER TABLE {database:Identifier}.judgements ADD COLUMN other String TTL ts",
    ],
)
def test_a_form_that_is_not_known_is_an_error_and_never_a_guess(statement: str) -> None:
    with pytest.raises(Untranslatable):
        FORM.statements(statement)


def test_what_runs_is_asked_of_all_machines(writer: Client) -> None:
    asked = f"SELECT count() FROM {FORM.on_all_machines('mutations')}"
    (read,) = writer.query("SELECT formatQuerySingleLine({sql:String})", {"sql": asked}).result_rows[0]
    assert read == "SELECT count() FROM clusterAllReplicas('prod', system.mutations)"
    assert layout("mine", None).on_all_machines("mutations") == "system.mutations"
    assert layout("mine", None).settled("erasures") == ()


def test_names_are_quoted_and_macros_kept() -> None:
    texts = Cluster("we`ird", "{cluster}").statements("CREATE DATABASE IF NOT EXISTS {database:Identifier}")
    assert texts == ("CREATE DATABASE IF NOT EXISTS `we\\`ird` ON CLUSTER `{cluster}`",)


def test_one_server_gets_the_statements_as_they_stand() -> None:
    form = layout("mine", None)
    assert form.statements("SELECT 1 FROM {database:Identifier}.pairs") == ("SELECT 1 FROM `mine`.pairs",)
    assert form.stored("pairs") == "pairs"
    assert layout("mine", "c") == Cluster("mine", "c")
    assert layout("mine", "c").stored("experiments") == "experiments"


CLUSTERS = """<clickhouse><remote_servers><prod>
<shard><internal_replication>true</internal_replication>
<replica><host>127.0.0.1</host><port>1</port></replica></shard>
</prod></remote_servers></clickhouse>"""


def alone(text: str) -> str:
    """What one engine without a keeper can run of a cluster's statement: the same without copies."""
    text = text.replace(" ON CLUSTER `prod`", "")
    return re.sub(r"ENGINE = Replicated(\w+)\('[^']*', '[^']*'(?:, )?(.*?)\)\n", r"ENGINE = \1(\2)\n", text)


@pytest.mark.usefixtures("shared_dir")  # skipped with it where there is no engine
def test_one_engine_makes_all_tables_of_a_shard_and_its_views_fill_its_own(tmp_path: Path) -> None:
    """Copies aside, every statement runs, in order, twice; both tables of a name have the same columns."""
    made = [alone(text) for text in cluster_schema() if not text.startswith("INSERT")]
    made += [alone(text) for alter in ALTERS[:7] for text in FORM.statements(alter)]
    rows = (
        "INSERT INTO shadowbench.pairs_local (request_id, ts, candidate, candidate_outcome, candidate_cost_usd) "
        "SELECT generateUUIDv4(number), now64(6), 'a', 'ok', 0.5 FROM numbers(10)"
    )
    calls = (
        "INSERT INTO shadowbench.judge_calls_local (request_id, stage) "
        "SELECT generateUUIDv4(number), ['asked', 'ended'][number % 2 + 1] FROM numbers(10)"
    )
    asked = [
        "SELECT toUInt32(sum(asked)), toUInt32(sum(ended)) FROM shadowbench.judge_spend_local",
        "SELECT table, arraySort(groupArray((position, name, type))) FROM system.columns GROUP BY table",
        "SELECT toUInt32(sum(pairs)), toFloat64(sum(cost_usd)) FROM shadowbench.spend_local",
        "SELECT cityHash64(request_id) % 2 AS shard, toUInt32(count()) FROM shadowbench.pairs_local GROUP BY shard",
    ]
    found = answers(tmp_path, CLUSTERS, [*made, *made, rows, calls, *asked])
    assert found[-4] == [[5, 5]]
    columns = {str(name): of for name, of in found[-3]}
    for name in NAMES - WHOLE_EVERYWHERE:
        assert columns[name] == columns[f"{name}_local"], name
    assert found[-2] == [[10, 5]]
    assert sum(int(str(count)) for _, count in found[-1]) == 10
