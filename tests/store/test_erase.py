"""What `erase` leaves: nothing of the chosen requests, everything of the others, and sums that agree with the rows."""

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from clickhouse_connect.driver.client import Client

from store import erase as erasing
from store import mutations, tables
from store.cluster import Cluster, layout
from store.endpoint.place import Endpoint
from store.erase import ERASED, TABLES, Chosen, Eraser, ErasureUnderWay
from store.errors import StoreUnavailable
from store.locate import close, connect_to
from store.migrate import migrate
from store.rollups import tables as rollups

NOW = datetime.now(UTC).replace(microsecond=0)
ACME = Chosen(label=("tenant", "acme"))
OF_ONE = {
    "pairs": 2,
    "skips": 1,
    "payloads": 3,
    "judgements": 2,
    "labels_human": 2,
    "judge_calls": 4,
    "text_scores": 2,
}
"""Rows of one of `requests`, by table."""


@pytest.fixture(scope="module")
def database(endpoint: Endpoint) -> Iterator[Client]:
    """One for all tests here: making it costs seconds."""
    client = connect_to(endpoint, "writer")
    client.database = "erasing"
    migrate(client, client.database)
    yield client
    client.command("DROP DATABASE erasing", use_database=False)
    close(client)


@pytest.fixture
def store(database: Client) -> Client:
    """It, empty."""
    empty(database)
    return database


def empty(client: Client) -> None:
    for (name,) in client.query(
        "SELECT name FROM system.tables WHERE database = 'erasing' AND engine LIKE '%MergeTree'"
    ).result_rows:
        if name != "schema_version":
            client.command(f"TRUNCATE TABLE {name}")


def add(client: Client, table: str, **values: Any) -> None:
    client.insert(table, [list(values.values())], column_names=list(values))


def requests(client: Client, *tenants: str, ago: timedelta = timedelta(minutes=5)) -> list[UUID]:
    """Of each tenant one request: two pairs, a skip, texts, and what judges and people made of them."""
    numbers, ts = [uuid4() for _ in tenants], NOW - ago
    made: dict[str, list[dict[str, Any]]] = {table.name: [] for table in TABLES}
    for number, tenant in zip(numbers, tenants, strict=True):
        of_request = {"request_id": number, "ts": ts}
        place = {**of_request, "experiment": "e", "block": ts, "labels": {"tenant": tenant, "route": "/"}}
        for arm in ("a", "b"):
            judged = {**place, "candidate": arm, "rubric": "r"}
            figures = {"primary_total_ms": 100.0, "candidate_total_ms": 50.0 + len(tenant), "candidate_cost_usd": 0.25}
            outcomes = {"primary_outcome": "ok", "candidate_outcome": "ok"}
            made["pairs"].append({**place, "candidate": arm, "bucket": 7, **outcomes, **figures})
            made["judgements"].append({**judged, "judge": "j", "rung": "judge", "judged_at": NOW})
            made["labels_human"].append({**judged, "labeler": "l", "labeled_at": NOW})
            made["text_scores"].append({**place, "candidate": arm, "metric": "rouge_l", "scored_at": NOW})
            call = {**without_block(judged), "call": uuid4(), "asked_at": NOW, "committed_usd": Decimal("0.05")}
            for stage in ("asked", "ended"):
                why = f"because of {tenant}" if stage == "ended" else ""
                made["judge_calls"].append({**call, "stage": stage, "rationale": why})
        made["skips"].append({**place, "candidate": "c", "reason": "breaker_open", "primary_outcome": "ok"})
        for side in ("primary", "a", "b"):
            made["payloads"].append({**of_request, "side": side, "response": f"text of {tenant}"})
    for table, rows in made.items():
        client.insert(table, [list(row.values()) for row in rows], column_names=list(rows[0]))
    return numbers


def without_block(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "block"}


def rows(client: Client) -> dict[str, int]:
    return {t.name: client.query(f"SELECT count() FROM {t.name}").result_rows[0][0] for t in TABLES}


def sums(client: Client) -> dict[str, list[Sequence[Any]]]:
    """Every rollup added up by its keys, as the engine shows it, without rows of zeros."""
    found = {}
    for rollup in rollups.ROLLUPS:
        keys = ", ".join(key.column.name for key in rollup.keys)
        totals = [f"toString(arrayFilter(x -> x != 0, sumForEachMerge({name})))" for name in rollup.kept]
        shown = f"[{', '.join(totals or ['toString(sum(pairs))'])}]"
        asked = client.query(f"SELECT {keys}, {shown} FROM {rollup.name} GROUP BY {keys} ORDER BY {keys}").result_rows
        found[rollup.name] = [row for row in asked if set(row[-1]) - {"0", "[]"}]
    return found


def eraser(client: Client) -> Eraser:
    return Eraser(client, None)


def test_rows_texts_and_sums_are_as_if_the_requests_had_never_been(store: Client) -> None:
    """Beside what another tenant's requests gave when they were alone, in three months."""
    agos = (timedelta(minutes=5), timedelta(hours=30), timedelta(days=40))
    for ago in agos:
        requests(store, "globex", ago=ago)
    expected = rows(store), sums(store)
    for ago in agos:
        requests(store, "acme", ago=ago)
    assert sums(store) != expected[1]
    erased = eraser(store).erase(ACME)
    assert (rows(store), sums(store)) == expected
    assert erased.rows == {name: 3 * count for name, count in OF_ONE.items()}
    assert (erased.requests, erased.passes, erased.is_complete) == (3, 2, True)


def test_the_value_of_the_label_stands_nowhere_any_more(store: Client) -> None:
    """In no active part of any table, also where only zeros would be left."""
    requests(store, "acme", "globex")
    eraser(store).erase(ACME)
    for table in (*tables.TABLES, *(rollup.table for rollup in rollups.ROLLUPS)):
        texts = [c.name for c in table.columns if "String" in c.type]
        shown = " || ".join(f"toString({name})" for name in texts) or "''"
        found = store.query(f"SELECT countIf(position({shown}, 'acme') > 0) FROM {table.name}").result_rows[0][0]
        assert found == 0, table.name
    assert store.query("SELECT DISTINCT label_value FROM rollup_labels WHERE label_name = 'tenant'").result_rows == [
        ("globex",)
    ]


def test_one_request_goes_by_its_id_and_takes_texts_without_a_pair_along(store: Client) -> None:
    kept, gone = requests(store, "acme", "acme")
    stray = uuid4()
    add(store, "payloads", request_id=stray, side="primary", ts=NOW - timedelta(minutes=1), response="x")
    assert eraser(store).erase(Chosen(request=gone)).requests == 1
    assert eraser(store).erase(Chosen(request=stray)).rows["payloads"] == 1
    left = store.query(
        "SELECT DISTINCT request_id FROM (SELECT request_id FROM pairs UNION ALL SELECT request_id FROM payloads)"
    )
    assert left.result_rows == [(kept,)]


def test_money_stays_the_audit_knows_what_went_and_the_list_of_it_is_not_kept(store: Client) -> None:
    requests(store, "acme")
    spent = "SELECT (SELECT sum(cost_usd) FROM spend), (SELECT sum(committed_usd) FROM judge_spend)"
    assert store.query(spent).result_rows == [(Decimal("0.5"), Decimal("0.2"))]
    eraser(store).erase(ACME)
    assert store.query(spent).result_rows == [(Decimal("0.5"), Decimal("0.2"))]
    counted = store.query(
        "SELECT candidate, state, sum(count) FROM counters GROUP BY ALL ORDER BY candidate"
    ).result_rows
    assert counted == [("a", ERASED, 1), ("b", ERASED, 1)]
    assert set(store.query("SELECT DISTINCT step, request_id FROM erasures").result_rows) == {("done", UUID(int=0))}


def test_requests_that_began_after_the_call_stay(store: Client) -> None:
    requests(store, "acme", ago=timedelta(hours=-10))
    assert eraser(store).erase(ACME).requests == 0
    assert rows(store)["pairs"] == 2


def test_a_count_changes_nothing_and_says_what_would_go(store: Client) -> None:
    requests(store, "acme", "globex")
    before = rows(store)
    assert eraser(store).count(ACME, NOW) == OF_ONE
    assert rows(store) == before
    assert store.query("SELECT count() FROM erasures").result_rows == [(0,)]


def test_a_label_with_an_empty_value_is_not_one_that_is_missing(store: Client) -> None:
    requests(store, "")
    add(store, "pairs", request_id=uuid4(), ts=NOW - timedelta(minutes=1), candidate="a")
    assert eraser(store).erase(Chosen(label=("tenant", ""))).requests == 1
    assert rows(store)["pairs"] == 1


def test_what_is_asked_for_is_a_value_and_never_a_statement(store: Client) -> None:
    requests(store, "it's \\ {x:String} %s", "acme")
    assert eraser(store).erase(Chosen(label=("tenant", "it's \\ {x:String} %s"))).requests == 1
    assert eraser(store).erase(Chosen(label=("tenant' OR 1", "x"))).requests == 0
    assert rows(store)["pairs"] == 2


class Died(Exception):  # noqa: N818 - a stand-in for kill -9
    """The process ended."""


class Dying:
    """A client whose process dies just after the first change that holds a text."""

    def __init__(self, client: Client, text: str) -> None:
        self._client = client
        self._text = text
        self.database = client.database

    def query(self, *args: Any) -> Any:
        return self._client.query(*args)

    def command(self, sql: str, *args: Any, **kwargs: Any) -> Any:
        found = self._client.command(sql, *args, **kwargs)
        if self._text in sql:
            raise Died
        return found


@pytest.mark.parametrize("text", ["INSERT INTO rollup_buckets", "INSERT INTO counters", "skips DELETE", "'done'"])
def test_wherever_it_dies_the_next_call_finishes_it(store: Client, text: str) -> None:
    """Also when that one asks for something else; the sums are those of the request that stays."""
    requests(store, "globex")
    expected = sums(store), rows(store)
    requests(store, "acme")
    with pytest.raises(Died):
        Eraser(Dying(store, text), None).erase(ACME)  # type: ignore[arg-type]
    assert eraser(store).erase(Chosen(request=uuid4())).finished == (text != "'done'")
    assert (sums(store), rows(store)) == expected
    counted = "SELECT candidate, sum(count) FROM counters GROUP BY candidate ORDER BY candidate"
    assert store.query(counted).result_rows == [("a", 1), ("b", 1)]
    assert set(store.query("SELECT DISTINCT step FROM erasures").result_rows) == {("done",)}


def test_it_is_finished_without_harm_when_its_tokens_are_forgotten(store: Client) -> None:
    """Of four rollups the sums had been taken out, and more was stored since than tokens are remembered."""
    for _ in range(3):
        requests(store, "globex")
    expected = sums(store)
    empty(store)
    requests(store, "acme", "globex")
    with pytest.raises(Died):
        Eraser(Dying(store, "'subtracted-3'"), None).erase(ACME)  # type: ignore[arg-type]
    try:
        remember(store, 1)
        for _ in range(2):
            requests(store, "globex")
    finally:
        remember(store, 10_000)
    assert eraser(store).erase(Chosen(request=uuid4())).finished == 1
    assert sums(store) == expected


def remember(client: Client, tokens: int) -> None:
    for rollup in rollups.ROLLUPS:
        client.command(f"ALTER TABLE {rollup.name} MODIFY SETTING non_replicated_deduplication_window = {tokens}")


def test_one_that_died_before_its_list_was_complete_is_forgotten(store: Client) -> None:
    requests(store, "acme")
    with pytest.raises(Died):
        Eraser(Dying(store, "SELECT DISTINCT"), None).erase(ACME)  # type: ignore[arg-type]
    with pytest.raises(ErasureUnderWay):
        eraser(store).erase(ACME)
    age(store)
    assert eraser(store).erase(Chosen(request=uuid4())).finished == 0
    assert rows(store)["pairs"] == 2
    assert set(store.query("SELECT DISTINCT step FROM erasures").result_rows) == {("done",)}


def age(store: Client) -> None:
    """Eleven minutes pass."""
    change = "ALTER TABLE erasures UPDATE started = started - INTERVAL 11 MINUTE WHERE 1"
    store.command(change, settings={"mutations_sync": 1})


def test_rows_that_arrive_while_it_works_go_in_a_later_pass(store: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the list and the deletion: what was not listed is not deleted with it, or its sums would stay."""
    (first,) = requests(store, "acme")
    late: list[UUID] = []
    deleting = mutations.delete

    def arriving(*args: Any) -> None:
        if not late:
            late.extend(requests(store, "acme"))
            place = {
                "request_id": first,
                "ts": NOW - timedelta(minutes=5),
                "experiment": "e",
                "labels": {"tenant": "acme"},
            }
            add(store, "pairs", **place, candidate="later", primary_outcome="ok", candidate_outcome="ok")
        deleting(*args)

    monkeypatch.setattr(mutations, "delete", arriving)
    erased = eraser(store).erase(ACME)
    assert (erased.passes, erased.is_complete) == (3, True)
    assert not any(rows(store).values())
    assert not any(sums(store).values())


def test_while_rows_keep_arriving_it_ends_after_some_passes_and_says_so(
    store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests(store, "acme")
    deleting = mutations.delete

    def arriving(*args: Any) -> None:
        if args[2] == "pairs":
            requests(store, "acme")
        deleting(*args)

    monkeypatch.setattr(mutations, "delete", arriving)
    monkeypatch.setattr(erasing, "MAX_PASSES", 2)
    erased = eraser(store).erase(ACME)
    assert (erased.passes, erased.is_complete) == (2, False)


def test_a_second_call_withdraws_while_the_first_lists_its_rows(store: Client) -> None:
    requests(store, "acme")
    first = eraser(store)
    first._mark(uuid4(), "begun")
    with pytest.raises(ErasureUnderWay, match="10 minutes") as caught:
        eraser(store).erase(ACME)
    assert "\n" not in str(caught.value)
    assert rows(store)["pairs"] == 2
    age(store)
    assert eraser(store).erase(ACME).requests == 1


def test_calls_at_the_same_time_subtract_nothing_twice(store: Client, endpoint: Endpoint) -> None:
    requests(store, "globex")
    expected = sums(store)
    requests(store, *["acme"] * 5)
    ended: list[str] = []

    def call() -> None:
        client = connect_to(endpoint, "writer")
        client.database = store.database
        try:
            ended.append("done" if eraser(client).erase(ACME).is_complete else "not complete")
        except ErasureUnderWay:
            ended.append("withdrew")
        finally:
            close(client)

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(ended) == 3
    eraser(store).erase(ACME)
    assert sums(store) == expected


def test_a_deletion_that_cannot_be_done_is_one_clear_line(store: Client) -> None:
    requests(store, "acme")
    condition = "throwIf(batch = '', 'no way') AND 'mark-1' != ''"
    with pytest.raises(StoreUnavailable, match=r"pairs: rows cannot be deleted yet: .*no way") as caught:
        mutations.delete(store, layout(str(store.database), None), "pairs", condition, "mark-1")
    assert "\n" not in str(caught.value)
    store.command("KILL MUTATION WHERE table = 'pairs'")


def test_on_a_cluster_rows_are_deleted_where_they_lie_after_every_machine_has_the_list(writer: Client) -> None:
    """The engine's parser reads what would be sent; a cluster is not here."""
    told: list[str] = []

    class Told:
        database = "shadowbench"

        def command(self, sql: str, *_: Any, **__: Any) -> None:
            told.append(sql)

        def query(self, sql: str, *_: Any) -> Any:
            told.append(sql)
            first = [(NOW, NOW)] if "min(ts)" in sql else [(0, "")] if "mutations" in sql else []
            answer = first or ([] if "groupUniqArray" in sql or "_partition_id" in sql else [(len(told) % 2,)])
            return type("Answer", (), {"result_rows": answer})

    Eraser(Told(), "prod").erase(ACME)  # type: ignore[arg-type]
    for sql in told:
        writer.query("SELECT formatQuery({sql:String})", {"sql": sql})
    deleted = [sql for sql in told if " DELETE WHERE " in sql]
    assert all("` ON CLUSTER `prod` DELETE WHERE" in sql for sql in deleted)
    assert any(sql.startswith("ALTER TABLE `shadowbench`.`pairs_local` ON CLUSTER") for sql in deleted)
    assert any("IN (SELECT request_id, candidate FROM `shadowbench`.`erasures`" in sql for sql in deleted)
    sync = told.index("SYSTEM SYNC REPLICA ON CLUSTER `prod` `shadowbench`.`erasures`")
    assert sync < told.index(next(sql for sql in deleted if "pairs_local" in sql))
    assert isinstance(layout("shadowbench", "prod"), Cluster)
