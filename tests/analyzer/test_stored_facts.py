"""What a store says before anything is compared: experiments, states, hours; and that its figures are those of rows."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from analyzer.audit import Patience, audit
from analyzer.gathering import gather
from analyzer.plan import Plan
from analyzer.reading import Setting
from analyzer.source import Window
from analyzer.stored import StoredPairs
from config.model import Store
from store.locate import close, connect
from store.reader import Reader
from tests.analyzer.conftest import COUNTED, stored_pairs, stored_skips
from tests.analyzer.fake_source import FakeSource
from tests.analyzer.rows import START
from tests.analyzer.stored_rows import CAP_MS, HOUR, by_key, nonzero
from tests.store.rollups.oracle import statistics


@pytest.fixture(scope="module")
def source(filled_store: Store) -> Iterator[StoredPairs]:
    client = connect(filled_store, access="reader", start_owner=False)
    yield StoredPairs(Reader(client).columns)
    close(client)


HOUR_OF_ALL = Window(START, START + HOUR)


def test_figures_of_a_store_are_those_of_its_rows(source: StoredPairs) -> None:
    """Everything that a study is computed from, asked of the engine and of Python rows (`analyzer.filed`)."""
    rows = FakeSource([*stored_pairs(), *stored_skips()], COUNTED)
    plan = Plan(HOUR_OF_ALL, ("sage", "swift"))
    here, there = (
        gather(of, plan, Setting(block_s=1.0, caps_ms={"sage": CAP_MS}), now=START + 3 * HOUR) for of in (rows, source)
    )
    assert set(there.compared) == {"sage", "swift", "control"}
    for name, compared in there.compared.items():
        expected = here.compared[name]
        assert nonzero(compared.totals) == nonzero(expected.totals)
        for table, other in ((compared.blocks, expected.blocks), (compared.buckets, expected.buckets)):
            assert by_key(table) == by_key(other)
        assert compared.histograms == expected.histograms
        for counted, exact in zip(compared.quantiles, expected.quantiles, strict=True):
            assert (counted.at, counted.both) == (exact.at, exact.both)
            assert [sum(column) for column in (counted.blocks.n, counted.buckets.candidate)] == [
                sum(column) for column in (exact.blocks.n, exact.buckets.candidate)
            ]


def test_experiments_are_told_apart(source: StoredPairs) -> None:
    found = {e.id: e for e in source.experiments(HOUR_OF_ALL)}
    assert {name: e.pairs for name, e in found.items()} == {"e1": 850, "e-next": 40, "e2": 900, "e0": 500}
    for name, experiment in found.items():
        rows = [row for row in stored_pairs() if row["experiment"] == name]
        expected = statistics(rows)
        states = ("held", "gateway_cached", "client_aborts", "failures_primary", "failures_candidate")
        assert {s: getattr(experiment, s) for s in states} == {s: expected[s] for s in states}
        assert (experiment.first, experiment.last) == (min(r["ts"] for r in rows), max(r["ts"] for r in rows))
        estimated = {arm: sum(r[f"{arm}_tokens_estimated"] for r in rows) for arm in ("primary", "candidate")}
        assert (experiment.estimated_primary, experiment.estimated_candidate) == tuple(estimated.values())


def test_how_far_estimated_tokens_are_off_is_told_from_legs_that_have_both(source: StoredPairs) -> None:
    for experiment in source.experiments(HOUR_OF_ALL):
        rows = [row for row in stored_pairs() if row["experiment"] == experiment.id]
        for arm, found in (
            ("primary", experiment.estimator_error_primary),
            ("candidate", experiment.estimator_error_candidate),
        ):
            names = [f"{arm}_{how}{kind}_tokens" for kind in ("input", "output") for how in ("", "estimated_")]
            both = [
                row
                for row in rows
                if not row[f"{arm}_tokens_estimated"] and all(row.get(name) is not None for name in names)
            ]
            sums = [sum(row[name] for row in both) for name in names]
            expected = max(abs(sums[0] / sums[1] - 1), abs(sums[2] / sums[3] - 1)) if len(both) >= 30 else None
            assert found == (None if expected is None else pytest.approx(expected))


def test_states_are_the_sums_of_the_counters(source: StoredPairs) -> None:
    assert source.states(HOUR_OF_ALL) == COUNTED


def test_the_window_is_half_open_to_the_microsecond(source: StoredPairs) -> None:
    first = min(row["ts"] for row in stored_pairs())
    just_after = first + timedelta(microseconds=1)
    assert sum(e.pairs for e in source.experiments(Window(START, first))) == 0
    assert sum(e.pairs for e in source.experiments(Window(START, just_after))) == 1
    assert sum(e.pairs for e in source.experiments(Window(just_after, START + HOUR))) == len(stored_pairs()) - 1


def test_the_audit_of_the_store_adds_up_and_fails_when_counts_are_wrong(source: StoredPairs) -> None:
    patience = Patience(START + 3 * HOUR, timedelta(minutes=6), quiet=True)
    lines = {line.candidate: line for line in audit(source.hours(HOUR_OF_ALL), patience)}
    assert {name: line.fault for name, line in lines.items()} == {"control": None, "sage": None, "swift": None}
    assert (lines["swift"].pairs, lines["swift"].skip_rows) == (890, len(stored_skips()))
    assert lines["swift"].skips == {"budget": 8, "max_in_flight": 4, "breaker_open": 8}


def test_the_engine_names_its_version(source: StoredPairs) -> None:
    assert source.version()[:1].isdigit()
