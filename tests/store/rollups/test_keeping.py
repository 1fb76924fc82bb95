"""Rollups stay exact: under retries, when rows are taken out, when old rows are merged, when a database is upgraded."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import migrate as migrations
from store import tables
from store.comparison import Span
from store.migrate import migrate, steps
from store.reader import Reader
from store.rollups import reading
from store.rollups.measures import COST_MAX_NANOUSD, HOUR_US, MEASURES, ROWS_MAX
from store.rollups.reading import Sums, whole
from store.rollups.statements import statements
from store.rollups.tables import ROLLUPS, Rollup
from store.rollups.vectors import Statistic, Vectors
from tests.analyzer.rows import as_values
from tests.store.rollups.conftest import DAY, SPAN, Filled, made, made_skips


def readings(filled: Filled, experiment: str, span: Span = SPAN) -> list[Sums]:
    """All that rollups say of an experiment."""
    asked = (filled.ask, span, [experiment])
    return [
        reading.block_sums(*asked, step_s=3600),
        reading.bucket_sums(*asked),
        reading.label_sums(*asked, by="time"),
        reading.label_sums(*asked, by="bucket"),
        Sums(
            {"place": [(h.series, b) for h in reading.histograms(*asked) for b in h.bins]},
            {"pairs": [n for h in reading.histograms(*asked) for n in h.pairs]},
        ),
        reading.skip_sums(*asked),
    ]


def without_empty(found: list[Sums]) -> list[set[tuple[Any, ...]]]:
    """Rows whose sums are not all zero."""
    made_rows = []
    for sums in found:
        keys = zip(*sums.keys.values(), strict=True)
        values = zip(*sums.statistics.values(), strict=True)
        made_rows.append({(*key, *value) for key, value in zip(keys, values, strict=True) if any(value)})
    return made_rows


def test_a_batch_sent_twice_counts_once_everywhere(filled: Filled, experiment: str) -> None:
    """Under the same token, which pairs and skips of a batch share; between them another batch came."""
    pairs, skips = made(90, seed=1, experiment=experiment), made_skips(30, seed=2, experiment=experiment)
    for rows, name in ((pairs, "first"), (pairs[:10], "other")):
        filled.pairs(rows, f"{experiment}-{name}")
        filled.skips(skips[: len(rows) // 3], f"{experiment}-{name}")
    once = readings(filled, experiment)
    for _ in range(2):
        filled.pairs(pairs, f"{experiment}-first")
        filled.skips(skips, f"{experiment}-first")
    assert readings(filled, experiment) == once
    assert sum(once[0].statistics["pairs"]) == 100
    assert sum(once[0].statistics["unavailable"]) == 22
    assert sum(once[-1].statistics["skips"]) == 33


def test_what_is_taken_out_leaves_nothing_behind(filled: Filled, experiment: str) -> None:
    """Pairs and skips of one tenant go; what stays is what the others alone would have given."""
    pairs, skips = made(120, seed=5, experiment=experiment), made_skips(60, seed=6, experiment=experiment)
    alone = f"{experiment}-alone"
    filled.pairs(pairs)
    filled.skips(skips)
    filled.pairs([{**row, "experiment": alone} for row in pairs if row["labels"]["tenant"] != "t3"])
    filled.skips([{**row, "experiment": alone} for row in skips if row["labels"]["tenant"] != "t3"])
    where = f"experiment = '{experiment}' AND labels['tenant'] = 't3'"
    for _ in range(2):  # a retry changes nothing
        for place, statement in enumerate(statements(-1, where)):
            filled.client.command(statement.sql, settings={"insert_deduplication_token": f"{experiment}-out-{place}"})
    left, expected = (without_empty(readings(filled, name)) for name in (experiment, alone))
    assert left == [{tuple(experiment if x == alone else x for x in row) for row in rows} for rows in expected]
    assert left[0]
    for statement in statements(1, where):
        filled.client.command(statement.sql)
    assert without_empty(readings(filled, experiment)) != left


def test_unknown_values_are_not_counted_as_zero(filled: Filled, experiment: str) -> None:
    """A pair of which nothing but the outcomes is known counts in the rates alone."""
    known, unknown = made(2, seed=1, experiment=experiment)
    bare = {name: unknown[name] for name in ("request_id", "ts", "candidate", "experiment", "block", "bucket")}
    outcomes = {"primary_outcome": "ok", "candidate_outcome": "ok"}
    filled.pairs([{**bare, **outcomes}])
    found = reading.total_sums(filled.ask, SPAN, [experiment]).statistics
    assert {name for name, (value,) in found.items() if value} == {"pairs", "error_n", "timeout_n", "truncation_n"}
    del known


def test_absurd_values_count_as_their_cap(filled: Filled, experiment: str) -> None:
    (row,) = made(1, seed=1, experiment=experiment)
    ok = {"primary_outcome": "ok", "candidate_outcome": "ok", "held_ms": 0.0, "gateway_cache": False}
    times = {"primary_total_ms": 1e300, "candidate_total_ms": -5.0}
    money = {"primary_cost_usd": Decimal("999999999.5"), "candidate_cost_usd": Decimal("0.000000001")}
    tokens = {"primary_tokens_estimated": False, "candidate_tokens_estimated": False}
    filled.pairs([{**row, **ok, **times, **money, **tokens}])
    found = reading.total_sums(filled.ask, SPAN, [experiment]).statistics
    assert (found["total_us_primary"], found["total_us_candidate"]) == ((HOUR_US,), (0,))
    assert found["total_us_difference_3"] == (-(HOUR_US**3),)
    assert (found["cost_nanousd_primary_2"], found["cost_nanousd_candidate"]) == ((COST_MAX_NANOUSD**2,), (1,))
    assert found["cost_nanousd_difference_3"] == ((1 - COST_MAX_NANOUSD) ** 3,)
    assert (found["total_us_log_n"], found["total_us_log"]) == ((0,), (0,))


def test_every_sum_of_a_billion_pairs_at_their_cap_fits_its_column() -> None:
    limits = {"counts": 2**63, "sums": 2**127, "squares": 2**127, "cubes": 2**255}
    largest = {m.prefix: max(m.most, COST_MAX_NANOUSD if m.kind == "ratio" else 0) for m in MEASURES}
    assert max(largest.values()) ** 2 * ROWS_MAX < limits["squares"]
    assert max(largest.values()) ** 3 * ROWS_MAX < limits["cubes"]
    with pytest.raises(ValueError, match="does not fit into Int64"):
        Vectors({}, {"counts": (Statistic("n", "", 2**62),)})


def test_rows_of_weeks_ago_are_merged_and_say_the_same(filled: Filled, experiment: str) -> None:
    """To one per hour (blocks) or day, and what is added or taken out later counts there too."""
    begin = DAY - timedelta(days=20)
    span = Span(begin, begin + timedelta(days=2))
    rows = [row for day in range(2) for row in made(80, seed=day, experiment=experiment, begin=begin + timedelta(day))]
    filled.pairs(rows[:100])
    filled.pairs(rows[100:])
    before = readings(filled, experiment, span)
    for rollup in ROLLUPS:
        filled.client.command(f"OPTIMIZE TABLE {rollup.name} FINAL")
    stored = "SELECT count() FROM {t:Identifier} WHERE experiment = {e:String}"
    count = {r.name: filled.client.command(stored, {"t": r.name, "e": experiment}) for r in ROLLUPS}
    assert count["rollup_blocks"] == len({row["block"].replace(minute=0) for row in rows})
    assert count["rollup_buckets"] == len({(row["bucket"], row["block"].date()) for row in rows})
    day_of = [*before[:2], *before[3:5]]
    after = readings(filled, experiment, span)
    assert [*after[:2], *after[3:5]] == day_of
    by_day = {"by": "time", "step_s": 86_400}
    labels = reading.label_sums(filled.ask, span, [experiment], **by_day)  # type: ignore[arg-type]
    assert sum(labels.statistics["pairs"]) == sum(len(row["labels"]) for row in rows)
    late = made(5, seed=77, experiment=experiment, begin=begin)
    filled.pairs(late)
    for place, statement in enumerate(
        statements(-1, f"experiment = '{experiment}' AND ts < '{begin.date()} 06:00:00'")
    ):
        filled.client.command(statement.sql, settings={"insert_deduplication_token": f"{experiment}-{place}"})
    left = [row for row in [*rows, *late] if row["ts"] >= begin + timedelta(hours=6)]
    assert reading.total_sums(filled.ask, span, [experiment]).statistics["pairs"] == (len(left),)


moments = st.datetimes(
    datetime(2026, 1, 1),  # noqa: DTZ001 - hypothesis wants them without a zone
    datetime(2026, 3, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(since=moments, until=moments, now=moments)
def test_windows_are_cut_inside_and_where_rows_are_whole(since: datetime, until: datetime, now: datetime) -> None:
    cut = whole(Span(since, until), now)
    assert cut.since >= since
    assert cut.until <= until or cut.until == cut.since
    assert cut.since <= cut.until
    for end, given_end in ((cut.since, since), (cut.until, until)):
        assert (end.minute, end.second, end.microsecond) == (0, 0, 0)
        if given_end < now - timedelta(days=2):
            assert end.hour == 0 or end == cut.since
    assert cut.since - since < timedelta(days=1)


# --- an older database


@pytest.fixture
def older(writer: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A database of schema 2 with pairs and skips in three months."""
    name, before = "rolled", writer.database
    writer.database = name
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "steps", lambda: steps()[:2])
        migrate(writer, name)
    for days in (1, 40, 75):
        begin = DAY - timedelta(days=days)
        _insert(writer, tables.PAIRS, made(60, seed=days, experiment="old", begin=begin))
    _insert(writer, tables.SKIPS, made_skips(30, seed=3, experiment="old"))
    yield writer
    writer.database = before
    writer.command(f"DROP DATABASE IF EXISTS {name}", use_database=False)


def _insert(client: Client, table: tables.Table, rows: list[dict[str, Any]]) -> None:
    added = {column.name for column in (*tables.PRIMARY_USAGE, *tables.CANDIDATE_USAGE)}
    names = [name for name in table.names() if name not in added]
    values = [[row[table.names().index(name)] for name in names] for row in as_values(table, rows)]
    client.insert(table.name, values, column_names=names)


def contents(client: Client) -> dict[str, Any]:
    """Every rollup, added up by its keys."""
    return {rollup.name: _added_up(client, rollup) for rollup in ROLLUPS}


def _added_up(client: Client, rollup: Rollup) -> list[Any]:
    keys = ", ".join(
        rollup.coarse if key.column.name == rollup.time and rollup.coarse else key.column.name for key in rollup.keys
    )
    sums = ", ".join(f"toString(sumForEachMerge({v}))" for v in rollup.kept) or "sum(pairs)"
    sql = f"SELECT {keys}, {sums} FROM {rollup.name} GROUP BY {keys} ORDER BY {keys}"
    return list(client.query(sql).result_rows)


@pytest.mark.parametrize("died_after", [9, 17])
def test_an_upgrade_fills_the_rollups_also_when_it_is_broken_off(older: Client, died_after: int) -> None:
    """Somewhere among its tables, views and sums; and once more when all is done but not written down."""
    step = steps()[2]
    made_before = [s for s in step.statements() if "rollup_" not in s]
    rollup_statements = step.statements()[len(made_before) :]
    for statement in [*made_before, *rollup_statements[:died_after]]:
        older.command(statement.replace("{database:Identifier}", "rolled"), use_database=False)
    migrate(older, "rolled")
    filled = contents(older)
    assert sum(reading.total_sums(Reader(older).columns, _ALWAYS, ["old"]).statistics["pairs"]) == 180
    for statement in rollup_statements:
        older.command(statement.replace("{database:Identifier}", "rolled"), use_database=False)
    assert contents(older) == filled
    for rollup in ROLLUPS:
        older.command(f"TRUNCATE TABLE {rollup.name}")
    for direct in statements(1, "1"):
        older.command(direct.sql)
    assert contents(older) == filled


_ALWAYS = Span(DAY - timedelta(days=200), DAY + timedelta(days=3))


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 40), max_size=6), seed=st.integers(0, 2**32))
def test_sums_do_not_depend_on_how_rows_were_cut_into_batches(filled: Filled, cuts: list[int], seed: int) -> None:
    """Nor on their order: the same rows in batches of any size, backwards, and in one."""
    whole_, parts = f"cut-{seed}-{len(cuts)}-whole", f"cut-{seed}-{len(cuts)}-parts"
    rows = made(40, seed=seed, experiment=whole_)
    filled.pairs(rows)
    ends = sorted({0, 40, *cuts})
    for first, last in zip(reversed(ends[:-1]), reversed(ends[1:]), strict=True):
        filled.pairs([{**row, "experiment": parts} for row in reversed(rows[first:last])])
    left, right = (without_empty(readings(filled, name)) for name in (whole_, parts))
    assert [{tuple(x for x in row if x != whole_) for row in rows} for rows in left] == [
        {tuple(x for x in row if x != parts) for row in rows} for rows in right
    ]
