"""When the primary is short of room, and when it only has a heavy tail."""

import csv
import gzip
import os
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.shadow.pressure import HOLD_NS, MAX_HOLD_NS, MIN_HOLD_NS, Pressure, _bin_of, _upper_edge_ns
from proxy.wire.heads import Headers

START_NS = 10**12
SECOND_NS = 10**9


def headers(name: bytes, value: bytes) -> Headers:
    return [(name.title(), name, value)]


@pytest.mark.parametrize("status", [429, 503, 529])
def test_it_is_on_at_once_and_for_a_while_when_the_primary_says_so(status: int) -> None:
    pressure = Pressure()
    assert not pressure.is_on(START_NS)
    pressure.refused(status, [], START_NS)
    assert pressure.is_on(START_NS)
    assert pressure.is_on(START_NS + HOLD_NS - 1)
    assert not pressure.is_on(START_NS + HOLD_NS)


@pytest.mark.parametrize("status", [200, 400, 401, 404, 500, 502])
def test_other_answers_are_no_lack_of_room(status: int) -> None:
    pressure = Pressure()
    pressure.refused(status, headers(b"retry-after", b"30"), START_NS)
    assert not pressure.is_on(START_NS)


@pytest.mark.parametrize(
    ("name", "value", "hold_ns"),
    [
        (b"retry-after", b"3", 3 * SECOND_NS),
        (b"retry-after", b" 3.5 ", 3 * SECOND_NS + SECOND_NS // 2),
        (b"retry-after-ms", b"2500", 2 * SECOND_NS + SECOND_NS // 2),
        (b"retry-after", b"0", MIN_HOLD_NS),
        (b"retry-after", b"86400", MAX_HOLD_NS),
        (b"retry-after", b"9" * 400, HOLD_NS),
        (b"retry-after", b"Wed, 21 Oct 2026 07:28:00 GMT", HOLD_NS),
        (b"retry-after", b"-5", HOLD_NS),
        (b"retry-after", b"nan", HOLD_NS),
        (b"retry-after", b"", HOLD_NS),
        (b"retry-after", b".5", HOLD_NS),
    ],
)
def test_what_the_primary_asks_for_is_honoured_within_bounds(name: bytes, value: bytes, hold_ns: int) -> None:
    pressure = Pressure()
    pressure.refused(429, headers(name, value), START_NS)
    assert pressure.until_ns == START_NS + hold_ns


@given(st.binary(max_size=20))
def test_no_value_of_the_header_breaks_it(value: bytes) -> None:
    pressure = Pressure()
    pressure.refused(429, headers(b"retry-after", value), START_NS)
    assert START_NS + MIN_HOLD_NS <= pressure.until_ns <= START_NS + MAX_HOLD_NS


def test_a_shorter_wish_does_not_end_a_longer_one() -> None:
    pressure = Pressure()
    pressure.refused(429, headers(b"retry-after", b"40"), START_NS)
    pressure.refused(429, headers(b"retry-after", b"1"), START_NS + SECOND_NS)
    pressure.failed(START_NS + SECOND_NS)
    assert pressure.until_ns == START_NS + 40 * SECOND_NS


def test_a_primary_that_cannot_be_reached_is_left_alone() -> None:
    pressure = Pressure()
    pressure.failed(START_NS)
    assert pressure.is_on(START_NS + HOLD_NS - 1)


@given(st.integers(0, 2**60))
def test_a_bin_holds_what_falls_into_it(ns: int) -> None:
    index = _bin_of(ns)
    assert 0 <= index < 128
    if 2**10 <= ns < 2**41:
        assert ns < _upper_edge_ns(index) <= ns * 1.25 + 1


def answers(pressure: Pressure, times_s: list[float], rate: float, seconds: float, start_s: float = 0) -> int:
    """Draws from `times_s` for so long; returns how often pressure began."""
    rng = random.Random(5)
    at_s, began = start_s, 0
    while at_s < start_s + seconds:
        at_s += rng.expovariate(rate)
        now_ns = START_NS + int(at_s * 1e9)
        was_on, before = pressure.is_on(now_ns), pressure.until_ns
        pressure.answered("chat/completions", int(rng.choice(times_s) * 1e9), now_ns, streamed=True)
        began += pressure.until_ns != before and not was_on
    return began


STEADY = [0.2 * 1.02**k for k in range(-20, 20)]


def test_a_threefold_slowdown_is_pressure_within_two_stretches_and_ends_with_it() -> None:
    pressure = Pressure()
    assert answers(pressure, STEADY, 50, 60) == 0
    assert answers(pressure, [3 * t for t in STEADY], 50, 7, start_s=60) == 1
    assert answers(pressure, STEADY, 50, 60, start_s=67) == 0
    assert not pressure.is_on(START_NS + int(127e9))


def test_before_the_band_is_known_nothing_is_late() -> None:
    pressure = Pressure()
    assert answers(pressure, STEADY, 50, 3) == 0
    assert answers(pressure, [10 * t for t in STEADY], 50, 10, start_s=3) == 0


def test_kinds_of_calls_have_bands_of_their_own() -> None:
    """Embeddings in milliseconds beside whole answers in seconds."""
    pressure = Pressure()
    for number in range(20_000):
        now_ns = START_NS + number * SECOND_NS // 100
        # Their mix changes in the middle from mostly quick to mostly slow.
        slow = number % 10 < (1 if number < 10_000 else 9)
        pressure.answered(
            "responses" if slow else "embeddings", SECOND_NS * 20 if slow else 10**7, now_ns, streamed=slow
        )
        assert not pressure.is_on(now_ns)


def recorded() -> Iterator[tuple[str, list[float]]]:
    folder = Path(os.environ.get("SHADOWBENCH_SHARED", "")) / "data" / "latency"
    sets: dict[str, list[float]] = defaultdict(list)
    with gzip.open(folder / "llmperf_requests.csv.gz", "rt") as lines:
        for row in csv.DictReader(lines):
            if not row["error_code"] and row["ttft_s"]:
                sets["first byte, " + row["config"]].append(float(row["ttft_s"]))
                sets["whole, " + row["config"]].append(float(row["total_s"]))
    with gzip.open(folder / "api_processing_ms.csv.gz", "rt") as lines:
        for row in csv.DictReader(lines):
            if value := row["processing_ms"] or row["upstream_service_ms"]:
                sets[f"{row['endpoint']}, stream {row['stream']}"].append(float(value) / 1e3)
    return ((name, times) for name, times in sets.items() if len(times) >= 30)


@pytest.mark.skipif("SHADOWBENCH_SHARED" not in os.environ, reason="SHADOWBENCH_SHARED names no folder of recordings")
def test_latencies_of_real_models_never_trip_it() -> None:
    """Each set in its recorded order over and over, and drawn at random."""
    for name, times_s in recorded():
        assert answers(Pressure(), times_s, 5, 900) == 0, name
        in_order = Pressure()
        for number in range(5_000):
            now_ns = START_NS + number * SECOND_NS // 5
            in_order.answered("x", int(times_s[number % len(times_s)] * 1e9), now_ns, streamed=False)
            assert not in_order.is_on(now_ns), name
