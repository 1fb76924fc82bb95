"""A study of some of the pairs is the study of a file that holds these pairs and no others."""

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from analyzer import narrowed as narrowed_module
from analyzer.answering import Question, answer
from analyzer.metrics import METRICS
from analyzer.narrowed import NarrowedPairs
from analyzer.results import Study
from analyzer.source import Window
from config.model import Store
from store import tables
from store.comparison import Ask
from store.locate import StoreConnection, close, connect
from store.narrowing import MAX_LABELS, Narrowing, narrowed
from store.reader import Reader
from store.writer import Writer
from tests.analyzer.fake_source import FakeSource
from tests.analyzer.rows import START, as_values, random_rows, skip_row
from tests.store.owners import store_at, transient

WINDOW = Window(START - timedelta(hours=1), START + timedelta(hours=2))
HOSTILE = "a'b\\`c\n); DROP TABLE pairs --{x:String}"


def _rows() -> list[dict[str, Any]]:
    rows = [*random_rows(700, seed=21), *random_rows(700, seed=21, candidate="sage", experiment="e2", speed=1.5)]
    for i, row in enumerate(rows):
        row["labels"] = {"tenant": ["acme", "zeta", HOSTILE][i % 3], "tier": ["free", "paid"][i % 2]}
        row["endpoint"] = ["chat/completions", "messages"][i % 5 == 0]
        row["primary_model"] = ["gpt", "gpt-new"][i % 4 == 0]
        row["stream"] = i % 7 != 0
    return rows


ROWS = _rows()


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("the embedded engine is not installed: pip install shadowbench[embedded]")
    directory: Path = tmp_path_factory.mktemp("narrowed-store")
    with transient(directory):
        store: Store = store_at(directory)
        writer = Writer(StoreConnection(store, access="writer"))
        writer.insert("pairs", as_values(tables.PAIRS, ROWS), "pairs-1")
        skips = [skip_row({**row, "labels": {"tenant": "acme"}}, "max_in_flight") for row in random_rows(9, seed=5)]
        writer.insert("skips", as_values(tables.SKIPS, skips), "skips-1")
        writer.close()
        client = connect(store, access="reader", start_owner=False)
        yield Reader(client).columns
        close(client)


def study_of(source: Any) -> Study:
    return answer(source, Question(None, WINDOW, (), "anytime", None, METRICS), WINDOW.until).study


CASES: list[tuple[Narrowing, Callable[[Mapping[str, Any]], bool]]] = [
    (Narrowing(labels={"tenant": "zeta"}), lambda row: row["labels"]["tenant"] == "zeta"),
    (
        Narrowing(labels={"tenant": HOSTILE, "tier": "free"}, endpoint="messages"),
        lambda row: row["labels"] == {"tenant": HOSTILE, "tier": "free"} and row["endpoint"] == "messages",
    ),
    (
        Narrowing(endpoint="chat/completions", stream=True, model="gpt"),
        lambda row: (row["endpoint"], row["stream"], row["primary_model"]) == ("chat/completions", True, "gpt"),
    ),
]


@pytest.mark.parametrize(("narrowing", "holds"), CASES)
def test_it_is_the_study_of_a_file_with_these_pairs(
    ask: Ask, narrowing: Narrowing, holds: Callable[[Mapping[str, Any]], bool]
) -> None:
    chosen = [row for row in ROWS if holds(row)]
    found = study_of(NarrowedPairs(ask, narrowing))
    expected = study_of(FakeSource(chosen))
    assert {c.name for c in found.candidates} == {"swift", "sage"}
    for mine, theirs in zip(
        sorted(found.candidates, key=lambda c: c.name), sorted(expected.candidates, key=lambda c: c.name), strict=True
    ):
        assert mine.pairs == theirs.pairs == sum(row["candidate"] == mine.name for row in chosen)
        for one, other in zip(mine.comparisons, theirs.comparisons, strict=True):
            assert (one.metric.key, one.n) == (other.metric.key, other.n)
            assert (one.difference is None) == (other.difference is None)
            if one.difference is not None:
                assert one.difference == pytest.approx(other.difference, rel=1e-9, abs=1e-12), one.metric.key
        assert set(mine.states) == {"pair"}


def test_copies_that_were_never_sent_count_where_they_can_be_told(ask: Ask) -> None:
    """They have labels, and no endpoint."""
    errors = [
        row
        for narrowing in (Narrowing(labels={"tenant": "acme"}), Narrowing(labels={"tenant": "acme"}, stream=True))
        for c in study_of(NarrowedPairs(ask, narrowing)).candidates
        for row in c.comparisons
        if c.name == "swift" and row.metric.name == "error_rate"
    ]
    acme = [r for r in ROWS if r["candidate"] == "swift" and r["labels"]["tenant"] == "acme"]
    stayed = [r for r in acme if "client_abort" not in {r["primary_outcome"], r["candidate_outcome"]}]
    assert errors[0].n == len(stayed) + 9
    assert errors[1].n == sum(r["stream"] for r in stayed)


def test_too_much_is_cut_to_the_latest_and_said(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(narrowed_module, "DIRECT_PAIRS", 100)
    found = study_of(NarrowedPairs(ask, Narrowing(stream=True)))
    streams = sorted((row["ts"] for row in ROWS if row["stream"]), reverse=True)
    assert sum(c.pairs for c in found.candidates) >= 100
    assert found.window.since == streams[99]
    assert "the latest 100" in found.notes[0]


def test_a_part_without_pairs_is_empty(ask: Ask) -> None:
    assert study_of(NarrowedPairs(ask, Narrowing(labels={"tenant": "nobody"}))).candidates == ()


def test_labels_are_bounded(ask: Ask) -> None:
    with pytest.raises(ValueError, match="at most 16 labels"):
        narrowed(ask, Narrowing(labels={f"l{i}": "x" for i in range(MAX_LABELS + 1)}), "shadowbench")
