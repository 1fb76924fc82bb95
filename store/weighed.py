"""Numerators and denominators of both arms by group: of metrics that the rollups do not hold.

Every row gives (x_c, y_c, x_p, y_p). A mean of paired values has y = 1; a judgement or a score, which stands
for all pairs like it, has y = 1 / the probability with which its pair was drawn, and x = y times the value (Horvitz and
Thompson 1952; their ratio is Hajek's, 1971).
"""

# ruff: noqa: S608 - statements hold names of our own and the metrics' declarations; what comes from outside is a parameter

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store import tables
from store.comparison import Ask, Columns
from store.judged import UNDER, judged_rubric, parameters_under
from store.never_sent import UNAVAILABLE, of_skip
from store.parts import OF_EXPERIMENTS, Part

_SIZE = range(4)
_KEYS = ("candidate", "experiment", "block", "bucket")


@dataclass(frozen=True, slots=True)
class Summed:
    """What to add up: SQL expressions over the columns of `pairs`, never text from outside.

    A pair counts where `counts` holds and all values are finite numbers.
    """

    counts: str
    values: tuple[str, ...]
    """(candidate, primary), or numerators and denominators: (x_c, y_c, x_p, y_p)."""

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """(x_c, y_c, x_p, y_p)."""
        if len(self.values) == 2:
            return self.values[0], "1.", self.values[1], "1."
        x_c, y_c, x_p, y_p = self.values
        return x_c, y_c, x_p, y_p


@dataclass(frozen=True, slots=True)
class Group:
    """One group of pairs."""

    key: int
    n: int
    sums: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Weighed:
    """Of one candidate."""

    blocks: tuple[Group, ...]
    """By time step, its start in seconds since the epoch."""
    buckets: tuple[Group, ...]
    products: tuple[float, ...]
    """4 by 4, over all pairs."""
    cubes: float
    """Of x_c - x_p, over all pairs."""


def of_pairs(
    ask: Ask, part: Part, experiments: Sequence[str], summed: Sequence[Summed], *, step_s: int
) -> dict[tuple[str, str], list[Weighed | None]]:
    """(candidate, experiment) -> one for each of `summed`; None where no pair counts.

    A copy that was never sent because of the candidate stands beside the pairs as one that failed.
    """
    inner = ", ".join(expression for k, metric in enumerate(summed) for expression in _taken(k, metric))
    rows = f"SELECT {', '.join(_KEYS)}, {inner} FROM ({_outcomes(part, summed)})"
    return _grouped(ask, rows, part.parameters_of(list(experiments)), len(summed), step_s)


_SCORES = ("preference", "score_primary", "score_candidate")
_JUDGED: Mapping[str, tuple[str, str]] = {
    "judge_preference": ("preference", "0."),
    "win_rate": ("multiIf(preference > 0, 1., preference = 0, 0.5, preference < 0, 0., NULL)", "0.5"),
    "judge_score": ("score_candidate", "score_primary"),
}
"""Metric -> (candidate, primary), over the mean of a pair's judges."""
JUDGED = tuple(_JUDGED)


def of_judgements(
    ask: Ask, part: Part, experiments: Sequence[str], metrics: Sequence[str], *, step_s: int
) -> dict[tuple[str, str], list[Weighed | None]]:
    """(candidate, experiment) -> one for each of `metrics` (`JUDGED`); None without judgements.

    Those under the rubric judged by last count (`judged_rubric`), with what the free rungs settled meanwhile. The
    newest judgement of each judge counts; a pair's is the mean over its judges.
    """
    judged = judged_rubric(ask, part, experiments)
    if not judged:
        return {}
    newest = ", ".join(f"argMax(tuple({name}), judged_at).1 AS newest_{name}" for name in _SCORES)
    means = ", ".join(f"avg(newest_{name}) AS mean_{name}" for name in _SCORES)
    renamed = ", ".join(f"mean_{name} AS {name}" for name in _SCORES)
    pairs = (
        f"SELECT candidate, experiment, in_block AS block, in_bucket AS bucket, {renamed}, 1 / probability AS weight "
        f"FROM (SELECT candidate, experiment, any(a_block) AS in_block, any(a_bucket) AS in_bucket, {means}, "
        "min(newest_probability) AS probability "
        f"FROM (SELECT candidate, experiment, request_id, any(block) AS a_block, any(bucket) AS a_bucket, {newest}, "
        f"argMax(inclusion_probability, judged_at) AS newest_probability FROM {tables.JUDGEMENTS.name} "
        f"WHERE {part.condition} AND {OF_EXPERIMENTS} AND {UNDER} "
        "GROUP BY candidate, experiment, request_id, judge) "
        "GROUP BY candidate, experiment, request_id) WHERE probability > 0 AND isFinite(probability)"
    )
    summed = [_weighted(*_JUDGED[metric]) for metric in metrics]
    inner = ", ".join(expression for k, metric in enumerate(summed) for expression in _taken(k, metric))
    rows = f"SELECT {', '.join(_KEYS)}, {inner} FROM ({pairs})"
    return _grouped(ask, rows, part.parameters_of(list(experiments)) | parameters_under(judged), len(summed), step_s)


def of_scores(
    ask: Ask, part: Part, experiments: Sequence[str], metrics: Mapping[str, bool], *, step_s: int
) -> dict[tuple[str, str], list[Weighed | None]]:
    """(candidate, experiment) -> one for each of `metrics`, in their order; None where no pair has it.

    Args:
        ask: runs a SELECT.
        part: pairs of a stretch of time.
        experiments: ids.
        metrics: name in `text_scores` -> is it one score for both arms together?
        step_s: of time blocks, seconds.
    """
    score = _weighted("score_candidate", "if(metric IN {joint:Array(String)}, 0., score_primary)")
    rows = (
        f"SELECT {', '.join(_KEYS)}, metric, {', '.join(_taken(0, score))} "
        "FROM (SELECT *, 1 / inclusion_probability AS weight "
        # The newest row of each pair and metric.
        f"FROM {tables.TEXT_SCORES.name} FINAL WHERE {part.condition} AND {OF_EXPERIMENTS} "
        "AND metric IN {metrics:Array(String)} AND inclusion_probability > 0)"
    )
    parameters = part.parameters_of(list(experiments)) | {
        "metrics": list(metrics),
        "joint": [name for name, is_joint in metrics.items() if is_joint],
    }
    columns, places = _sums_of(ask, rows, parameters, 1, step_s, names=("candidate", "experiment", "metric"))
    found: dict[tuple[str, str], dict[str, Weighed | None]] = {}
    for (candidate, experiment, metric), mine in places.items():
        found.setdefault((candidate, experiment), {})[metric] = _weighed(columns, 0, mine)
    return {who: [of.get(name) for name in metrics] for who, of in found.items()}


def _weighted(candidate: str, primary: str) -> Summed:
    return Summed("true", (f"weight * ({candidate})", "weight", f"weight * ({primary})", "weight"))


def _taken(k: int, metric: Summed) -> list[str]:
    """0 for a pair that does not count."""
    finite = " AND ".join(f"isFinite({value})" for value in metric.values)
    counts = f"ifNull(({metric.counts}) AND {finite}, 0) AS counts_{k}"
    return [
        counts,
        *(f"if(counts_{k}, toFloat64(assumeNotNull({v})), 0.) AS v_{k}_{i}" for i, v in enumerate(metric.parts)),
    ]


def _grouped(
    ask: Ask, rows: str, parameters: Mapping[str, Any], metrics: int, step_s: int
) -> dict[tuple[str, str], list[Weighed | None]]:
    columns, places = _sums_of(ask, rows, parameters, metrics, step_s, names=("candidate", "experiment"))
    return {(who[0], who[1]): [_weighed(columns, k, mine) for k in range(metrics)] for who, mine in places.items()}


def _sums_of(
    ask: Ask, rows: str, parameters: Mapping[str, Any], metrics: int, step_s: int, *, names: Sequence[str]
) -> tuple[Columns, dict[tuple[str, ...], list[int]]]:
    """Sums by time and by bucket of each whole, and which rows of them are whose."""
    sums, whose = ", ".join(expression for k in range(metrics) for expression in _sums(k)), ", ".join(names)
    columns = ask(
        f"SELECT {whose}, time_s, bucket, {sums} FROM (SELECT *, "
        f"intDiv(toUnixTimestamp(block), {int(step_s)}) * {int(step_s)} AS time_s FROM ({rows})) "
        f"GROUP BY GROUPING SETS (({whose}, time_s), ({whose}, bucket)) ORDER BY {whose}, time_s, bucket",
        parameters,
    )
    places: dict[tuple[str, ...], list[int]] = {}
    for i, who in enumerate(zip(*(columns[name] for name in names), strict=True)):
        places.setdefault(tuple(map(str, who)), []).append(i)
    return columns, places


def _sums(k: int) -> list[str]:
    return [
        f"sum(counts_{k}) AS n_{k}",
        *(f"sum(v_{k}_{i}) AS sum_{k}_{i}" for i in _SIZE),
        *(f"sum(v_{k}_{i} * v_{k}_{j}) AS product_{k}_{i}_{j}" for i in _SIZE for j in _SIZE if i <= j),
        f"sum(pow(v_{k}_0 - v_{k}_2, 3)) AS cubes_{k}",
    ]


def _weighed(columns: Columns, k: int, places: Sequence[int]) -> Weighed | None:
    counting = [i for i in places if columns[f"n_{k}"][i] > 0]
    blocks = [i for i in counting if int(columns["time_s"][i]) > 0]
    if not blocks:
        return None

    def group(i: int, key: str) -> Group:
        a, b, c, d = (float(columns[f"sum_{k}_{v}"][i]) for v in _SIZE)
        return Group(int(columns[key][i]), int(columns[f"n_{k}"][i]), (a, b, c, d))

    def whole(name: str) -> float:
        return float(sum(columns[name][i] for i in blocks))

    return Weighed(
        tuple(group(i, "time_s") for i in blocks),
        tuple(group(i, "bucket") for i in counting if int(columns["time_s"][i]) == 0),
        tuple(whole(f"product_{k}_{min(i, j)}_{max(i, j)}") for i in _SIZE for j in _SIZE),
        whole(f"cubes_{k}"),
    )


def _outcomes(part: Part, summed: Sequence[Summed]) -> str:
    """Pairs, and copies that the candidate was not there for, with the columns that are asked about."""
    text = " ".join(expression for metric in summed for expression in (metric.counts, *metric.values))
    mentioned = set(re.findall(r"\w+", text))
    columns = [c for c in tables.PAIRS.columns if c.name in mentioned and c.name not in _KEYS]
    names = ", ".join((*_KEYS, *(c.name for c in columns)))
    absent = ", ".join((*_KEYS, *(of_skip(c) for c in columns)))
    wanted = f"{part.condition} AND {OF_EXPERIMENTS}"
    reasons = ", ".join(f"'{reason}'" for reason in UNAVAILABLE)
    return (
        f"SELECT {names} FROM {tables.PAIRS.name} WHERE {wanted} "
        f"UNION ALL SELECT {absent} FROM {tables.SKIPS.name} WHERE {wanted} AND reason IN ({reasons})"
    )
