"""Sums of a file's pairs are exactly those that Python's integers give from the metrics' own definitions."""

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.figures import MAX_LABEL_VALUES
from analyzer.filed.building import ColumnBuilder
from analyzer.filed.summing import MAX_STEPS, added_up, steps
from record.outcome import Outcome
from store.rollups.tables import LABELED
from store.rollups.vectors import FAILED_BIN, GAMMA, OF_PAIRS, ZERO_BIN
from tests.analyzer.filed.making import Row, by_key, grouped, sums, varied, without_zeros
from tests.analyzer.rows import random_rows
from tests.store.rollups import oracle

ROWS = varied(2000, seed=5)
LINEAR = {*OF_PAIRS.names("counts"), *OF_PAIRS.names("sums")}
ALL = {name for vector in OF_PAIRS.statistics for name in OF_PAIRS.names(vector)}


def linear(rows: list[Row], names: Any = LINEAR) -> dict[str, int]:
    return {name: x for name, x in oracle.statistics(rows).items() if x and name in names}


def test_every_statistic_is_what_the_metrics_definitions_give() -> None:
    found = sums(ROWS)
    assert set(found.totals) == ALL
    assert without_zeros(found.totals) == without_zeros(oracle.statistics(ROWS))
    assert len(without_zeros(found.totals)) > 130  # the rows leave hardly one out


def test_time_blocks_and_buckets_hold_their_pairs() -> None:
    found = sums(ROWS)
    assert set(found.blocks.sums) == set(found.buckets.sums) == LINEAR
    times = grouped(ROWS, lambda row: int(row["block"].timestamp()))
    assert by_key(found.blocks) == {key: linear(rows) for key, rows in times.items()}
    assert list(found.blocks.keys) == sorted(times)
    buckets = grouped(ROWS, lambda row: row["bucket"])
    assert by_key(found.buckets) == {key: linear(rows) for key, rows in buckets.items()}


def test_blocks_add_up_to_longer_steps() -> None:
    found = sums(ROWS, step_s=60)
    times = grouped(ROWS, lambda row: int(row["block"].timestamp()) // 60 * 60)
    assert by_key(found.blocks) == {key: linear(rows) for key, rows in times.items()}


def test_histograms_hold_both_arms_of_the_same_pairs_and_failures_beyond_all() -> None:
    found = sums(ROWS).histograms
    counted = {(s, b): n for s, h in found.items() for b, n in zip(h.bins, h.pairs, strict=True)}
    assert counted == dict(oracle.bins(ROWS, GAMMA))
    assert all(list(h.bins) == sorted(h.bins) for h in found.values())


def test_labels_hold_the_pairs_of_their_values() -> None:
    found = {(table.label, table.value): table for table in sums(ROWS).labels}
    names = {place.name for places in LABELED.vectors.values() for place in places}
    expected: dict[tuple[str, str], list[Row]] = {}
    for label in ("tenant", "route"):
        having = [row for row in ROWS if label in row["labels"]]
        expected |= {(label, v): rows for v, rows in grouped(having, lambda row, n=label: row["labels"][n]).items()}  # type: ignore[misc]
    assert found.keys() == expected.keys()
    for key, rows in expected.items():
        step_s = found[key].blocks.keys[1] - found[key].blocks.keys[0]
        times = grouped(rows, lambda row, s=step_s: int(row["block"].timestamp()) // s * s)  # type: ignore[misc]
        assert by_key(found[key].blocks) == {k: linear(r, names) for k, r in times.items()}
        buckets = grouped(rows, lambda row: row["bucket"] % 16)
        assert by_key(found[key].buckets) == {k: linear(r, names) for k, r in buckets.items()}
        assert set(found[key].blocks.sums) == names


def test_of_a_label_the_most_frequent_values_are_looked_at() -> None:
    rows = random_rows(400, seed=1)
    for i, row in enumerate(rows):
        row["labels"] = {"user": f"u{i}" if i % 2 else f"many{i % 8}"}
    tables = sums(rows).labels
    assert len(tables) == MAX_LABEL_VALUES
    assert {"many0", "many2", "many4", "many6"} <= {table.value for table in tables}


# Restricted means.


def restricted(row: Row, prefix: str, cap_us: int) -> tuple[int, int] | None:
    """(primary, candidate) by the words of `store.rollups.restricted`."""
    outcomes = [row["primary_outcome"], row["candidate_outcome"]]
    if "client_abort" in outcomes or row["held_ms"] or row["gateway_cache"] or "n" in row["changed"]:
        return None
    times = []
    for arm, outcome in zip(("primary", "candidate"), outcomes, strict=True):
        ms: float = row.get(f"{arm}_{prefix.replace('_us', '_ms')}") or math.nan
        is_known = math.isfinite(ms)
        if outcome == "timeout" and prefix == "total_us":
            times.append(cap_us)
        elif outcome in {"ok", "timeout"} and is_known:
            times.append(min(round(ms * 1000), cap_us))
        elif outcome == "timeout" and row["stream"]:
            times.append(cap_us)
        else:
            return None
    return times[0], times[1]


@pytest.mark.parametrize("cap_ms", [300_000, 500, 0])
def test_in_restricted_means_a_timeout_and_a_longer_answer_count_as_the_cap(cap_ms: int) -> None:
    rows = varied(2000, seed=8)
    for row in rows[::7]:
        row |= {"candidate_outcome": "timeout", "candidate_ttft_ms": 80.0 if row["stream"] else None}
    capped, plain = sums(rows, cap_us=cap_ms * 1000), sums(rows)
    changed = {name for name, x in capped.totals.items() if x != plain.totals[name]}
    for prefix in ("total_us", "ttft_us"):
        found: Counter[str] = Counter()
        for row in rows:
            if (both := restricted(row, prefix, cap_ms * 1000)) is not None:
                p, c = both
                found.update({"n": 1, "primary": p, "candidate": c, "primary_2": p * p, "candidate_2": c * c})
                found.update({"cross": p * c, "difference_3": (c - p) ** 3})
        assert {end: capped.totals[f"{prefix}_{end}"] for end in found} == dict(found)
        changed -= {f"{prefix}_{end}" for end in found}
    assert changed == set()  # everything else is as it was
    assert sum(capped.blocks.sums["total_us_n"]) == sum(capped.buckets.sums["total_us_n"]) > plain.totals["total_us_n"]


# Anything that a row may hold.

figures = st.none() | st.sampled_from([0.0, 0.0005, 0.0015, 1e15, 3_600_000.0, math.nan, math.inf]) | st.floats(0, 1e7)
tokens = st.none() | st.integers(0, 2**32 - 1)
flags = st.none() | st.booleans()


def arm(name: str) -> dict[str, st.SearchStrategy[Any]]:
    made = {
        "outcome": st.sampled_from(["ok"] * 6 + [o.value for o in Outcome]),
        "total_ms": figures,
        "ttft_ms": figures,
        "itl_ms": figures,
        "input_tokens": tokens,
        "output_tokens": tokens,
        "estimated_output_tokens": tokens,
        "tokens_estimated": st.booleans(),
        "cost_usd": st.none() | st.integers(0, 2 * 10**12).map(lambda nano: nano / 1e9),
        "finish_reason": st.sampled_from([None, "stop", "LENGTH"]),
        "refusal": flags,
        "valid_json": flags,
    }
    return {f"{name}_{column}": values for column, values in made.items()}


hostile = st.fixed_dictionaries(
    {
        **arm("primary"),
        **arm("candidate"),
        "held_ms": st.sampled_from([0.0, 0.0, 0.0, 1.0]),
        "gateway_cache": st.sampled_from([False, False, False, True]),
        "stream": flags,
        "changed": st.sampled_from([[], [], ["n"], ["store"]]),
        "exact_match": flags,
        "tool_call_agreement": st.none() | st.floats(0, 1) | st.just(math.nan),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(hostile, min_size=1, max_size=8))
def test_hostile_rows_add_up_like_any_others(rows: list[Row]) -> None:
    """But for values beyond the caps, which the metrics know nothing of: those have tests of their own."""
    placed = [{**random_rows(1, seed=1)[0], **row} for row in rows if not is_beyond_caps(row)]
    assert without_zeros(sums(placed).totals) == without_zeros(oracle.statistics(placed))


def is_beyond_caps(row: Row) -> bool:
    for arm_ in ("primary", "candidate"):
        total_ms, cost = row[f"{arm_}_total_ms"], row[f"{arm_}_cost_usd"]
        if cost is not None and cost > 1000:
            return True
        if total_ms is not None and 0 < total_ms < 0.01:  # more than a million tokens a second
            return True
        if (
            total_ms is not None
            and total_ms < 1e6
            and max(row[f"{a}_{n}output_tokens"] or 0 for a in ("primary", "candidate") for n in ("", "estimated_"))
            > 1000 * total_ms
        ):
            return True
    return False


def test_what_is_beyond_its_cap_counts_as_the_cap() -> None:
    row = random_rows(1, seed=3)[0] | {"held_ms": 0.0, "gateway_cache": False, "changed": [], "stream": True}
    for name in ("primary", "candidate"):
        row |= {f"{name}_outcome": "ok", f"{name}_total_ms": 1e15, f"{name}_cost_usd": 10**8, f"{name}_ttft_ms": 0.0}
        row |= {
            f"{name}_tokens_estimated": False,
            f"{name}_output_tokens": 2**32 - 1,
            f"{name}_input_tokens": 2**32 - 1,
        }
        row |= {f"{name}_itl_ms": None}
    found = sums([row] * 3)
    assert found.totals["total_us_primary"] == 3 * 3_600_000_000
    assert found.totals["total_us_primary_2"] == 3 * 3_600_000_000**2
    assert found.totals["cost_nanousd_candidate"] == 3 * 10**12
    assert found.totals["cost_per_token_y_primary"] == 3 * (2**33 - 2)
    assert found.totals["ttft_us_log_n"] == 0
    assert found.histograms["ttft_us_primary"].bins == (ZERO_BIN,)
    assert found.histograms["total_us_primary"].bins == (math.floor(math.log(3.6e9) / math.log(GAMMA)),)


def test_only_failures_leave_means_empty_and_fill_the_last_bin() -> None:
    rows = [row | {"candidate_outcome": "timeout"} for row in varied(300, seed=2)]
    found = sums(rows)
    assert found.totals["total_us_n"] == found.totals["output_tokens_n"] == 0
    assert set(found.histograms["total_us_candidate"].bins) == {FAILED_BIN}
    assert found.totals["error_candidate"] == found.totals["error_n"] > 0


def test_no_rows_have_no_sums() -> None:
    found = sums([])
    assert found.blocks.keys == found.buckets.keys == ()
    assert set(found.totals) == ALL
    assert not any(found.totals.values())
    assert found.histograms == {}
    assert found.labels == ()


def test_rows_in_many_chunks_and_batches_add_up_like_one(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sums(ROWS)
    monkeypatch.setattr("analyzer.filed.exact.CHUNK", 129)
    monkeypatch.setattr("analyzer.filed.building.BATCH_ROWS", 97)
    assert sums(ROWS) == whole


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=300), st.sampled_from([1, 60, 900]), st.integers(1, 40))
def test_steps_are_whole_blocks_and_not_more_than_asked(starts: list[int], block_s: int, most: int) -> None:
    blocks = np.array([start * block_s for start in starts], dtype=np.int64)
    step_s = steps(blocks, most)
    assert step_s % block_s == 0 or len(set(starts)) == 1
    assert len({block // step_s for block in blocks.tolist()}) <= most
    if len(set(starts)) <= most:
        assert len({block // step_s for block in blocks.tolist()}) == len(set(starts))


def test_a_month_of_minutes_has_no_more_than_the_most_steps() -> None:
    minutes = np.arange(0, 30 * 86_400, 60)
    assert MAX_STEPS / 2 < len(np.unique(minutes // steps(minutes))) <= MAX_STEPS
    assert steps(minutes[:0]) == 1


def test_chosen_rows_alone_are_added_up() -> None:
    builder = ColumnBuilder()
    for row in ROWS:
        builder.add(row)
    pairs, labels = builder.columns()
    chosen = np.arange(3, len(ROWS), 5)
    found = added_up(pairs, chosen, labels, step_s=1, cap_us=None)
    assert without_zeros(found.totals) == without_zeros(oracle.statistics([ROWS[i] for i in chosen]))
