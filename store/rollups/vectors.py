"""The numbers that rollups keep of a pair, as four vectors of whole numbers.

A column for each number would be plainer to read, and too dear to write: the engine analyses the SELECT of a view anew
for every insert, at a tenth of a millisecond per expression, so that 150 sums in each of five views cost ten times the
insert itself (measured, see docs/design.md). Vectors are worked out with few expressions and added up with one each;
`Statistic` names their places.

Every number is 0 for a pair that does not count, so each statistic is a plain sum, and minus that sum takes pairs out
again. What a cluster-robust standard error needs of each group is in `counts` and `sums`. `squares` and `cubes` of
single pairs add up to the same over any grouping, so only one grouping carries them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from store.rollups.measures import (
    CONDITIONS,
    COST,
    MEASURES,
    OUTPUT_TOKENS,
    ROWS_MAX,
    TOTAL,
    Arm,
    Kind,
    Measure,
    place_of,
)

ARMS: tuple[Arm, ...] = ("primary", "candidate")
TYPES: Mapping[str, str] = {"counts": "Int64", "sums": "Int128", "squares": "Int128", "cubes": "Int256"}
GAMMA = 1.002
"""Ratio of the ends of a histogram's bin."""
ZERO_BIN = -1
FAILED_BIN = 32_767
"""Of an arm that failed: longer than everything."""
_LOG_MAX = 23 * 10**6
"""ln of the largest ratio, one hour to one microsecond, is 22.004; in millionths."""
_LARGEST = {"Int64": 2**63 - 1, "Int128": 2**127 - 1, "Int256": 2**255 - 1}


@dataclass(frozen=True, slots=True)
class Statistic:
    """One number: a place in a vector."""

    name: str
    comment: str
    most: int
    """Of one pair."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """What is prepared of a row, and what the places of its vectors are."""

    definitions: Mapping[str, str]
    """Alias -> SQL over columns of the source and other aliases; the vectors are among them."""
    statistics: Mapping[str, tuple[Statistic, ...]]
    """Vector -> its places, in order."""

    def __post_init__(self) -> None:
        for vector, places in self.statistics.items():
            for place in places:
                if place.most * ROWS_MAX > _LARGEST[TYPES[vector]]:
                    raise ValueError(f"{place.name}: the sum of {ROWS_MAX} pairs does not fit into {TYPES[vector]}")

    def names(self, vector: str) -> tuple[str, ...]:
        """Of the places of a vector, in order."""
        return tuple(place.name for place in self.statistics[vector])


def _of_kind(*kinds: Kind) -> tuple[Measure, ...]:
    return tuple(m for m in MEASURES if m.kind in kinds)


def _slice(vector: str, *kinds: Kind) -> str:
    """The places of some kinds of measures, which are neighbours."""
    found = _of_kind(*kinds)
    return f"arraySlice({vector}, {place_of(found[0].prefix)}, {len(found)})"


def _list(items: Sequence[object]) -> str:
    return f"[{', '.join(str(item) for item in items)}]"


def _values(arm: Arm, measures: Sequence[Measure]) -> dict[str, str]:
    """What is known of an arm, and as whole numbers."""
    a = arm[0]
    return {
        f"values_{a}": f"CAST({_list([m.sql.format(arm=arm) for m in measures])}, 'Array(Nullable(Float64))')",
        f"known_{a}": f"arrayMap(v -> isFinite(ifNull(v, nan)), values_{a})",
        f"whole_{a}": "arrayMap((v, u, m) -> toInt64(least(greatest(round(ifNotFinite(ifNull(v, 0), 0) * u), 0), m)), "
        f"values_{a}, {_list([m.per_unit for m in measures])}, {_list([f'{m.most}.' for m in measures])})",
    }


def _counting() -> dict[str, str]:
    """Which measures a pair counts for, and each arm's numbers, 0 where it does not."""
    cost = place_of(COST)
    has_cost = f"(known_p[{cost}] OR primary_free) AND (known_c[{cost}] OR candidate_free)"
    conditions = [f"{m.counts} AND {has_cost}" if m.kind == "ratio" else m.counts for m in MEASURES]
    masked = "arrayMap((f, w) -> f * w, {}, {})"
    made = {
        "counting": _list(conditions),
        "flags": "arrayMap((a, b, c) -> a AND b AND c, counting, known_p, known_c)",
    }
    for a in ("p", "c"):
        made[f"number_{a}"] = masked.format("flags", f"whole_{a}")
        made[f"time_{a}"] = _slice(f"number_{a}", "latency")
        made[f"cost_{a}"] = f"whole_{a}[{cost}]"
        made[f"numerator_{a}"] = f"arrayMap(f -> f * cost_{a}, {_slice('flags', 'ratio')})"
        failed = "candidate_failed" if a == "p" else "primary_failed"
        made[f"only_flags_{a}"] = f"arrayMap(k -> k AND {failed}, {_slice(f'known_{a}', 'latency')})"
        made[f"only_{a}"] = masked.format(f"only_flags_{a}", _slice(f"whole_{a}", "latency"))
    made["log_flags"] = "arrayMap((a, b) -> a > 0 AND b > 0, time_p, time_c)"
    made["logs"] = (
        "arrayMap((f, a, b) -> f * toInt64(round((log(greatest(b, 1)) - log(greatest(a, 1))) * 1000000)), "
        "log_flags, time_p, time_c)"
    )
    made["neither"] = _list([m.neither for m in _of_kind("latency")])
    made["in_both"] = f"arrayMap((a, b) -> a * b, {_slice('number_p', 'rate')}, {_slice('number_c', 'rate')})"
    made["kept_flags"] = _list([f"is_pair AND primary_ok AND known_p[{place_of(m)}]" for m in (TOTAL, OUTPUT_TOKENS)])
    made["kept"] = masked.format("kept_flags", _list([f"whole_p[{place_of(m)}]" for m in (TOTAL, OUTPUT_TOKENS)]))
    return made


_STATES = (
    ("pairs", "is_pair", "Rows of `pairs`."),
    ("unavailable", "NOT is_pair", "Rows of `skips` that count as failures of the candidate."),
    ("held", "is_pair AND held_ms > 0", "Pairs whose primary a slow client held."),
    ("gateway_cached", "is_pair AND gateway_cache", "Pairs that a response cache answered."),
    ("client_aborts", "is_pair AND NOT client_stayed", "Pairs whose client went away."),
    ("failures_primary", "is_pair AND client_stayed AND NOT primary_ok", "Pairs whose primary failed."),
    ("failures_candidate", "is_pair AND client_stayed AND NOT candidate_ok", "Pairs whose candidate failed."),
)


@dataclass(frozen=True, slots=True)
class _Part:
    """Neighbouring places of a vector."""

    factors: tuple[str, ...]
    """Arrays of one row; their places are multiplied."""
    statistics: tuple[Statistic, ...]


def _part(
    factors: str | tuple[str, ...], measures: Sequence[Measure], name: str, comment: str, most: int | None = None
) -> _Part:
    """One place for each measure; `{m}` in `name` is its prefix, `{what}` in `comment` its title."""
    factors = (factors,) if isinstance(factors, str) else factors
    return _Part(
        factors,
        tuple(
            Statistic(
                name.format(m=m.prefix),
                comment.format(what=m.title, m=m.prefix),
                (m.most if most is None else most) ** len(factors),
            )
            for m in measures
        ),
    )


def _named(part: _Part, names: Sequence[str]) -> _Part:
    """The same under other names."""
    renamed = (Statistic(n, s.comment, s.most) for n, s in zip(names, part.statistics, strict=True))
    return _Part(part.factors, tuple(renamed))


_LATENCIES, _MEANS, _RATIOS, _RATES = (_of_kind(kind) for kind in ("latency", "mean", "ratio", "rate"))
_PLAIN = (*_LATENCIES, *_MEANS)
_SHARE = MEASURES[-1]
"""The agreement that is not 0 or 1."""
_KEPT = tuple(m for m in MEASURES if m.prefix in {TOTAL, OUTPUT_TOKENS})


SERIES = tuple(f"{m.prefix}_{arm}" for arm in ARMS for m in _LATENCIES)
"""Histograms."""


def _counts() -> list[_Part]:
    states = _Part(("states",), tuple(Statistic(name, comment, 1) for name, _, comment in _STATES))
    return [
        states,
        _part("flags", MEASURES, "{m}_n", "Pairs that count for: {what}.", 1),
        _part("log_flags", _LATENCIES, "{m}_log_n", "Pairs with a log ratio of {what}.", 1),
        _part("only_flags_p", _LATENCIES, "{m}_primary_only_n", "Primary has {what}, the candidate failed.", 1),
        _part("only_flags_c", _LATENCIES, "{m}_candidate_only_n", "Candidate has {what}, the primary failed.", 1),
        _part("neither", _LATENCIES, "{m}_neither_n", "No {what}: both arms failed.", 1),
        _part("in_both", _RATES, "{m}_both", "In both arms: {what}.", 1),
        _part("kept_flags", _KEPT, "kept_{m}_n", "Rows of `pairs` whose primary has {what}.", 1),
    ]


def _sums() -> list[_Part]:
    both_arms = MEASURES[: -len(_of_kind("agreement"))]
    made = []
    for arm in ARMS:
        a, who = arm[0], arm.capitalize()
        measures = MEASURES if arm == "primary" else both_arms
        numbers = _part(f"arraySlice(number_{a}, 1, {len(measures)})", measures, "{m}", f"{who}'s {{what}}, sum.")
        names = [_number_name(m, arm) for m in measures]
        cost = MEASURES[place_of(COST) - 1].most
        made += [
            _named(numbers, names),
            _part(f"numerator_{a}", _RATIOS, f"{{m}}_x_{arm}", f"{who}'s cost, nano-dollars, sum.", cost),
            _part(f"only_{a}", _LATENCIES, f"{{m}}_{arm}_only", f"{who}'s {{what}}, the other failed, sum."),
        ]
    logs = _part("logs", _LATENCIES, "{m}_log", "ln(candidate / primary) of {what}, millionths, sum.", _LOG_MAX)
    return [*made, logs, _part("kept", _KEPT, "kept_{m}", "Primary's {what}, rows of `pairs`, sum.")]


def _number_name(measure: Measure, arm: Arm) -> str:
    if measure.kind == "agreement":
        return measure.prefix
    return f"{measure.prefix}_y_{arm}" if measure.kind == "ratio" else f"{measure.prefix}_{arm}"


def _squares() -> list[_Part]:
    p, c = (_slice(f"number_{a}", "latency", "mean") for a in ("p", "c"))
    agreed = f"arraySlice(number_p, {place_of(_SHARE.prefix)}, 1)"
    return [
        _part((p, p), _PLAIN, "{m}_primary_2", "Primary's {what}, sum of squares."),
        _part((c, c), _PLAIN, "{m}_candidate_2", "Candidate's {what}, sum of squares."),
        _part((p, c), _PLAIN, "{m}_cross", "Primary's times candidate's {what}, sum."),
        *_ratio_products(),
        _part(("logs", "logs"), _LATENCIES, "{m}_log_2", "Log ratio of {what}, sum of squares.", _LOG_MAX),
        _part(("only_p", "only_p"), _LATENCIES, "{m}_primary_only_2", "Of {m}_primary_only: squares."),
        _part(("only_c", "only_c"), _LATENCIES, "{m}_candidate_only_2", "Of {m}_candidate_only: squares."),
        _part(("kept", "kept"), _KEPT, "kept_{m}_2", "Primary's {what}, rows of `pairs`, sum of squares."),
        _part((agreed, agreed), [_SHARE], "{m}_2", "{what}, sum of squares."),
    ]


def _ratio_products() -> list[_Part]:
    """The ten products of numerators (x) and denominators (y) of both arms."""
    parts = {f"x_{arm}": f"numerator_{arm[0]}" for arm in ARMS}
    parts |= {f"y_{arm}": _slice(f"number_{arm[0]}", "ratio") for arm in ARMS}
    names = list(parts)
    largest = max(m.most for m in (*_RATIOS, MEASURES[place_of(COST) - 1]))
    return [
        _part((parts[a], parts[b]), _RATIOS, f"{{m}}_{a}_{b}", f"{a} times {b}, sum; y are {{what}}.", largest)
        for i, a in enumerate(names)
        for b in names[i:]
    ]


def _cubes() -> list[_Part]:
    p, c = (_slice(f"number_{a}", "latency", "mean") for a in ("p", "c"))
    d = f"arrayMap((a, b) -> b - a, {p}, {c})"
    made = (
        (d, _PLAIN, "{m}_difference_3", "Candidate's minus primary's {what}, sum of cubes.", None),
        ("logs", _LATENCIES, "{m}_log_3", "Log ratio of {what}, sum of cubes.", _LOG_MAX),
        ("only_p", _LATENCIES, "{m}_primary_only_3", "Of {m}_primary_only: cubes.", None),
        ("only_c", _LATENCIES, "{m}_candidate_only_3", "Of {m}_candidate_only: cubes.", None),
    )
    return [_part((x, x, x), measures, name, comment, most) for x, measures, name, comment, most in made]


def _vector(name: str, parts: Sequence[_Part]) -> str:
    """The vector of one row."""
    kind = TYPES[name]
    joined = [f"arrayConcat({', '.join(part.factors[i] for part in parts)})" for i in range(len(parts[0].factors))]
    if len(joined) == 1:
        return f"CAST({joined[0]}, 'Array({kind})')"
    if len(joined) == 2:
        return f"arrayMap((a, b) -> to{kind}(a) * b, {joined[0]}, {joined[1]})"
    return f"arrayMap(a -> to{kind}(a) * a * a, {joined[0]})"


def _bins() -> dict[str, str]:
    """Both arms of a latency over the same pairs: those where each arm has the time or failed.

    A key is the place in `SERIES` (from 0) times 65,536 plus the bin plus 1; a pair that does not count has none.
    """
    series = [65_536 * i + 1 for i in range(len(SERIES))]
    flags = _slice("flags", "latency")
    bin_ = f"if(x = 0, {ZERO_BIN}, floor(log(greatest(x, 1)) / log({GAMMA})))"
    return {
        "binned": f"arrayMap((a, b, c, d) -> a OR b OR c OR d, {flags}, only_flags_p, only_flags_c, neither)",
        "has_time": "arrayMap((a, b) -> a OR b, "
        f"arrayConcat({flags}, {flags}), arrayConcat(only_flags_p, only_flags_c))",
        "any_time": "arrayMap((a, b) -> a + b, arrayConcat(time_p, time_c), arrayConcat(only_p, only_c))",
        "bins": "arrayFilter(i -> i >= 0, arrayMap("
        f"(i, b, h, x) -> if(b, toInt32(i + if(h, {bin_}, {FAILED_BIN})), -1), "
        f"{_list(series)}, arrayConcat(binned, binned), has_time, any_time))",
    }


def _of_pairs() -> Vectors:
    parts = {"counts": _counts(), "sums": _sums(), "squares": _squares(), "cubes": _cubes()}
    definitions = {
        **CONDITIONS,
        **_values("primary", MEASURES),
        **_values("candidate", MEASURES),
        **_counting(),
        "states": _list([sql for _, sql, _ in _STATES]),
        **_bins(),
        **{name: _vector(name, found) for name, found in parts.items()},
    }
    return Vectors(definitions, {v: tuple(s for part in found for s in part.statistics) for v, found in parts.items()})


def _of_skips() -> Vectors:
    flags = _list([f"primary_ok AND known_p[{i + 1}]" for i in range(len(_KEPT))])
    parts = {
        "counts": [
            _Part(("[1]",), (Statistic("skips", "Rows of `skips`.", 1),)),
            _part("flags", _KEPT, "skipped_{m}_n", "Rows whose primary has {what}.", 1),
        ],
        "sums": [_part("skipped", _KEPT, "skipped_{m}", "Primary's {what}, sum.")],
        "squares": [_part(("skipped", "skipped"), _KEPT, "skipped_{m}_2", "Primary's {what}, sum of squares.")],
    }
    definitions = {
        "primary_ok": CONDITIONS["primary_ok"],
        **_values("primary", _KEPT),
        "flags": flags,
        "skipped": "arrayMap((f, w) -> f * w, flags, whole_p)",
        **{name: _vector(name, found) for name, found in parts.items()},
    }
    return Vectors(definitions, {v: tuple(s for part in found for s in part.statistics) for v, found in parts.items()})


OF_PAIRS = _of_pairs()
OF_SKIPS = _of_skips()
