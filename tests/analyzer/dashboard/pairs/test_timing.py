"""Two bars on one axis: every place follows from the times, and what is not known is not drawn as if it were."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.dashboard.pairs.timing import Bar, Timing, timing
from tests.analyzer.dashboard.pairs.arms import arm, failed


def made(*arms: object) -> Timing:
    found = timing(*arms)  # type: ignore[arg-type]
    assert found is not None
    return found


def spans(bar: Bar) -> list[tuple[str, float, float]]:
    return [(one.kind, one.begin_ms, one.end_ms) for one in bar.stretches]


def share(text: str) -> float:
    assert text.endswith("%")
    return float(text[:-1]) / 100


def test_json_answers_are_waited_for_and_then_read() -> None:
    found = made(arm(ttfb_ms=400.0, total_ms=500.0), arm(ttfb_ms=900.0, total_ms=1000.0))
    assert spans(found.primary) == [("waiting", 0, 400), ("answering", 400, 500)]
    assert spans(found.candidate) == [("waiting", 0, 900), ("answering", 900, 1000)]
    assert [(one.x, one.width) for one in found.primary.stretches] == [("0%", "40%"), ("40%", "10%")]
    assert (found.primary.end, found.primary.end_x, found.candidate.end_x) == ("500 ms", "50%", "100%")
    assert (found.zero, found.kinds) == ("0%", ("waiting", "answering"))
    assert [(tick.x, tick.text) for tick in found.ticks] == [
        ("0%", "0 ms"), ("20%", "200 ms"), ("40%", "400 ms"), ("60%", "600 ms"), ("80%", "800 ms"), ("100%", "1000 ms")
    ]  # fmt: skip
    assert [found.ticks[0].anchor, found.ticks[1].anchor, found.ticks[-1].anchor] == ["start", "middle", "end"]


def test_a_stream_that_thinks_has_all_stretches() -> None:
    found = made(arm(connect_ms=50.0, ttfb_ms=100.0, ttfr_ms=200.0, ttft_ms=800.0, total_ms=950.0), arm(total_ms=950.0))
    assert spans(found.primary) == [
        ("connecting", -50, 0),
        ("waiting", 0, 100),
        ("opening", 100, 200),
        ("thinking", 200, 800),
        ("answering", 800, 950),
    ]
    assert found.kinds == ("connecting", "waiting", "opening", "thinking", "answering")
    assert found.zero == "5%", "connecting lies before the begin"
    assert found.said.startswith(
        "From the request's last byte to the answer's: the primary 950 ms (50 ms connecting, 100 ms until the first "
        "byte, 100 ms until the first word, 600 ms thinking, 150 ms answering), the candidate 950 ms ("
    )


def test_what_is_missing_is_part_of_what_lies_around_it() -> None:
    found = made(arm(ttfb_ms=None, ttft_ms=300.0, total_ms=400.0), arm(ttfb_ms=None, total_ms=400.0))
    assert spans(found.primary) == [("waiting", 0, 300), ("answering", 300, 400)]
    assert spans(found.candidate) == [("waiting", 0, 400)]


def test_an_end_that_nobody_knows_is_open() -> None:
    found = made(arm(total_ms=1000.0), failed("timeout", ttfb_ms=200.0, ttft_ms=300.0))
    kinds = [one.kind for one in found.candidate.stretches]
    assert kinds == ["waiting", "opening", "unknown"]
    assert (found.candidate.is_open, found.candidate.end, found.candidate.end_x) == (True, "end not known", "100%")
    assert share(found.primary.end_x) == pytest.approx(1000 / 1080, abs=1e-4)
    assert "not known how long after that" in found.said
    assert "1.08" not in found.said


def test_a_leg_that_was_never_sent_has_no_bar() -> None:
    found = made(arm(), failed("unavailable"))
    assert (found.candidate.stretches, found.candidate.end) == ((), "never sent")
    assert "the candidate never sent" in found.said
    assert found.kinds == ("waiting", "answering")
    assert made(arm(), failed("connect_error")).candidate.end == "no connection"
    assert made(arm(), failed("connect_error", ttfb_ms=5.0)).candidate.end == "end not known"


def test_without_any_time_there_is_nothing_to_draw() -> None:
    assert timing(failed(), failed("connect_error")) is None
    assert timing(failed("unavailable"), failed("unavailable")) is None
    assert timing(arm(ttfb_ms=0.0, total_ms=0.0), failed()) is None


_ms = st.none() | st.floats(-10, 1e7) | st.sampled_from([math.nan, math.inf, 0.0])


@given(st.lists(_ms, min_size=10, max_size=10))
def test_whatever_the_times_are_bars_lie_on_the_axis(ms: list[float | None]) -> None:
    names = ("connect_ms", "ttfb_ms", "ttfr_ms", "ttft_ms", "total_ms")
    arms = [arm(**dict(zip(names, own, strict=True))) for own in (ms[:5], ms[5:])]
    found = timing(*arms)
    if found is None:
        return
    for bar in (found.primary, found.candidate):
        assert bar.stretches
        at = -math.inf
        for one in bar.stretches:
            assert one.begin_ms >= at
            assert one.end_ms >= one.begin_ms
            at = one.end_ms
            assert share(one.x) >= 0
            assert share(one.width) > 0
            assert share(one.x) + share(one.width) <= 1.0002
    assert 1 <= len(found.ticks) <= 12
