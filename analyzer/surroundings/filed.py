"""What rows of a file say about the surroundings of a comparison: the same as `stored` reads, row by row."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from analyzer.measures import BY_NAME, Arm, Row
from analyzer.reading import Setting
from analyzer.surroundings.figures import Alike, Periods, Surroundings
from analyzer.surroundings.grain import STEPS
from analyzer.surroundings.stored import ARMS, HourCounts, named
from record.states import State
from store.comparison import unix_us
from store.rollups.measures import HOUR_US
from store.surroundings import FROM_SWITCHBACK

_HOUR_S = 3600
_REASONS = frozenset(reason.value for reason in FROM_SWITCHBACK)
_GONE = ("client_abort", "")


def surroundings_of_rows(rows: Iterable[Row], setting: Setting) -> Surroundings:
    """Of one candidate's rows; a row with a `reason` is one of `skips`. Columns that are missing are unknown.

    Args:
        rows: in any order; read once.
        setting: without `switchback_s`, periods are not looked at.
    """
    collected = _Collected(setting.switchback_s)
    for row in rows:
        collected.add(row)
    return collected.surroundings()


class _Collected:
    def __init__(self, switchback_s: float | None) -> None:
        self._switchback_s = switchback_s
        self._periods: dict[int, Counter[str]] = defaultdict(Counter)
        self._alike: dict[tuple[int, int, int], Counter[str]] = defaultdict(Counter)
        self._models: dict[Arm, dict[str | None, Counter[int]]] = {arm: defaultdict(Counter) for arm in ARMS}

    def add(self, row: Row) -> None:
        reason = row.get("reason")
        if self._switchback_s is not None and (not reason or reason in _REASONS):
            self._add_to_period(row, reason == State.SWITCHBACK_OFF.value)
        if not reason:
            self._add_alike(row)
            for arm in ARMS:
                model = row.get(f"{arm}_model")
                if model:
                    self._models[arm][str(model)][_seconds(row) // _HOUR_S * _HOUR_S] += 1

    def _add_to_period(self, row: Row, is_off: bool) -> None:  # noqa: FBT001
        at = row.get("ts")
        if not isinstance(at, datetime) or self._switchback_s is None:
            return
        sums = self._periods[unix_us(at) // max(1, round(self._switchback_s * 1e6))]
        outcome = str(row.get("primary_outcome") or "")
        sums["off"] += is_off
        sums["requests"] += 1
        sums["stayed_n"] += outcome not in _GONE
        sums["failed"] += outcome not in (*_GONE, "ok")
        us = _whole_us(row.get("primary_total_ms")) if outcome == "ok" else None
        if us is not None:
            sums["total_us_n"] += 1
            sums["total_us"] += us

    def _add_alike(self, row: Row) -> None:
        if not BY_NAME["total_ms"].counts.holds(row):
            return
        found: dict[str, int] = {}
        for metric in ("total", "ttft"):
            primary, candidate = (_whole_us(row.get(f"{arm}_{metric}_ms")) for arm in ARMS)
            if primary is not None and candidate is not None:
                found |= {f"{metric}_us_n": 1, f"{metric}_us": candidate - primary}
        if found:
            self._alike[_seconds(row), _of_cache(row), _of_connection(row)].update(found)

    def surroundings(self) -> Surroundings:
        return Surroundings(self._read_periods(), self._read_alike(), self._read_models())

    def _read_periods(self) -> Periods | None:
        if self._switchback_s is None or not any(sums["off"] for sums in self._periods.values()):
            return None
        numbers = sorted(self._periods)
        names = ("off", "requests", "stayed_n", "failed", "total_us_n", "total_us")
        columns = {name: tuple(self._periods[k][name] for k in numbers) for name in names}
        return Periods(self._switchback_s, tuple(numbers), **columns)

    def _read_alike(self) -> Alike | None:
        if not self._alike:
            return None
        step = _step_s([key[0] for key in self._alike])
        merged: dict[tuple[int, int, int], Counter[str]] = defaultdict(Counter)
        for (second, *strata), sums in self._alike.items():
            merged[second // step * step, strata[0], strata[1]].update(sums)
        keys = sorted(merged)
        names = ("total_us_n", "total_us", "ttft_us_n", "ttft_us")
        columns = {name: tuple(merged[key][name] for key in keys) for name in names}
        times, cache, connection = (tuple(key[i] for key in keys) for i in range(3))
        return Alike(1, times, cache, connection, **columns)

    def _read_models(self) -> tuple[Any, ...]:
        found: dict[Arm, HourCounts] = dict(self._models)
        return tuple(name for arm in ARMS for name in named(arm, found[arm]))


def _step_s(seconds: list[int]) -> int:
    """Whole time blocks, so many that there are no more than `STEPS` steps."""
    starts = sorted(set(seconds))
    block = math.gcd(*(second - starts[0] for second in starts[1:]), 0) or 1
    blocks = (starts[-1] - starts[0]) // block + 1
    return block * math.ceil(blocks / STEPS)


def _seconds(row: Row) -> int:
    """Start of the time block; where a file knows none, all rows share one."""
    at = row.get("block") or row.get("ts")
    return unix_us(at) // 10**6 if isinstance(at, datetime) else 0


def _whole_us(value: object) -> int | None:
    """Milliseconds as whole microseconds, capped as in the store; None: unknown."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return min(max(round(value * 1000), 0), HOUR_US)


def _of_cache(row: Row) -> int:
    return _warmth(*(_is_above_0(row.get(f"{arm}_cached_tokens")) for arm in ARMS))


def _is_above_0(value: Any) -> bool | None:
    return None if value is None else bool(value > 0)


def _of_connection(row: Row) -> int:
    return _warmth(*(row.get(f"{arm}_connection_reused") for arm in ARMS))


def _warmth(primary: object, candidate: object) -> int:
    """Place in `figures.WARMTHS`."""
    if primary is None or candidate is None:
        return 4
    if primary:
        return 1 if candidate else 2
    return 3 if candidate else 0
