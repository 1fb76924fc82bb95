"""What pairs add to each statistic of `store.rollups.vectors`, name by name."""

from collections.abc import Iterator

import numpy as np

from analyzer.filed import columns as c
from analyzer.filed.columns import ARMS, Flags
from analyzer.filed.exact import Whole
from analyzer.filed.numbers import AGREEMENTS, KEPT, LATENCIES, MEANS, RATES, RATIOS, Numbers
from store.rollups.measures import MEASURES
from store.rollups.vectors import FAILED_BIN, GAMMA, ZERO_BIN

_PLAIN = (*LATENCIES, *MEANS)


def counts_of(numbers: Numbers) -> Iterator[tuple[str, Flags]]:
    """The vector `counts`."""
    given, is_pair = numbers.given, ~numbers.pairs.has(c.NEVER_SENT)
    yield "pairs", is_pair
    yield "unavailable", ~is_pair
    yield "held", is_pair & given.held
    yield "gateway_cached", is_pair & numbers.pairs.has(c.CACHED)
    yield "client_aborts", is_pair & ~given.stayed
    for arm in ARMS:
        yield f"failures_{arm}", is_pair & given.stayed & ~given.ok[arm]
    for m in MEASURES:
        yield f"{m.prefix}_n", numbers.mean_flags(m.prefix)
    for m in LATENCIES:
        yield f"{m.prefix}_log_n", numbers.log_flags[m.prefix]
        for arm in ARMS:
            yield f"{m.prefix}_{arm}_only_n", numbers.only_flags[arm][m.prefix]
        yield f"{m.prefix}_neither_n", numbers.neither[m.prefix]
    for m in RATES:
        p, k = (numbers.number[arm][m.prefix] for arm in ARMS)
        yield f"{m.prefix}_both", (p * k).astype(np.bool_)
    for prefix in KEPT:
        yield f"kept_{prefix}_n", numbers.kept_flags[prefix]


def sums_of(numbers: Numbers) -> Iterator[tuple[str, Whole]]:
    """The vector `sums`."""
    for arm in ARMS:
        for m in (*_PLAIN, *RATES):
            yield f"{m.prefix}_{arm}", numbers.mean_number(arm, m.prefix)
        for m in RATIOS:
            yield f"{m.prefix}_y_{arm}", numbers.number[arm][m.prefix]
            yield f"{m.prefix}_x_{arm}", numbers.numerator[arm][m.prefix]
        for m in LATENCIES:
            yield f"{m.prefix}_{arm}_only", numbers.only[arm][m.prefix]
    for m in AGREEMENTS:
        yield m.prefix, numbers.number["primary"][m.prefix]
    for m in LATENCIES:
        yield f"{m.prefix}_log", numbers.logs[m.prefix]
    for prefix in KEPT:
        yield f"kept_{prefix}", numbers.kept[prefix]


def products_of(numbers: Numbers) -> Iterator[tuple[str, tuple[Whole, ...]]]:
    """The vectors `squares` and `cubes`: what is multiplied and then added up."""
    for m in _PLAIN:
        p, k = (numbers.mean_number(arm, m.prefix) for arm in ARMS)
        yield f"{m.prefix}_primary_2", (p, p)
        yield f"{m.prefix}_candidate_2", (k, k)
        yield f"{m.prefix}_cross", (p, k)
        yield f"{m.prefix}_difference_3", (k - p,) * 3
    for m in RATIOS:
        parts = {f"x_{arm}": numbers.numerator[arm][m.prefix] for arm in ARMS}
        parts |= {f"y_{arm}": numbers.number[arm][m.prefix] for arm in ARMS}
        names = list(parts)
        for i, a in enumerate(names):
            for b in names[i:]:
                yield f"{m.prefix}_{a}_{b}", (parts[a], parts[b])
    for m in LATENCIES:
        for end, x in (("log", numbers.logs), *((f"{arm}_only", numbers.only[arm]) for arm in ARMS)):
            for power in (2, 3):
                yield f"{m.prefix}_{end}_{power}", (x[m.prefix],) * power
    for prefix in KEPT:
        yield f"kept_{prefix}_2", (numbers.kept[prefix],) * 2
    share = AGREEMENTS[-1].prefix
    yield f"{share}_2", (numbers.number["primary"][share],) * 2


def bins_of(numbers: Numbers) -> Iterator[tuple[str, Whole]]:
    """Series -> bin of each pair that counts."""
    for arm in ARMS:
        for m in LATENCIES:
            counts = numbers.binned[m.prefix]
            has_time = (numbers.flags[m.prefix] | numbers.only_flags[arm][m.prefix])[counts]
            time = (numbers.number[arm][m.prefix] + numbers.only[arm][m.prefix])[counts]
            within = np.floor(np.log(np.maximum(time, 1).astype(np.float64)) / np.log(GAMMA)).astype(np.int64)
            yield f"{m.prefix}_{arm}", np.where(has_time, np.where(time == 0, ZERO_BIN, within), FAILED_BIN)
