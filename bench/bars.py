"""Bars of data plane and recorder, and what was measured against them: `python -m bench.bars` writes the table."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measured import DIRECTORY, Figure, Measured, load
from bench.results import PATH, table, write_section

SECTION = "bars"
_BENCHMARKS = ("mirror", "latency", "isolation", "streams", "recorder", "rollups", "report", "visible")


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure that must not be larger than `required`, and would better not be larger than `goal`."""

    benchmark: str
    figure: str
    text: str
    required: float
    goal: float | None = None
    unit: str = ""
    digits: int = 2


BARS = (
    Bar(
        "mirror",
        "cpu_vs_nginx_saturated",
        "CPU per mirrored and captured exchange, 1.2 kB, saturated, v nginx's mirror",
        1.0,
        0.6,
        "x",
    ),
    Bar("mirror", "cpu_vs_envoy_saturated", "the same v Envoy's mirror", 0.6, 0.4, "x"),
    Bar("mirror", "cpu_vs_nginx_single", "the same, one request at a time, v nginx's mirror", 1.0, 0.6, "x"),
    Bar("mirror", "cpu_vs_envoy_single", "the same, one request at a time, v Envoy's mirror", 0.6, 0.4, "x"),
    Bar("latency", "added_p50_ms", "added latency at 2,000 requests/s, p50", 0.3, unit=" ms", digits=3),
    Bar("latency", "added_p99_ms", "added latency at 2,000 requests/s, p99", 1.0, unit=" ms", digits=3),
    Bar("latency", "rate_per_s", "the rate of these two, requests/s (at least)", 2_000, digits=0),
    Bar("latency", "worker_share", "the worker's share of its core meanwhile", 0.5),
    Bar("isolation", "scenarios", "ways in which the shadow side was broken (at least)", 9, digits=0),
    Bar("isolation", "runs", "interleaved pairs of runs of each (at least)", 10, digits=0),
    Bar("isolation", "stall_s", "how long the disk stalled (at least)", 30, unit=" s", digits=0),
    Bar("isolation", "failed_primary", "primary requests that failed while the shadow side was broken", 0, digits=0),
    Bar("isolation", "p99_difference_ms", "primary p99 with mirroring minus without, worst scenario", 1.0, unit=" ms"),
    Bar(
        "isolation",
        "worker_killed_others",
        "requests that failed on other workers' connections when one was killed",
        0,
        digits=0,
    ),
    Bar(
        "isolation",
        "worker_killed_reconnect_s",
        "new connections after a worker was killed: slowest answer",
        1.0,
        unit=" s",
    ),
    Bar("isolation", "unaccounted", "requests that the audit cannot place", 0, digits=0),
    Bar("isolation", "start_s", "`serve`: from the command to the first answer", 1.5, unit=" s"),
    Bar("streams", "streams", "concurrent mirrored streams on one worker (at least)", 6_000, digits=0),
    Bar("streams", "memory_kb_per_stream", "memory per stream", 20, unit=" kB", digits=1),
    Bar("streams", "chunk_p99_ms", "chunk in to chunk out, p99", 50, unit=" ms", digits=1),
    Bar("streams", "cpu_per_chunk_vs_envoy", "CPU per chunk v Envoy's mirror", 0.75, unit="x"),
    Bar("recorder", "pairs_per_s_json", "recorder, pairs/s and core, JSON answers (at least)", 4_000, digits=0),
    Bar("recorder", "pairs_per_s_streams", "the same, streams of 50 events (at least)", 1_500, digits=0),
    Bar("recorder", "visible_p99_s", "a pair is seen after its later leg's end, p99", 2.0, unit=" s"),
    Bar(
        "visible", "page_visible_worst_s", "a pair is on the live page after its later leg's end, worst", 2.0, unit=" s"
    ),
    Bar("rollups", "live_view_warm_ms", "live view over 30 days of 100 million pairs, warm", 300, unit=" ms", digits=0),
    Bar("report", "report_s", "full report over 10 million requests with 3 candidates", 5.0, unit=" s", digits=1),
    Bar("report", "memory_mib", "memory of the store and the report together, at most", 2048, unit=" MiB", digits=0),
)
"""Those of the design that belong to the data plane, and to what understands it."""
AT_LEAST = frozenset(
    {"streams", "rate_per_s", "scenarios", "runs", "stall_s", "pairs_per_s_json", "pairs_per_s_streams"}
)
"""Figures that must not be smaller."""


def verdict(bar: Bar, figure: Figure | None) -> str:
    """`met`, `met, goal too`, or by how much it is missed; the far end of an interval decides, if it is one."""
    if figure is None:
        return "not measured"
    if bar.figure in AT_LEAST:
        return "met" if figure.value >= bar.required else f"**missed**: {figure.value / bar.required:.0%} of it"
    if figure.value > bar.required:
        return f"**missed** by {_number(bar, figure.value - bar.required)}"
    if figure.high > bar.required:
        return f"not certain: up to {_number(bar, figure.high)}"
    return "met, goal too" if bar.goal is not None and figure.value <= bar.goal else "met"


def _number(bar: Bar, value: float) -> str:
    return f"{value:,.{bar.digits}f}{bar.unit}"


def _shown(bar: Bar, figure: Figure | None) -> str:
    if figure is None:
        return "-"
    text = _number(bar, figure.value)
    if figure.low == figure.high:
        return text
    return f"{text} ({figure.low:,.{bar.digits}f} to {figure.high:,.{bar.digits}f})"


def bars_table(measured: Mapping[str, Measured | None]) -> str:
    """The table, by the benchmarks' stored figures; those that never ran are named as such."""
    rows = []
    for bar in BARS:
        of = measured.get(bar.benchmark)
        figure = of.figures.get(bar.figure) if of is not None else None
        goal = "-" if bar.goal is None else _number(bar, bar.goal)
        rows.append((bar.text, _number(bar, bar.required), goal, _shown(bar, figure), verdict(bar, figure)))
    return table(("bar", "required", "goal", "measured", ""), rows)


def section(measured: Mapping[str, Measured | None]) -> str:
    """The section of `RESULTS.md`."""
    runs = [f"* {name}: {of.place}" for name, of in measured.items() if of is not None]
    return f"""## The bars of the data plane and the recorder

Required figures must be reached; goals are better still. In brackets: the range over rounds (CPU), or the ends of a
95 % bootstrap interval (latency, isolation). What decides is the value; an interval that reaches beyond the bar makes
it uncertain. Made by `python -m bench.bars` from `bench/measured/`:

{chr(10).join(runs) or "* nothing was measured yet"}

{bars_table(measured)}
"""


def write_bars(directory: Path = DIRECTORY, path: Path = PATH) -> str:
    """Writes the section from the stored figures and returns it."""
    text = section({name: load(name, directory) for name in _BENCHMARKS})
    write_section(SECTION, text, path, first=True)
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the table of bars into `RESULTS.md`."""
    del arguments
    print(write_bars())
    return 0


if __name__ == "__main__":
    sys.exit(main())
