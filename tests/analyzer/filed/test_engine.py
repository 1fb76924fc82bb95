"""A file and a store with the same pairs give the same answers, to the last digit."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta

import pytest

from analyzer.figures import CountTable, GroupTable, Threshold
from analyzer.filed.rows import rows_loaded
from analyzer.filed.source import FilePairs
from analyzer.reading import Setting
from analyzer.source import Window
from analyzer.stored import StoredPairs
from config.model import Store
from store.comparison import Ask, Span
from store.locate import close, connect
from store.reader import Reader
from store.rollups import reading
from tests.analyzer.conftest import stored_pairs, stored_skips
from tests.analyzer.fake_source import FakeSource
from tests.analyzer.filed.making import by_key, sums, without_zeros
from tests.analyzer.rows import START

WINDOW = Window(START - timedelta(days=1), START + timedelta(days=1))
SPAN = Span(WINDOW.since.replace(hour=0), WINDOW.until.replace(hour=0) + timedelta(days=1))
ROWS = [row for row in stored_pairs() if row["experiment"] in {"e-next", "e2", "e0"}]
SETTING = Setting(caps_ms={"swift": 400.0, "sage": 300_000.0, "control": 900.0})


@pytest.fixture(scope="module")
def ask(filled_store: Store) -> Iterator[Ask]:
    client = connect(filled_store, access="reader", start_owner=False)
    yield Reader(client).columns
    close(client)


@pytest.fixture(scope="module")
def filed() -> FilePairs:
    return FilePairs(rows_loaded(ROWS, what="rows"))


def by_hour(table: GroupTable) -> dict[int, dict[str, int]]:
    """A store may have merged its blocks to hours."""
    found: dict[int, Counter[str]] = {}
    for key, sums_ in by_key(table).items():
        found.setdefault(key // 3600 * 3600, Counter()).update(sums_)
    return {key: without_zeros(of) for key, of in found.items()}


def counted(table: CountTable) -> dict[int, tuple[int, int, int]]:
    found: dict[int, Counter[str]] = {}
    for key, n, primary, candidate in zip(table.keys, table.n, table.primary, table.candidate, strict=True):
        hour_or_bucket = key // 3600 * 3600 if key > 255 else key
        found.setdefault(hour_or_bucket, Counter()).update({"n": n, "primary": primary, "candidate": candidate})
    return {key: (of["n"], of["primary"], of["candidate"]) for key, of in found.items() if of["n"]}


@pytest.mark.parametrize(("candidate", "experiment"), [("swift", "e-next"), ("sage", "e2"), ("control", "e0")])
def test_sums_are_those_that_the_views_keep(ask: Ask, candidate: str, experiment: str) -> None:
    mine = sums([row for row in ROWS if row["candidate"] == candidate])
    kept = reading.total_sums(ask, SPAN, [experiment])
    assert mine.totals == {name: column[0] for name, column in kept.statistics.items()}
    kept = reading.bucket_sums(ask, SPAN, [experiment])
    theirs = GroupTable(tuple(kept.keys["bucket"]), {n: tuple(x) for n, x in kept.statistics.items()})
    assert by_key(mine.buckets) == by_key(theirs)
    kept = reading.block_sums(ask, SPAN, [experiment], step_s=3600, vectors=["counts", "sums"])
    theirs = GroupTable(tuple(kept.keys["time_s"]), {n: tuple(x) for n, x in kept.statistics.items()})
    assert by_hour(mine.blocks) == by_key(theirs)
    kept_bins = {
        (h.series, b): n
        for h in reading.histograms(ask, SPAN, [experiment])
        for b, n in zip(h.bins, h.pairs, strict=True)
    }
    assert {(s, b): n for s, h in mine.histograms.items() for b, n in zip(h.bins, h.pairs, strict=True)} == kept_bins


def test_both_sources_answer_alike(ask: Ask, filed: FilePairs) -> None:
    """Restricted means, exact counts and experiments, as the analyzer asks for them."""
    stored = StoredPairs(ask)
    window, _ = stored.cut(WINDOW, START + timedelta(days=100))
    experiments = [e for e in stored.experiments(window) if e.id in {"e-next", "e2", "e0"}]
    assert filed.experiments(window) == experiments
    theirs, mine = (source.sums(window, experiments, SETTING) for source in (stored, filed))
    assert mine.keys() == theirs.keys() == {"swift", "sage", "control"}
    for name, of in mine.items():
        assert of.totals == theirs[name].totals
        assert by_key(of.buckets) == by_key(theirs[name].buckets)
        assert by_hour(of.blocks) == by_hour(theirs[name].blocks)
        assert of.histograms == theirs[name].histograms
    asked: Mapping[str, list[Threshold]] = {
        "sage": [Threshold("total_ms", 0.5, 400.0, 640.0), Threshold("ttft_ms", 0.95, 120.0, 190.0)],
        "swift": [Threshold("itl_ms", 0.5, 20.1, 16.0)],
    }
    for name, found in filed.counts(window, experiments, asked).items():
        for one, other in zip(found, stored.counts(window, experiments, asked)[name], strict=True):
            assert (one.at, one.both) == (other.at, other.both)
            assert counted(one.blocks) == counted(other.blocks)
            assert counted(one.buckets) == counted(other.buckets)


def test_copies_that_were_never_sent_count_as_the_store_counts_them(ask: Ask) -> None:
    rows = [row for row in stored_pairs() if row["experiment"] == "e1"]
    source = FakeSource([*rows, *stored_skips()])
    stored = StoredPairs(ask)
    window, _ = stored.cut(WINDOW, START + timedelta(days=100))
    experiments = [e for e in stored.experiments(window) if e.id == "e1"]
    assert source.experiments(window) == experiments
    theirs, mine = (s.sums(window, experiments, Setting())["swift"] for s in (stored, source))
    assert mine.totals == theirs.totals
    assert mine.totals["unavailable"] == 12
