"""What is read of the sample, against Python on the same rows."""

import math
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from analyzer.integrity.figures import Conduct, HourSums
from analyzer.integrity.filed import conduct_of_rows
from analyzer.integrity.stored import read_conduct
from analyzer.reading import Setting
from analyzer.source import Window
from record.finish import CUT_SHORT
from store.comparison import Ask
from store.rollups.vectors import GAMMA, ZERO_BIN
from tests.analyzer.integrity.conftest import (
    CONTROL,
    CONTROL_PAIRS,
    COUNTED,
    EXPERIMENT,
    OTHER_PAIRS,
    PAIRS,
    SKIPS,
    WINDOW,
    Row,
)

CAP_MS = 900.0
SETTING = Setting(caps_ms={"swift": CAP_MS}, loop_lag_ms=20.0)
OURS = [row for row in SKIPS if row["reason"] in {"memory", "shutdown"}]


@pytest.fixture(scope="module")
def read(ask: Ask) -> dict[str, Conduct]:
    return read_conduct(ask, WINDOW, [EXPERIMENT, CONTROL], SETTING)


@pytest.fixture(scope="module")
def swift(read: dict[str, Conduct]) -> Conduct:
    return read["swift"]


def _us(ms: float) -> int:
    return round(ms * 1000)


def _hours(rows: Iterable[Row]) -> dict[int, Counter[str]]:
    """Rows and sums of the primary's figures where it answered."""
    found: dict[int, Counter[str]] = {}
    for row in rows:
        hour = int(row["ts"].timestamp()) // 3600 * 3600
        sums = found.setdefault(hour, Counter())
        sums["rows"] += 1
        estimated = row["primary_tokens_estimated"]
        tokens = row.get("primary_estimated_output_tokens" if estimated else "primary_output_tokens")
        time = row.get("primary_total_ms")
        for name, value in (("total_us", None if time is None else _us(time)), ("output_tokens", tokens)):
            if row["primary_outcome"] == "ok" and value is not None:
                sums.update({f"{name}_n": 1, name: value, f"{name}_2": value**2})
    return found


def _same(of: HourSums, wanted: dict[int, Counter[str]], *names: str) -> None:
    assert of.hours == tuple(sorted(wanted))
    for name in names:
        assert of.sums[name] == tuple(wanted[hour][name] for hour in of.hours), name


def test_buckets_hold_every_sampled_request_of_all_experiments(read: dict[str, Conduct]) -> None:
    for candidate, rows in (("swift", [*PAIRS, *SKIPS, *OTHER_PAIRS]), ("control", CONTROL_PAIRS)):
        counted = Counter(row["bucket"] for row in rows)
        assert read[candidate].buckets == tuple(counted[b] for b in range(256))


def test_kept_and_skipped_requests_are_summed_by_hour(swift: Conduct) -> None:
    names = ("rows", "total_us_n", "total_us", "total_us_2")
    assert swift.kept is not None
    _same(swift.kept, _hours(PAIRS), *names)
    assert set(swift.skipped) == {row["reason"] for row in SKIPS}
    for reason, sums in swift.skipped.items():
        _same(
            sums,
            _hours(row for row in SKIPS if row["reason"] == reason),
            *names,
            "output_tokens_n",
            "output_tokens",
            "output_tokens_2",
        )


def test_labels_of_skipped_requests_are_counted(swift: Conduct) -> None:
    wanted = Counter((row["reason"], name, value) for row in SKIPS for name, value in row["labels"].items())
    wanted.update((row["reason"], "", "") for row in SKIPS)
    assert {(c.reason, c.label, c.value): c.requests for c in swift.skipped_labels} == dict(wanted)


def test_start_skew_and_busy_loops_are_those_of_the_pairs(swift: Conduct) -> None:
    skews = [row["start_skew_ms"] for row in PAIRS if row["start_skew_ms"] is not None]
    lags = [row["loop_lag_ms"] for row in PAIRS if row["loop_lag_ms"] is not None]
    start = swift.start
    assert start is not None
    assert (start.pairs, start.sum_us) == (len(skews), sum(map(_us, skews)))
    assert (start.watched, start.busy) == (len(lags), sum(lag > 20 for lag in lags))
    assert start.p99_ms == pytest.approx(np.quantile(skews, 0.99, method="inverted_cdf"), rel=0.02)


def _unavailable(row: Row) -> Row:
    return {**row, "candidate_outcome": "unavailable", "held_ms": 0.0, "gateway_cache": False, "changed": ["n"]}


def test_strata_hold_everything_that_was_not_lost(swift: Conduct) -> None:
    kept = [*PAIRS, *(_unavailable(row) for row in SKIPS if row["reason"] == "breaker_open")]
    left_out = [row for row in SKIPS if row["reason"] in {"budget", "stateful"}]
    assert (sum(s.kept for s in swift.strata), sum(s.left_out for s in swift.strata)) == (len(kept), len(left_out))
    streams = sum(row.get("primary_ttft_ms") is not None for row in [*kept, *left_out])
    assert sum(s.kept + s.left_out for s in swift.strata if s.is_streamed) == streams
    timed = [int(row["primary_outcome"] == "ok" and row.get("primary_total_ms") is not None) for row in kept]
    assert sum(s.kept for s in swift.strata if s.tenth < 10) == sum(timed)
    tenths = [sum(s.kept for s in swift.strata if s.tenth == k) for k in range(10)]
    # Ends of tenths are taken from the histogram of pairs that count for latency, a sample of all.
    assert min(tenths) > 0.06 * sum(tenths)
    assert max(tenths) < 0.14 * sum(tenths)


def _capped(row: Row, arm: str) -> int | None:
    if row[f"{arm}_outcome"] == "timeout":
        return _us(CAP_MS)
    time = row.get(f"{arm}_total_ms")
    return _us(min(time, CAP_MS)) if row[f"{arm}_outcome"] == "ok" and time is not None else None


def test_sums_over_all_strata_are_those_of_the_pairs(swift: Conduct) -> None:
    wanted: dict[str, list[tuple[int, int]]] = {"total_us": [], "cost_nanousd": [], "error": []}
    for row in [*PAIRS, *(_unavailable(row) for row in SKIPS if row["reason"] == "breaker_open")]:
        if "client_abort" in {row["primary_outcome"], row["candidate_outcome"]}:
            continue
        wanted["error"].append((row["primary_outcome"] != "ok", row["candidate_outcome"] != "ok"))
        times = _capped(row, "primary"), _capped(row, "candidate")
        alike = "n" not in row["changed"]
        if None not in times and alike and not row["held_ms"] and not row["gateway_cache"]:
            wanted["total_us"].append((times[0] or 0, times[1] or 0))
        costs = row.get("primary_cost_usd"), row.get("candidate_cost_usd")
        counted_alike = row["primary_tokens_estimated"] == row.get("candidate_tokens_estimated")
        if None not in costs and alike and counted_alike:
            wanted["cost_nanousd"].append((round((costs[0] or 0) * 1e9), round((costs[1] or 0) * 1e9)))
    for name, pairs in wanted.items():
        sums = tuple(map(sum, zip(*(s.sums[name] for s in swift.strata), strict=True)))
        assert sums == (len(pairs), sum(p for p, _ in pairs), sum(c for _, c in pairs)), name


def test_strata_are_read_only_where_enough_was_left_out(read: dict[str, Conduct]) -> None:
    assert read["control"].strata == ()


def test_lost_requests_are_those_with_rows_and_those_that_were_only_counted(read: dict[str, Conduct]) -> None:
    missing = read["swift"].missing
    assert missing is not None
    counted = sum(n for state, n in COUNTED["swift"].items() if state != "received")
    assert (missing.rows, missing.requests) == (len(OURS), counted)
    control = read["control"].missing
    assert control is not None
    assert control.requests == 0


def _outcome(row: Row) -> str:
    return str(row["primary_outcome"])


def _is_cut(row: Row) -> bool:
    return _outcome(row) != "ok" or str(row.get("primary_finish_reason") or "").lower() in CUT_SHORT


def _known(row: Row) -> dict[str, float | None]:
    """Measure -> the primary's value in a row that was lost; None: it may count, its value is not known."""
    outcome, ok = _outcome(row), _outcome(row) == "ok"
    found: dict[str, float | None] = {}
    if outcome in {"ok", "timeout"}:
        found["total_us"] = _us(min(row["primary_total_ms"], CAP_MS)) if ok else _us(CAP_MS)
    if outcome != "client_abort":
        found |= {"error": not ok, "timeout": outcome == "timeout"}
        cost = row.get("primary_cost_usd")
        found["cost_nanousd"] = None if cost is None else round(cost * 1e9)
    if ok and row.get("primary_ttft_ms") is not None:
        found["ttft_us_log"] = round(math.log(_us(min(row["primary_ttft_ms"], CAP_MS))) * 1e6)
    if ok:
        estimated = row["primary_tokens_estimated"]
        found["output_tokens"] = row.get("primary_estimated_output_tokens" if estimated else "primary_output_tokens")
        found["refusal"] = row["primary_refusal"]
    if outcome in {"ok", "truncated", "too_large"}:
        found["truncation"] = _is_cut(row)
    return found


@pytest.mark.parametrize(
    "name",
    ["total_us", "ttft_us_log", "error", "timeout", "cost_nanousd", "output_tokens", "refusal", "truncation"],
)
def test_the_primarys_figures_of_lost_requests_are_known(swift: Conduct, name: str) -> None:
    values = [_known(row).get(name, "never") for row in OURS]
    there = [int(value) for value in values if isinstance(value, int | float)]
    assert swift.missing is not None
    known = swift.missing.known[name]
    assert (known.n, known.never) == (len(there), values.count("never"))
    # The engine's logarithm may differ in the last place.
    assert known.sum == pytest.approx(sum(there), abs=len(there))


def test_times_of_lost_requests_are_binned_as_those_of_pairs_are(swift: Conduct) -> None:
    us = [_us(row["primary_total_ms"]) for row in OURS if _outcome(row) == "ok"]
    bins = Counter(ZERO_BIN if x == 0 else math.floor(math.log(x) / math.log(GAMMA)) for x in us)
    assert swift.missing is not None
    assert dict(swift.missing.bins["total_us"]) == dict(bins)


def test_the_largest_values_are_those_of_either_arm(swift: Conduct) -> None:
    assert swift.missing is not None

    def most(name: str) -> float:
        values = (row.get(f"{arm}_{name}") for row in PAIRS for arm in ("primary", "candidate"))
        return max(float(value) for value in values if value is not None)

    assert swift.missing.largest["cost_usd"] == pytest.approx(most("cost_usd"))
    assert "judge_score" not in swift.missing.largest


def test_what_was_read_can_be_written_down_and_read_again(swift: Conduct) -> None:
    kind: TypeAdapter[Any] = TypeAdapter(Conduct)
    assert kind.validate_json(kind.dump_json(swift)) == swift


def test_a_window_without_anything_says_nothing(ask: Ask) -> None:
    early = Window(WINDOW.since - timedelta(days=3), WINDOW.since - timedelta(days=2))
    empty = read_conduct(ask, early, [EXPERIMENT], SETTING)["swift"]
    assert (empty.buckets, empty.kept, empty.skipped, empty.strata, empty.start) == ((), None, {}, (), None)
    assert read_conduct(ask, WINDOW, [], SETTING) == {}


def test_a_file_says_of_its_rows_what_the_store_says_of_them(ask: Ask, read: dict[str, Conduct]) -> None:
    filed, stored = conduct_of_rows(CONTROL_PAIRS, SETTING), read["control"]
    assert filed.buckets == stored.buckets
    assert filed.start is not None
    assert stored.start is not None
    assert filed.start.p99_ms == pytest.approx(stored.start.p99_ms, rel=0.02)
    same = ("pairs", "sum_us", "watched", "busy")
    assert [getattr(filed.start, name) for name in same] == [getattr(stored.start, name) for name in same]


def test_a_file_without_columns_knows_nothing() -> None:
    assert conduct_of_rows([{"primary_total_ms": 3.0}, {"start_skew_ms": math.nan}], SETTING) == Conduct()
