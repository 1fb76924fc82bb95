"""The store's answers and those of rows in memory are the same, and both are what numpy counts."""

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pydantic import TypeAdapter

from analyzer.measures import BY_NAME
from analyzer.reading import Setting
from analyzer.source import Experiment, Window
from analyzer.surroundings.figures import Alike, Surroundings
from analyzer.surroundings.filed import surroundings_of_rows
from analyzer.surroundings.stored import read_surroundings
from config.model import Store
from record.states import SKIPS
from store import tables
from store.comparison import Ask, Span
from store.locate import StoreConnection, close, connect
from store.reader import Reader
from store.surroundings import Asked, alike_rows, model_rows
from store.writer import Writer
from tests.analyzer.rows import START, as_values, random_rows, skip_row
from tests.store.owners import store_at, transient

WINDOW = Window(START, START + timedelta(hours=1))
PERIOD_S = 45.0
SETTING = Setting(block_s=1.0, switchback_s=PERIOD_S)


def _rows(n: int, seed: int, candidate: str, experiment: str) -> list[dict[str, Any]]:
    """Pairs with caches, connections and models, each of which may be unknown."""
    random = Random(seed)
    rows = random_rows(n, seed=seed, candidate=candidate, experiment=experiment)
    for row in rows:
        for arm in ("primary", "candidate"):
            row[f"{arm}_cached_tokens"] = random.choice([None, 0, 0, 1024])
            row[f"{arm}_connection_reused"] = random.random() < 0.7
            row[f"{arm}_model"] = random.choice([None, "m-1", "m-2", "m-3"])
    return rows


def _skips() -> list[dict[str, Any]]:
    rows = _rows(len(SKIPS) * 6, 8, "swift", "e1")
    return [skip_row(row, SKIPS[i % len(SKIPS)].value) for i, row in enumerate(rows)]


SWIFT, SAGE, SKIPPED = _rows(600, 5, "swift", "e1"), _rows(500, 6, "sage", "e2"), _skips()


def _experiment(candidate: str, experiment: str, pairs: int) -> Experiment:
    last = START + timedelta(seconds=pairs // 2)
    return Experiment(candidate, experiment, pairs, START, last, 0.1, 0.1, 0, 0, 0, 0, 0)


EXPERIMENTS = [_experiment("swift", "e1", 600), _experiment("sage", "e2", 500)]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("the embedded engine is not installed: pip install shadowbench[embedded]")
    directory: Path = tmp_path_factory.mktemp("surroundings-store")
    with transient(directory):
        store: Store = store_at(directory)
        writer = Writer(StoreConnection(store, access="writer"))
        # Another experiment of the same candidate, and another candidate of the same experiment id.
        others = [*_rows(50, 7, "swift", "e-old"), *_rows(50, 9, "other", "e2")]
        writer.insert("pairs", as_values(tables.PAIRS, [*SWIFT, *SAGE, *others]), "pairs-1")
        writer.insert("skips", as_values(tables.SKIPS, SKIPPED), "skips-1")
        writer.close()
        client = connect(store, access="reader", start_owner=False)
        yield Reader(client).columns
        close(client)


def test_the_store_and_the_rows_say_the_same(ask: Ask) -> None:
    """600 and 500 pairs with gaps of every kind, skips of every reason; other experiments stay out."""
    theirs = read_surroundings(ask, WINDOW, EXPERIMENTS, SETTING)
    assert theirs["swift"] == _in_steps_of(theirs["swift"], surroundings_of_rows([*SWIFT, *SKIPPED], SETTING))
    assert theirs["sage"] == _in_steps_of(theirs["sage"], surroundings_of_rows(SAGE, SETTING))


def _in_steps_of(theirs: Surroundings, ours: Surroundings) -> Surroundings:
    """A file's steps begin at its own blocks; put together, sums must be equal stratum by stratum."""
    assert theirs.alike is not None
    assert ours.alike is not None
    assert _by_stratum(theirs.alike) == _by_stratum(ours.alike)
    return replace(ours, alike=theirs.alike)


def _by_stratum(alike: Alike) -> dict[tuple[int, int], list[int]]:
    found: dict[tuple[int, int], list[int]] = {}
    columns = (alike.total_us_n, alike.total_us, alike.ttft_us_n, alike.ttft_us)
    for cache, connection, *numbers in zip(alike.cache, alike.connection, *columns, strict=True):
        held = found.setdefault((cache, connection), [0, 0, 0, 0])
        found[cache, connection] = [a + b for a, b in zip(held, numbers, strict=True)]
    return found


def test_periods_hold_what_came_as_far_as_the_switchback(ask: Ask) -> None:
    """Counted from the rows, without the skips that are decided before it."""
    before = {"stateful", "side_effects", "unparsable", "body_too_large"}
    periods = read_surroundings(ask, WINDOW, EXPERIMENTS, SETTING)["swift"].periods
    assert periods is not None
    assert periods.length_s == PERIOD_S
    came = [*SWIFT, *(row for row in SKIPPED if row["reason"] not in before)]
    for place, number in enumerate(periods.numbers):
        mine = [row for row in came if int(row["ts"].timestamp() // PERIOD_S) == number]
        answered = [row["primary_total_ms"] for row in mine if row["primary_outcome"] == "ok"]
        assert periods.requests[place] == len(mine)
        assert periods.off[place] == sum(row.get("reason") == "switchback_off" for row in mine)
        stayed = [row for row in mine if row["primary_outcome"] != "client_abort"]
        assert periods.stayed_n[place] == len(stayed)
        assert periods.failed[place] == sum(row["primary_outcome"] != "ok" for row in stayed)
        assert periods.total_us_n[place] == len(answered)
        assert periods.total_us[place] == pytest.approx(sum(answered) * 1000, abs=len(answered))
    assert sum(periods.requests) == len(came)


def test_pairs_of_strata_are_those_that_latency_counts(ask: Ask) -> None:
    alike = read_surroundings(ask, WINDOW, EXPERIMENTS, SETTING)["swift"].alike
    assert alike is not None
    taken = [values for row in SWIFT if (values := BY_NAME["total_ms"].taken(row)) is not None]
    assert sum(alike.total_us_n) == len(taken)
    assert sum(alike.total_us) == pytest.approx(1000 * sum(c - p for c, p in taken), abs=len(taken))
    warm = [r for r in SWIFT if r["primary_cached_tokens"] and r["candidate_cached_tokens"]]
    mine = sum(n for n, cache in zip(alike.total_us_n, alike.cache, strict=True) if cache == 1)
    assert mine == sum(BY_NAME["total_ms"].taken(row) is not None for row in warm)


def test_periods_are_not_asked_for_without_switchback(ask: Ask) -> None:
    """Nor where it kept nothing back; then the pairs are not read for it."""
    asked: list[str] = []

    def noting(sql: str, parameters: Any) -> Any:
        asked.append(sql)
        return ask(sql, parameters)

    assert read_surroundings(noting, WINDOW, EXPERIMENTS, Setting())["swift"].periods is None
    assert not any("period" in sql for sql in asked)
    assert read_surroundings(noting, WINDOW, EXPERIMENTS[1:], SETTING)["sage"].periods is None
    assert not any("AS period" in sql for sql in asked)


def test_a_drawn_part_holds_whole_steps_and_whole_buckets(ask: Ask) -> None:
    """One step in three: each is read as it is read among all; a quarter of the buckets: their pairs and no others."""
    asked = Asked(Span(WINDOW.since, WINDOW.until), "swift", "e1")
    names = ("time_s", "cache", "connection", "total_us_n", "total_us", "ttft_us_n", "ttft_us")
    everything, drawn = (
        list(zip(*(columns[name] for name in names), strict=True))
        for columns in (alike_rows(ask, asked, step_s=10, one_in=k) for k in (1, 3))
    )
    steps = {row[0] for row in drawn}
    assert 0 < len(steps) < len({row[0] for row in everything})
    assert drawn == [row for row in everything if row[0] in steps]
    assert sum(model_rows(ask, asked, buckets=64)["n"]) == sum(row["bucket"] < 64 for row in SWIFT)


def test_an_empty_window_is_unknown(ask: Ask) -> None:
    empty = Window(START - timedelta(days=9), START - timedelta(days=8))
    assert read_surroundings(ask, empty, EXPERIMENTS, SETTING)["swift"] == Surroundings()


def test_rows_without_the_columns_are_unknown() -> None:
    """A file with latencies only: one stratum that says so; one with costs only: nothing at all."""
    plain = {"ts": START, "primary_outcome": "ok", "candidate_outcome": "ok"}
    timed = [{**plain, "primary_total_ms": 10, "candidate_total_ms": 12.5}] * 3
    assert surroundings_of_rows(timed, SETTING) == Surroundings(
        alike=Alike(1, (int(START.timestamp()),), (4,), (4,), (3,), (7500,), (0,), (0,))
    )
    assert surroundings_of_rows([{**plain, "primary_cost_usd": 1}] * 3, SETTING) == Surroundings()
    assert surroundings_of_rows([], SETTING) == Surroundings()


def test_rows_without_a_time_share_one_step() -> None:
    row = {"primary_outcome": "ok", "candidate_outcome": "ok", "primary_total_ms": 1.0, "candidate_total_ms": 2.0}
    alike = surroundings_of_rows([row, row], SETTING).alike
    assert alike is not None
    assert (alike.keys, alike.total_us_n, alike.total_us) == ((0,), (2,), (2000,))


def test_names_beyond_the_most_frequent_are_added_up() -> None:
    """Fifty are kept; the order is that of their frequency, and an arm whose answers name nothing has none."""
    at = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
    rows = [{"ts": at, "primary_model": f"m{i:02}"} for i in range(60) for _ in range(60 - i)]
    models = surroundings_of_rows(rows, SETTING).models
    assert [m.model for m in models] == [*(f"m{i:02}" for i in range(50)), ""]
    assert {m.arm for m in models} == {"primary"}
    assert models[0].n == (60,)
    assert models[-1].n == (sum(range(1, 11)),)
    assert models[0].hours == (int(at.timestamp()) - 1800,)


def test_what_is_read_goes_through_json_unchanged(ask: Ask) -> None:
    adapter = TypeAdapter(Surroundings)
    for found in read_surroundings(ask, WINDOW, EXPERIMENTS, SETTING).values():
        assert adapter.validate_json(adapter.dump_json(found)) == found
