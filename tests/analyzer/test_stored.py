"""The store's answers against numpy on the same rows: the SQL of every metric means what its Python means."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from analyzer.audit import Patience, audit
from analyzer.measures import MEASURES, Measure
from analyzer.source import Experiment, Window
from analyzer.stats.mean import PairedSums
from analyzer.stats.ratio import RatioSums
from analyzer.stored import StoredPairs
from analyzer.study import Plan, known_candidates, study
from analyzer.verdict import Verdict
from config.model import Store
from store.locate import close, connect
from store.reader import Reader
from tests.analyzer.conftest import COUNTED, stored_pairs, stored_skips
from tests.analyzer.fake_source import FakeSource, grouped_sums
from tests.analyzer.rows import START

WINDOW = Window(START, START + timedelta(hours=1))
NOW = START + timedelta(hours=3)


@pytest.fixture(scope="module")
def source(filled_store: Store) -> Iterator[StoredPairs]:
    client = connect(filled_store, access="reader", start_owner=False)
    yield StoredPairs(Reader(client).columns)
    close(client)


def _judged_rows() -> list[dict[str, Any]]:
    """Pairs, and copies that were never sent because of the candidate."""
    unavailable = [{**row, "candidate_outcome": "unavailable"} for row in stored_skips() if row["reason"] != "budget"]
    return [*stored_pairs(), *unavailable]


def _by_id(source: StoredPairs) -> dict[str, Experiment]:
    return {e.id: e for e in source.experiments(WINDOW)}


@pytest.mark.parametrize("measure", MEASURES, ids=lambda m: m.metric)
@pytest.mark.parametrize("experiment", ["e1", "e2", "e0"])
def test_sums_of_every_metric_are_those_of_numpy(source: StoredPairs, measure: Measure, experiment: str) -> None:
    asked = _by_id(source)[experiment]
    theirs = source.sums(WINDOW, [asked], [measure])[asked.candidate, experiment][measure.metric]
    ours = grouped_sums(measure, [row for row in _judged_rows() if row["experiment"] == experiment])
    assert ours is not None
    for there, here in ((theirs.blocks, ours.blocks), (theirs.buckets, ours.buckets)):
        np.testing.assert_array_equal(there.n, here.n)
        if isinstance(there, PairedSums) and isinstance(here, PairedSums):
            for name in ("primary", "candidate", "difference"):
                np.testing.assert_allclose(getattr(there, name), getattr(here, name), rtol=1e-9, atol=1e-9)
            scale = float(here.centred_squares.max()) + 1e-30
            np.testing.assert_allclose(there.centred_squares, here.centred_squares, rtol=1e-7, atol=1e-9 * scale)
        else:
            assert isinstance(there, RatioSums)
            assert isinstance(here, RatioSums)
            np.testing.assert_allclose(there.sums, here.sums, rtol=1e-9)
            np.testing.assert_allclose(there.products, here.products, rtol=1e-9)


def test_a_study_of_the_store_is_the_study_of_its_rows(source: StoredPairs) -> None:
    """Every number of every metric, from SQL and from numpy, to nine digits."""
    plan = Plan(WINDOW, ("sage", "control"))
    theirs = study(source, plan, now=NOW)
    ours = study(FakeSource(stored_pairs(), COUNTED), plan, now=NOW)
    for there, here in zip(theirs.candidates, ours.candidates, strict=True):
        for row, expected in zip(there.comparisons, here.comparisons, strict=True):
            assert (row.n, row.blocks, row.verdict, row.reason) == (
                expected.n,
                expected.blocks,
                expected.verdict,
                expected.reason,
            )
            for name in ("primary", "candidate", "difference", "p_value", "design_effect"):
                number, other = getattr(row, name), getattr(expected, name)
                assert number == (None if other is None else pytest.approx(other, rel=1e-9, abs=1e-12)), name


def test_plain_differences_come_out_of_the_store(source: StoredPairs) -> None:
    (sage,) = study(source, Plan(WINDOW, ("sage",)), now=NOW).candidates
    verdicts = {row.measure.metric: row.verdict for row in sage.comparisons}
    assert (verdicts["total_ms"], verdicts["cost_usd"]) == (Verdict.WORSE, Verdict.WORSE)
    assert sage.integrity.control is not None
    assert sage.integrity.control.differs == ()


def test_experiments_are_told_apart(source: StoredPairs) -> None:
    found = _by_id(source)
    assert {name: e.pairs for name, e in found.items()} == {"e1": 850, "e-next": 40, "e2": 900, "e0": 500}
    expected = {e.id: e for e in FakeSource(stored_pairs()).experiments(WINDOW)}
    assert found == expected


def test_states_are_the_sums_of_the_counters(source: StoredPairs) -> None:
    assert source.states(WINDOW) == COUNTED


def test_conversations_are_weighted_by_their_size(source: StoredPairs) -> None:
    sizes: dict[int, int] = {}
    for row in stored_pairs():
        if row["candidate"] == "sage":
            sizes[row["conversation"]] = sizes.get(row["conversation"], 0) + 1
    expected = sum(m * m for m in sizes.values()) / sum(sizes.values())
    assert source.requests_per_conversation(WINDOW)["sage"] == pytest.approx(expected)


def test_the_window_is_half_open_to_the_microsecond(source: StoredPairs) -> None:
    first = min(row["ts"] for row in stored_pairs())
    just_after = first + timedelta(microseconds=1)
    assert sum(e.pairs for e in source.experiments(Window(START, first))) == 0
    assert sum(e.pairs for e in source.experiments(Window(START, just_after))) == 1
    assert sum(e.pairs for e in source.experiments(Window(just_after, WINDOW.until))) == len(stored_pairs()) - 1


def test_an_empty_window_is_empty_and_no_error(source: StoredPairs) -> None:
    empty = Window(START - timedelta(days=9), START - timedelta(days=8))
    assert known_candidates(source, empty) == ()
    (swift,) = study(source, Plan(empty, ("swift",)), now=NOW).candidates
    assert (swift.pairs, swift.states) == (0, {})


def test_the_audit_of_the_store_adds_up_and_fails_when_counts_are_wrong(source: StoredPairs) -> None:
    patience = Patience(NOW, timedelta(minutes=6), quiet=True)
    hours = source.hours(WINDOW)
    lines = {line.candidate: line for line in audit(hours, patience)}
    assert {name: line.fault for name, line in lines.items()} == {"control": None, "sage": None, "swift": None}
    assert (lines["swift"].pairs, lines["swift"].skip_rows) == (890, 20)
    assert lines["swift"].skips == {"budget": 8, "max_in_flight": 4, "breaker_open": 8}


def test_the_engine_names_its_version(source: StoredPairs) -> None:
    assert source.version()[:1].isdigit()


def test_estimated_tokens_are_counted_and_calibrated_as_numpy_does(source: StoredPairs) -> None:
    """Pairs whose tokens are estimates, and reported over estimated sums of the legs that have both."""
    ours = {e.id: e for e in FakeSource(stored_pairs()).experiments(WINDOW)}
    for theirs in source.experiments(WINDOW):
        here = ours[theirs.id]
        for name in ("estimated_primary", "estimated_candidate", "estimated_both"):
            assert getattr(theirs, name) == getattr(here, name), name
        for name in ("estimator_error_primary", "estimator_error_candidate"):
            number, other = getattr(theirs, name), getattr(here, name)
            assert number == (None if other is None else pytest.approx(other, rel=1e-9)), name
