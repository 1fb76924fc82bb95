"""Sums that views keep: exactly what the rows give, in every grouping, however the rows came."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from store.rollups import reading
from store.rollups.reading import HOUR_S, Sums
from store.rollups.vectors import GAMMA, OF_PAIRS
from tests.store.rollups.conftest import BEGIN, SPAN, Filled, made, made_skips, unavailable
from tests.store.rollups.oracle import bins, hour_of, statistics

Row = Mapping[str, Any]


def by_key(sums: Sums, *names: str) -> dict[tuple[Any, ...], dict[str, int]]:
    keys = list(zip(*(sums.keys[name] for name in names), strict=True))
    return {key: {n: values[i] for n, values in sums.statistics.items()} for i, key in enumerate(keys)}


def without_zeros(found: Mapping[Any, Mapping[str, int]]) -> dict[Any, dict[str, int]]:
    return {key: {name: x for name, x in values.items() if x} for key, values in found.items()}


def grouped(
    rows: Sequence[Row], skips: Sequence[Row], key: Callable[[Row], tuple[Any, ...]]
) -> dict[Any, dict[str, int]]:
    pairs_of, skips_of = defaultdict(list), defaultdict(list)
    for row in rows:
        pairs_of[key(row)].append(row)
    for skip in unavailable(skips):
        skips_of[key(skip)].append(skip)
    return {k: statistics(pairs_of[k], skips_of[k]) for k in {*pairs_of, *skips_of}}


@pytest.fixture
def rows(filled: Filled, experiment: str) -> tuple[list[Row], list[Row]]:
    """Pairs in three batches and skips in one."""
    pairs, skips = made(600, seed=3, experiment=experiment), made_skips(60, seed=4, experiment=experiment)
    for first in range(0, 600, 200):
        filled.pairs(pairs[first : first + 200])
    filled.skips(skips)
    return list(pairs), list(skips)


def test_every_statistic_is_what_the_metrics_definitions_give(
    filled: Filled, experiment: str, rows: tuple[list[Row], list[Row]]
) -> None:
    """Of the whole: `analyzer.measures` says which pairs count and with which values, Python adds them up."""
    pairs, skips = rows
    found = by_key(reading.total_sums(filled.ask, SPAN, [experiment]), "candidate")
    expected = statistics(pairs, unavailable(skips))
    assert {name for vector in OF_PAIRS.statistics for name in OF_PAIRS.names(vector)} >= set(expected)
    assert without_zeros(found) == without_zeros({("swift",): expected})
    assert len([name for name, value in expected.items() if value]) > 130  # the rows leave hardly one out


def test_time_blocks_hold_their_pairs(filled: Filled, experiment: str, rows: tuple[list[Row], list[Row]]) -> None:
    found = reading.block_sums(filled.ask, SPAN, [experiment], step_s=60)
    expected = grouped(*rows, lambda row: (int(row["block"].timestamp()),))
    assert without_zeros(by_key(found, "time_s")) == without_zeros(expected)


def test_blocks_add_up_to_longer_ones(filled: Filled, experiment: str, rows: tuple[list[Row], list[Row]]) -> None:
    found = reading.block_sums(filled.ask, SPAN, [experiment], step_s=2 * HOUR_S, vectors=["cubes"])
    expected = grouped(*rows, lambda row: (int(row["block"].timestamp()) // 7200 * 7200,))
    cubes = set(OF_PAIRS.names("cubes"))
    assert set(found.statistics) == cubes
    only = {key: {n: x for n, x in values.items() if n in cubes} for key, values in expected.items()}
    assert without_zeros(by_key(found, "time_s")) == without_zeros(only)


def linear(expected: Mapping[Any, Mapping[str, int]], names: Sequence[str]) -> dict[Any, dict[str, int]]:
    return {key: {n: x for n, x in values.items() if n in names} for key, values in expected.items()}


def test_conversation_buckets_hold_their_pairs(
    filled: Filled, experiment: str, rows: tuple[list[Row], list[Row]]
) -> None:
    found = reading.bucket_sums(filled.ask, SPAN, [experiment])
    expected = grouped(*rows, lambda row: (row["bucket"],))
    assert without_zeros(by_key(found, "bucket")) == without_zeros(linear(expected, list(found.statistics)))
    assert set(found.statistics) == {*OF_PAIRS.names("counts"), *OF_PAIRS.names("sums")}


@pytest.mark.parametrize("by", ["", "time", "bucket"])
def test_labels_hold_their_pairs(filled: Filled, experiment: str, rows: tuple[list[Row], list[Row]], by: Any) -> None:
    """Together, by hour, and by folded conversation bucket. A request with two labels counts in both."""
    found = reading.label_sums(filled.ask, SPAN, [experiment], by=by, step_s=HOUR_S)
    third: Mapping[str, Callable[[Row], tuple[Any, ...]]] = {
        "": lambda row: (),
        "time": lambda row: (int(hour_of(row["block"]).timestamp()),),
        "bucket": lambda row: (row["bucket"] % 16,),
    }
    expected: dict[Any, dict[str, int]] = {}
    for name in ("tenant", "route"):
        pairs, skips = ([row for row in of if name in row["labels"]] for of in rows)
        expected |= grouped(pairs, skips, lambda row, n=name: (n, row["labels"][n], *third[by](row)))  # type: ignore[misc]
    names = ["label_name", "label_value", *({"time": ["time_s"], "bucket": ["bucket"]}.get(by, []))]
    assert without_zeros(by_key(found, *names)) == without_zeros(linear(expected, list(found.statistics)))
    one = reading.label_sums(filled.ask, SPAN, [experiment], name="route")
    assert set(one.keys["label_name"]) == {"route"}


def test_histograms_hold_both_arms_of_the_same_pairs_and_failures_beyond_all(
    filled: Filled, experiment: str, rows: tuple[list[Row], list[Row]]
) -> None:
    pairs, skips = rows
    found = {
        h.series: dict(zip(h.bins, h.pairs, strict=True)) for h in reading.histograms(filled.ask, SPAN, [experiment])
    }
    as_pairs = [{**s, "candidate_outcome": "unavailable", "held_ms": 0.0, "gateway_cache": False} for s in skips]
    for skip in as_pairs:
        skip |= {
            "candidate_total_ms": None,
            "candidate_ttft_ms": None,
            "candidate_itl_ms": None,
            "stream": None,
            "changed": [],
        }
    expected = bins([*pairs, *(s for s in as_pairs if s["reason"] != "budget")], GAMMA)
    assert {(series, place): n for series, bins_ in found.items() for place, n in bins_.items()} == dict(expected)
    assert all(list(bins_) == sorted(bins_) for bins_ in found.values())


def test_skips_stand_by_reason_with_the_primarys_figures(
    filled: Filled, experiment: str, rows: tuple[list[Row], list[Row]]
) -> None:
    found = by_key(reading.skip_sums(filled.ask, SPAN, [experiment]), "reason")
    for reason in ("breaker_open", "budget", "max_in_flight"):
        skips = [skip for skip in rows[1] if skip["reason"] == reason]
        kept = statistics(
            [{**s, "candidate_outcome": "", "held_ms": 0, "gateway_cache": False, "changed": []} for s in skips]
        )
        expected = {n.replace("kept_", "skipped_"): x for n, x in kept.items() if n.startswith("kept_")}
        assert found[reason,] == {"skips": len(skips), **expected}


def test_a_window_holds_the_blocks_that_begin_in_it(
    filled: Filled, experiment: str, rows: tuple[list[Row], list[Row]]
) -> None:
    since, until = BEGIN + timedelta(hours=2, minutes=3), BEGIN + timedelta(hours=9)
    inside = [[row for row in of if since <= row["block"] < until] for of in rows]
    span = type(SPAN)(since, until)
    found = by_key(reading.total_sums(filled.ask, span, [experiment]), "candidate")
    assert without_zeros(found) == without_zeros({("swift",): statistics(inside[0], unavailable(inside[1]))})
    assert by_key(reading.total_sums(filled.ask, span, ["no-such"]), "candidate") == {}
