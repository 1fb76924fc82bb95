"""The rows that the benchmarks of the store make are such as it takes, and stand for what they say."""

import importlib.util
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from bench import rolled, rollups, store_size
from bench.measured import Measured
from bench.owned_store import OwnedStore
from bench.recordings import Recording
from bench.stored_rows import StoredRows, payloads, uuid7
from store.comparison import Span
from store.rollups.tables import ROLLUPS, SKIPPED

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
TEXTS = [(Recording(f"Say {n}.", "a", f"{n} " * 50), Recording(f"Say {n}.", "b", f"No, {n}. " * 40)) for n in range(7)]
MEASURED = Measured("2026-01-01 00:00 UTC", "python -m bench.rollups", "a machine", {}, {})


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("the embedded engine is not installed: pip install shadowbench[embedded]")
    return tmp_path_factory.mktemp("bench-store")


def test_every_panel_of_the_live_view_finds_its_rows(directory: Path) -> None:
    traffic = rolled.Traffic(NOW, days=1, values=3, pairs=10_000)
    with OwnedStore(directory / "views") as store:
        for statement in rolled.statements(traffic):
            store.run(statement)
        rows = {rollup.name: store.one(f"SELECT count() FROM {rollup.name}")[0] for rollup in ROLLUPS}
        for question in rollups.questions().values():
            assert question(store.reader(), Span(traffic.since, NOW))
        store.restart()
        assert store.one("SELECT count() > 0 FROM rollup_blocks")[0]
    assert rows.pop(SKIPPED.name) == 0
    assert all(rows.values())


def test_sizes_and_inserts_are_measured_for_rows_that_the_store_takes(directory: Path) -> None:
    found = store_size.measure(directory / "size", 1000, TEXTS)
    assert found.pairs == 1000
    assert set(found.variants) >= {(v.table, v.name) for v in store_size.VARIANTS}
    assert sum(found.columns.values()) > 0
    assert "1,000 pairs" in store_size.section_of(found, MEASURED)


def test_a_batch_has_every_candidate_of_each_request_and_texts_of_both_sides() -> None:
    begin = NOW - timedelta(hours=1)
    rows = StoredRows(seed=1, begin=begin, per_second=10, candidates=["x", "y"]).batch(10, "b")
    assert [row[2] for row in rows] == ["x", "y"] * 5
    assert len({row[0] for row in rows}) == 5
    texts = payloads(rows, TEXTS, "b")
    assert [row[1] for row in texts] == ["primary", "x", "primary", "y"] * 5
    assert all(row[4] for row in texts[::2])


def test_ids_are_in_the_order_of_time() -> None:
    ids = [uuid7(NOW + timedelta(milliseconds=n), Random(n)) for n in range(50)]
    assert [i.int for i in ids] == sorted(i.int for i in ids)
    assert {(i.version, i.variant) for i in ids} == {(7, "specified in RFC 4122")}


def test_the_section_has_a_row_for_every_question() -> None:
    traffic = rolled.Traffic(NOW)
    found = rollups.Found(rows={"rollup_blocks": (2, 1, 2**20)})
    for name in (*rollups.questions(), rollups.TOGETHER):
        found.views[name, rollups.DAYS] = rollups.Times(30.0, [10.0, 20.0], 15.0)
    for kept in ("with rollups", "without rollups"):
        found.inserts[f"pairs and texts, {kept}", 1000] = 10.0 if kept.startswith("without") else 15.0
    text = rollups.section_of(rollups.Plan(traffic, 2, 1), found, MEASURED)
    assert text.count("30 days |") == len(rollups.questions()) + 1
    figures = rollups.figures_of(found)
    assert figures["live_view_warm_ms"].value == 15.0
    assert figures["insert_cpu_vs_without_1000"].value == 1.5
