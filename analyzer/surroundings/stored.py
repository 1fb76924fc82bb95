"""What a store says about the surroundings of each comparison."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from analyzer.reading import Setting
from analyzer.source import Experiment, Window
from analyzer.surroundings.figures import MAX_NAMES, OTHER_NAMES, Alike, Named, Periods, Surroundings
from analyzer.surroundings.grain import grain
from store import surroundings as asking
from store.comparison import Ask, Columns, Span
from store.surroundings import Asked

Arm = Literal["primary", "candidate"]
ARMS: tuple[Arm, ...] = ("primary", "candidate")
HourCounts = Mapping[str | None, Mapping[int, int]]
"""Model (None: the answer names none) -> start of an hour -> answers."""


def read_surroundings(
    ask: Ask, window: Window, experiments: Sequence[Experiment], setting: Setting
) -> dict[str, Surroundings]:
    """By candidate; experiments have different candidates.

    Args:
        ask: runs a SELECT.
        window: starts of requests.
        experiments: what is compared.
        setting: without `switchback_s`, periods are not asked for.
    """
    span = Span(window.since, window.until)
    return {e.candidate: _of_experiment(ask, Asked(span, e.candidate, e.id), window, e, setting) for e in experiments}


def _of_experiment(ask: Ask, asked: Asked, window: Window, experiment: Experiment, setting: Setting) -> Surroundings:
    fine = grain(window, experiment, setting.block_s)
    periods = None
    if setting.switchback_s is not None and asking.has_switched(ask, asked):
        periods = _periods(asking.period_rows(ask, asked, setting.switchback_s), setting.switchback_s)
    alike = asking.alike_rows(ask, asked, step_s=fine.step_s, one_in=fine.one_in)
    return Surroundings(
        periods=periods,
        alike=_alike(alike, fine.one_in),
        models=_models(asking.model_rows(ask, asked, buckets=fine.buckets)),
    )


def _periods(rows: Columns, length_s: float) -> Periods:
    names = ("off", "requests", "stayed_n", "failed", "total_us_n", "total_us")
    return Periods(length_s, _whole(rows["period"]), **{name: _whole(rows[name]) for name in names})


def _alike(rows: Columns, one_in: int) -> Alike | None:
    names = ("cache", "connection", "total_us_n", "total_us", "ttft_us_n", "ttft_us")
    if not len(rows["time_s"]):
        return None
    return Alike(one_in, _whole(rows["time_s"]), **{name: _whole(rows[name]) for name in names})


def _models(rows: Columns) -> tuple[Named, ...]:
    return tuple(name for arm in ARMS for name in named(arm, _by_name(rows, arm)))


def _by_name(rows: Columns, arm: Arm) -> HourCounts:
    found: dict[str | None, Counter[int]] = defaultdict(Counter)
    for model, hour, n in zip(rows[f"{arm}_model"], rows["hour_s"], rows["n"], strict=True):
        found[model][int(hour)] += int(n)
    return found


def named(arm: Arm, found: HourCounts) -> list[Named]:
    """The most frequent names of an arm first; beyond `MAX_NAMES` they are added up. Answers without a name (failures,
    most of them) say nothing."""
    known = sorted((m for m in found if m), key=lambda m: (-sum(found[m].values()), m))
    if not known:
        return []
    kept = {m: found[m] for m in known[:MAX_NAMES]}
    rest: Counter[int] = Counter()
    for model, hours in found.items():
        if model and model not in kept:
            rest.update(hours)
    if rest:
        kept[OTHER_NAMES] = rest
    return [Named(arm, m, tuple(sorted(h)), tuple(h[hour] for hour in sorted(h))) for m, h in kept.items()]


def _whole(column: Sequence[Any]) -> tuple[int, ...]:
    return tuple(int(value) for value in column)
