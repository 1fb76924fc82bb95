"""A store's answers against sums in Python: whichever way a window is read, and however the engine has merged it."""

import importlib.util
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.figures import Threshold, WeighedSums
from analyzer.measures import BY_NAME, Arm, Measure, Shown, Value
from analyzer.reading import Sums
from analyzer.source import Experiment, Window
from analyzer.stored import StoredPairs
from store import tables
from store.comparison import Span
from store.locate import StoreConnection, close, connect
from store.reader import Reader
from store.rollups import layout
from store.rollups.tables import BLOCKS, BUCKETS, HISTOGRAMS, LABEL_BUCKETS, LABELED
from store.rollups.vectors import GAMMA
from store.writer import Writer
from tests.analyzer.rows import as_values
from tests.analyzer.stored_rows import (
    CAP_MS,
    HOUR,
    JUDGED,
    NEW_ROWS,
    NOW,
    OLD,
    OLD_DAY,
    OLD_ROWS,
    OLD_SKIPS,
    RECENT,
    SETTING,
    WINDOW,
    by_key,
    nonzero,
)
from tests.store.owners import store_at, transient
from tests.store.rollups.conftest import unavailable
from tests.store.rollups.oracle import as_outcome, below, bins, restricted, statistics

Row = Mapping[str, Any]


class Filled:
    def __init__(self, writer: Client, reader: Client) -> None:
        self.writer = writer
        self.ask = Reader(reader).columns

    def source(self) -> StoredPairs:
        """One that has settled nothing yet."""
        return StoredPairs(self.ask)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("the embedded engine is not installed: pip install shadowbench[embedded]")
    directory: Path = tmp_path_factory.mktemp("stored-pairs")
    with transient(directory):
        store = store_at(directory)
        writer = Writer(StoreConnection(store, access="writer"))
        for number, rows in enumerate((OLD_ROWS[:300], OLD_ROWS[300:], NEW_ROWS)):
            writer.insert("pairs", as_values(tables.PAIRS, rows), f"pairs-{number}")
        writer.insert("skips", as_values(tables.SKIPS, OLD_SKIPS), "skips")
        writer.insert("judgements", as_values(tables.JUDGEMENTS, JUDGED), "judgements")
        writer.close()
        clients = [connect(store, access=access, start_owner=False) for access in ("writer", "reader")]
        yield Filled(*clients)
        for client in clients:
            close(client)


def _experiments(*ids: str) -> list[Experiment]:
    return [Experiment("swift", name, 1, NOW, NOW, 0.1, 0.1, 0, 0, 0, 0, 0) for name in ids]


def _expected(rows: Sequence[Row], skips: Sequence[Row] = ()) -> dict[str, int]:
    """Sums of the rollups' definitions, with restricted means of the two times."""
    found = statistics(rows, unavailable(skips))
    mended = restricted(rows, round(CAP_MS * 1000))
    names = ("n", "primary", "candidate", "primary_2", "candidate_2", "cross", "difference_3")
    for series in ("total_us", "ttft_us"):
        for name in names:
            found[f"{series}_{name}"] = mended.get(f"{series}_{name}", 0)
    return {name: value for name, value in found.items() if value}


def _grouped(
    rows: Sequence[Row], skips: Sequence[Row], key: Callable[[Row], int], names: set[str]
) -> dict[int, dict[str, int]]:
    groups: dict[int, tuple[list[Row], list[Row]]] = defaultdict(lambda: ([], []))
    for place, of in enumerate((rows, unavailable(skips))):
        for row in of:
            groups[key(row)][place].append(row)
    found = {k: {n: x for n, x in _expected(*of).items() if n in names} for k, of in groups.items()}
    return {k: sums for k, sums in found.items() if sums}


def _held(sums: Sums, rows: Sequence[Row], skips: Sequence[Row], step_s: int) -> None:
    """Everything in `sums` is what the rows give."""
    names = set(sums.blocks.sums)
    assert {name: value for name, value in sums.totals.items() if value} == _expected(rows, skips)
    assert by_key(sums.blocks) == _grouped(rows, skips, lambda r: _second(r) // step_s * step_s, names)
    assert by_key(sums.buckets) == _grouped(rows, skips, lambda r: int(r["bucket"]), names)
    failed = [as_outcome(skip) for skip in unavailable(skips)]
    found = {(name, b): n for name, h in sums.histograms.items() for b, n in zip(h.bins, h.pairs, strict=True)}
    assert found == dict(bins([*rows, *failed], GAMMA))
    assert list(sums.blocks.keys) == sorted(sums.blocks.keys)


def _second(row: Row) -> int:
    return int(row["block"].timestamp())


def _read_by_rollups(monkeypatch: pytest.MonkeyPatch, end_pairs: int = 10**6) -> None:
    """As if there were too many pairs to look at each."""
    monkeypatch.setattr(layout, "DIRECT_PAIRS", 0)
    monkeypatch.setattr(layout, "_END_PAIRS", end_pairs)
    monkeypatch.setattr(layout, "_END_SHARE", 0.0)


def test_few_pairs_are_added_up_one_by_one(filled: Filled) -> None:
    source = filled.source()
    window, notes = source.cut(WINDOW, NOW)
    assert (window, notes) == (WINDOW, ())
    _held(source.sums(window, _experiments("e-old"), SETTING)["swift"], OLD_ROWS, OLD_SKIPS, 1)


@pytest.mark.parametrize("is_merged", [False, True])
def test_many_pairs_are_read_from_rollups_with_the_same_result(
    filled: Filled, monkeypatch: pytest.MonkeyPatch, is_merged: bool
) -> None:
    """Old rows by the hour, before and after the engine has merged them to hours and days."""
    _read_by_rollups(monkeypatch)
    if is_merged:
        for rollup in (BLOCKS, BUCKETS, HISTOGRAMS, LABELED):
            filled.writer.command(f"OPTIMIZE TABLE {rollup.name} FINAL")
    source = filled.source()
    window, notes = source.cut(WINDOW, NOW)
    assert (window, notes) == (WINDOW, ())
    _held(source.sums(window, _experiments("e-old"), SETTING)["swift"], OLD_ROWS, OLD_SKIPS, 3600)


def test_a_window_that_holds_all_of_its_hours_is_read_from_rollups(filled: Filled) -> None:
    """A short trial that has ended: its blocks are known, and nothing lies beside it."""
    source = filled.source()
    asked = Window(RECENT - timedelta(minutes=23), RECENT + 12 * HOUR + timedelta(minutes=4))
    window, notes = source.cut(asked, NOW)
    assert (window, notes) == (asked, ())
    how = layout.layout(filled.ask, Span(asked.since, asked.until), NOW)
    assert (how.middle, how.ends) == (Span(RECENT - HOUR, RECENT + 13 * HOUR), ())
    _held(source.sums(window, _experiments("e-new"), SETTING)["swift"], NEW_ROWS, [], 1)
    beside = layout.layout(filled.ask, Span(RECENT + timedelta(minutes=5), asked.until), NOW)
    assert beside.middle is None


def test_rollups_and_pairs_before_and_after_them_give_one_sum(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    _read_by_rollups(monkeypatch)
    source = filled.source()
    asked = Window(RECENT + timedelta(minutes=17), RECENT + 9 * HOUR + timedelta(minutes=43))
    window, notes = source.cut(asked, NOW)
    assert (window, notes) == (asked, ())
    inside = [row for row in NEW_ROWS if window.since <= row["block"] < window.until]
    assert len(inside) > 300
    _held(source.sums(window, _experiments("e-new"), SETTING)["swift"], inside, [], 1)


def test_a_window_is_cut_where_its_ends_hold_many_pairs_and_says_so(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    _read_by_rollups(monkeypatch, end_pairs=3)
    source = filled.source()
    asked = Window(RECENT + timedelta(minutes=17), RECENT + 9 * HOUR + timedelta(minutes=43))
    window, notes = source.cut(asked, NOW)
    assert window == Window(RECENT + HOUR, RECENT + 9 * HOUR)
    shown = f"{RECENT + HOUR:%Y-%m-%d %H:%M} UTC instead of {asked.since:%Y-%m-%d %H:%M}"
    assert notes[0].startswith(f"the window begins at {shown}: ")
    assert len(notes) == 2
    inside = [row for row in NEW_ROWS if window.since <= row["block"] < window.until]
    _held(source.sums(window, _experiments("e-new"), SETTING)["swift"], inside, [], 1)


AT = (
    Threshold("total_ms", 0.5, 400.0, 320.0),
    Threshold("total_ms", 0.95, 900.0, 750.0),
    Threshold("total_ms", 0.99, 1200.0, 1000.0),
    Threshold("ttft_ms", 0.5, 55.0, 45.0),
    Threshold("itl_ms", 0.9, 25.0, 25.0),
)


@pytest.mark.parametrize("by_rollups", [False, True])
@pytest.mark.parametrize("is_known", [False, True])
def test_counts_at_thresholds_are_exact_in_the_groups_of_the_sums(
    filled: Filled, monkeypatch: pytest.MonkeyPatch, by_rollups: bool, is_known: bool
) -> None:
    """Whether the largest group is known, from the sums, or not."""
    if by_rollups:
        _read_by_rollups(monkeypatch)
    source = filled.source()
    window, _ = source.cut(WINDOW, NOW)
    experiments = _experiments("e-old")
    if is_known:
        source.sums(window, experiments, SETTING)
    found = source.counts(window, experiments, {"swift": AT})["swift"]
    assert [of.at for of in found] == list(AT)
    rows = [*OLD_ROWS, *(as_outcome(skip) for skip in unavailable(OLD_SKIPS))]
    step_s = 3600 if by_rollups else 1
    keys = [_second(row) // step_s * step_s for row in rows], [int(row["bucket"]) for row in rows]
    for of in found:
        limits = of.at.metric, of.at.primary_ms, of.at.candidate_ms
        assert of.both == below(rows, *limits)[3]
        for table, places in zip((of.blocks, of.buckets), keys, strict=True):
            groups = defaultdict(list)
            for place, row in zip(places, rows, strict=True):
                groups[place].append(row)
            expected = {k: below(mine, *limits)[:3] for k, mine in groups.items()}
            columns = zip(table.n, table.primary, table.candidate, strict=True)
            assert {k: c for k, c in zip(table.keys, columns, strict=True) if any(c)} == {
                k: c for k, c in expected.items() if any(c)
            }


_MOMENTS = st.integers(0, 12 * 3600 * 10**6).map(lambda us: OLD + timedelta(microseconds=us))


@settings(max_examples=4, deadline=None)
@given(first=_MOMENTS, second=_MOMENTS, third=_MOMENTS)
def test_any_split_of_a_window_adds_up(filled: Filled, first: datetime, second: datetime, third: datetime) -> None:
    """Few pairs are parted to the microsecond."""
    a, b, c = (moment - OLD_DAY for moment in sorted((first, second, third)))
    found = [_counted(filled, OLD_DAY + since, OLD_DAY + until) for since, until in ((a, b), (b, c), (a, c))]
    assert found[0] + found[1] == found[2]


def _counted(filled: Filled, since: datetime, until: datetime) -> Counter[tuple[str, int]]:
    """Pairs below thresholds, by group."""
    found: Counter[tuple[str, int]] = Counter()
    for of in filled.source().counts(Window(since, until), _experiments("e-old"), {"swift": AT})["swift"]:
        for kind, table in (("block", of.blocks), ("bucket", of.buckets)):
            for column in (table.n, table.primary, table.candidate):
                found.update({(kind, key): n for key, n in zip(table.keys, column, strict=True) if n})
    return found


def test_sums_add_up_where_a_window_is_parted_within_a_block(filled: Filled) -> None:
    moment = OLD_ROWS[350]["ts"]
    windows = Window(OLD_DAY, moment), Window(moment, WINDOW.until)
    parts = [filled.source().sums(window, _experiments("e-old"), SETTING) for window in windows]
    found = Counter[str]()
    for part in parts:
        for name, value in part["swift"].totals.items() if part else ():
            found[name] += value
    assert nonzero(found) == _expected(OLD_ROWS, OLD_SKIPS)


@pytest.mark.parametrize("by_rollups", [False, True])
def test_labels_hold_the_pairs_of_their_most_frequent_values(
    filled: Filled, monkeypatch: pytest.MonkeyPatch, by_rollups: bool
) -> None:
    if by_rollups:
        _read_by_rollups(monkeypatch)
    monkeypatch.setattr("analyzer.stored_sums.MAX_LABEL_VALUES", 3)
    source = filled.source()
    window, _ = source.cut(WINDOW, NOW)
    found = source.sums(window, _experiments("e-old"), SETTING)["swift"].labels
    assert sorted({table.label for table in found}) == ["route", "tenant"]
    assert len([table for table in found if table.label == "tenant"]) == 3
    for table in found:
        rows, skips = (
            [row for row in of if row["labels"].get(table.label) == table.value] for of in (OLD_ROWS, OLD_SKIPS)
        )
        expected = {n: x for n, x in statistics(rows, unavailable(skips)).items() if n in table.blocks.sums and x}
        for part in (table.blocks, table.buckets):
            assert {n: sum(values) for n, values in part.sums.items() if sum(values)} == expected
        assert set(table.buckets.keys) <= set(range(LABEL_BUCKETS))
        if by_rollups:
            assert table.blocks.keys == (int(OLD_DAY.timestamp()),)


def _number(column: str) -> Callable[[Row, Arm], float | None]:
    return lambda row, arm: row.get(f"{arm}_{column}")


PLUGGED = (
    Measure(
        "longer_answers",
        Shown("longer answers", "chars"),
        "chars",
        None,
        "mean",
        Value("toFloat64({arm}_total_ms)", _number("total_ms")),
        BY_NAME["output_tokens"].counts,
        origin="pairs",
    ),
    Measure(
        "ms_per_token",
        Shown("time per token", "ms"),
        "ms",
        "lower",
        "ratio",
        Value("toFloat64({arm}_total_ms)", _number("total_ms")),
        BY_NAME["output_tokens"].counts,
        per=Value("toFloat64({arm}_output_tokens)", _number("output_tokens")),
        origin="pairs",
    ),
)


def test_metrics_of_plug_ins_are_added_up_from_the_pairs(filled: Filled) -> None:
    found = {o.metric: o for o in filled.source().others(WINDOW, _experiments("e-old"), PLUGGED)["swift"]}
    for measure in PLUGGED:
        taken = [(row, t) for row in OLD_ROWS if (t := measure.taken(row)) is not None]
        parts = [(row, (t[0], 1.0, t[1], 1.0) if measure.per is None else t) for row, t in taken]
        other = found[measure.metric]
        _weighed(other.blocks, parts, _second)
        _weighed(other.buckets, parts, lambda row: int(row["bucket"]))
        cubes = sum((t[0] - t[1]) ** 3 for _, t in taken) if measure.per is None else None
        assert other.blocks.cubes == (None if cubes is None else pytest.approx(cubes))


def _weighed(found: WeighedSums, parts: Sequence[tuple[Row, Sequence[float]]], key: Callable[[Row], int]) -> None:
    groups: dict[int, list[Sequence[float]]] = defaultdict(list)
    for row, values in parts:
        groups[key(row)].append(values)
    assert dict(zip(found.keys, found.n, strict=True)) == {k: len(of) for k, of in groups.items()}
    for k, sums in zip(found.keys, found.sums, strict=True):
        assert sums == pytest.approx([sum(column) for column in zip(*groups[k], strict=True)], rel=1e-9)
    for i, row_of in enumerate(found.products):
        assert row_of == pytest.approx([sum(v[i] * v[j] for _, v in parts) for j in range(4)], rel=1e-9)


def _newest() -> dict[Any, list[Row]]:
    """Request -> the newest judgement of each judge."""
    newest = {(row["request_id"], row["judge"]): row for row in sorted(JUDGED, key=lambda row: row["judged_at"])}
    found: dict[Any, list[Row]] = defaultdict(list)
    for (request, _), judgement in newest.items():
        found[request].append(judgement)
    return found


def _mean(rows: Sequence[Row], name: str) -> float | None:
    known = [row[name] for row in rows if row.get(name) is not None]
    return sum(known) / len(known) if known else None


def test_judgements_are_weighted_and_the_newest_of_each_judge_counts(filled: Filled) -> None:
    measures = [BY_NAME[name] for name in ("judge_preference", "win_rate", "judge_score")]
    found = {o.metric: o for o in filled.source().others(WINDOW, _experiments("e-old"), measures)["swift"]}
    parts: dict[str, list[tuple[Row, Sequence[float]]]] = defaultdict(list)
    for rows in _newest().values():
        w, p = 1 / rows[0]["inclusion_probability"], _mean(rows, "preference")
        assert p is not None
        win = 1.0 if p > 0 else 0.5 if p == 0 else 0.0
        parts["judge_preference"].append((rows[0], (w * p, w, 0.0, w)))
        parts["win_rate"].append((rows[0], (w * win, w, w * 0.5, w)))
        scores = _mean(rows, "score_candidate"), _mean(rows, "score_primary")
        if scores[0] is not None and scores[1] is not None:
            parts["judge_score"].append((rows[0], (w * scores[0], w, w * scores[1], w)))
    for name, of in parts.items():
        _weighed(found[name].blocks, of, _second)
        _weighed(found[name].buckets, of, lambda row: int(row["bucket"]))
        assert found[name].blocks.cubes is None


def test_what_nobody_measured_or_judged_is_left_out(filled: Filled) -> None:
    measures = [*PLUGGED, BY_NAME["judge_score"]]
    source = filled.source()
    empty = Window(OLD_DAY - timedelta(days=9), OLD_DAY - timedelta(days=8))
    assert source.others(empty, _experiments("e-old"), measures) == {"swift": ()}
    assert source.others(WINDOW, _experiments("e-none"), measures) == {"swift": ()}
    assert source.sums(empty, _experiments("e-old"), SETTING) == {}
    assert source.experiments(empty) == []
    counted = source.counts(empty, _experiments("e-old"), {"swift": AT})["swift"]
    assert {(of.blocks.keys, of.both) for of in counted} == {((), 0)}
