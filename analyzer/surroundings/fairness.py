"""Like with like: a latency difference, parted into what caches (or connections) explain and what is left.

A primary whose prompt cache is warm answers sooner than a candidate that sees a twentieth of the traffic; that says
little about the candidate with all of it. After Kitagawa (1955, JASA 50:1168; in economics Blinder 1973, Oaxaca 1973),
with s(w) the mean of both arms' shares of warm (and of cold) answers,

    rest = s(warm) d(both warm) + s(cold) d(both cold),        explained = d - rest

What differs from Kitagawa: the difference at equal warmth is taken within pairs that were equally warm, not between the
arms' means over different requests. Warm prompts are long prompts, and long prompts take longer in either arm; only
within a pair is the prompt the same. Where pairs of one kind (both warm, or both cold) are missing, the other kind
speaks for all.

What will be false first: the difference at equal warmth is taken to be the same for requests that found the arms
unequally warm. Both arms' influence on it, the shares' included, goes into the interval (delta method), robust to
dependence between neighbouring time steps (`stats.blocks`); it is an interval for one look, like those of the strata.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analyzer.stats.blocks import block_error
from analyzer.stats.influence import Influence, IntArray
from analyzer.stats.interval import Interval, two_sided
from analyzer.stats.moments import FloatArray
from analyzer.surroundings.figures import WARMTHS, Alike, Surroundings
from analyzer.surroundings.results import Fairness, Split, Stratum
from analyzer.surroundings.wording import confidence, counted, percent, signed, span

By = Literal["cache", "connection"]
LEAST_ALIKE = 50
"""Pairs in which both arms were alike: fewer cannot stand for the others."""
NOTABLE_PART = 0.1
"""Of a difference: an explained part that is smaller changes no reader's mind."""
LEAST_STEPS = 10
"""Time steps for an interval."""
_COLD, _WARM, _PRIMARY, _CANDIDATE, _UNKNOWN = range(len(WARMTHS))
_SAME_SHARE = 0.005
_TITLES: Mapping[str, str] = {"total_ms": "time to last byte", "ttft_ms": "time to first token"}
_NAMES: Mapping[By, tuple[str, ...]] = {
    "cache": WARMTHS,
    "connection": (
        "both connections new",
        "both connections reused",
        "primary's reused only",
        "candidate's reused only",
        "unknown",
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Differences of one latency by time step and stratum."""

    keys: IntArray
    """Shape (steps,)."""
    n: FloatArray
    """Pairs, shape (steps, 5)."""
    sums: FloatArray
    """Milliseconds, shape (steps, 5)."""

    def pairs(self, *strata: int) -> int:
        """In all steps."""
        return int(self.n[:, list(strata)].sum())

    def mean(self, stratum: int) -> float:
        """Of a stratum with pairs."""
        return float(self.sums[:, stratum].sum() / self.n[:, stratum].sum())

    def moved(self, stratum: int) -> FloatArray:
        """Sum of deviations from the stratum's mean in each step, shape (steps,)."""
        moved: FloatArray = self.sums[:, stratum] - self.n[:, stratum] * self.mean(stratum)
        return moved


def fairness(s: Surroundings, level: float) -> Fairness | None:
    """Splits by cache and by connection, of the time to the last byte and to the first token.

    Args:
        s: of one candidate.
        level: of the intervals.

    Returns:
        None where nothing is known of caches or connections, or all pairs are alike.
    """
    if s.alike is None:
        return None
    splits: list[Split] = []
    sentences: list[str] = []
    notable: list[str] = []
    for metric in _TITLES:
        for by in _NAMES:
            table = _table(s.alike, metric, by)
            if _strata_with_pairs(table) < 2:
                continue
            if table.pairs(_COLD, _WARM) < LEAST_ALIKE:
                said = [_too_few(table, by)] if metric == "total_ms" else []
                is_notable = True
            else:
                split = _split(table, metric, by, level)
                splits.append(split)
                said = list(_sentences(split, table, level))
                is_notable = _is_notable(split)
            sentences += said
            notable += said if is_notable else []
    if not splits and not sentences:
        return None
    sampled = tuple(_sampled(s.alike))
    return Fairness(tuple(splits), (*sentences, *sampled), (*notable, *sampled) if notable else ())


def _is_notable(split: Split) -> bool:
    """Is what caches (or connections) explain a part that counts, or more than chance?"""
    found = split.explained_interval
    if found is not None and not found.low <= 0 <= found.high:
        return True
    return abs(split.explained_ms) > NOTABLE_PART * abs(split.difference_ms)


def _table(alike: Alike, metric: str, by: By) -> _Table:
    prefix = metric.replace("_ms", "_us")
    keys, step = np.unique(np.array(alike.keys, dtype=np.int64), return_inverse=True)
    place = step * len(WARMTHS) + np.array(getattr(alike, by), dtype=np.intp)

    def summed(name: str, unit: float) -> FloatArray:
        column = np.array(getattr(alike, name), dtype=np.float64) / unit
        flat = np.bincount(place, column, minlength=len(keys) * len(WARMTHS)).astype(np.float64)
        return flat.reshape(len(keys), len(WARMTHS))

    n, sums = summed(f"{prefix}_n", 1.0), summed(prefix, 1000.0)
    return _Table(keys, n, sums)


def _strata_with_pairs(table: _Table) -> int:
    """Of those where it is known."""
    return int((table.n[:, :_UNKNOWN].sum(axis=0) > 0).sum())


def _split(table: _Table, metric: str, by: By, level: float) -> Split:
    known = table.n[:, :_UNKNOWN].sum()
    difference = float(table.sums[:, :_UNKNOWN].sum() / known)
    rest, influence = _rest(table)
    strata = tuple(_stratum(table, k, _NAMES[by][k], level) for k in range(len(WARMTHS)) if table.pairs(k))
    explained = difference - rest
    return Split(
        metric,
        by,
        difference,
        explained,
        rest,
        _interval(influence, rest, level),
        strata,
        _interval(_of_explained(table, difference, influence), explained, level),
    )


def _of_explained(table: _Table, difference: float, of_rest: Influence) -> Influence:
    """What each step adds to the explained part: to the whole difference, less what it adds to the rest."""
    n = table.n[:, :_UNKNOWN].sum(axis=1)
    whole = _influence(table, n, table.sums[:, :_UNKNOWN].sum(axis=1) - difference * n)
    return Influence(whole.n, whole.sums - of_rest.sums, whole.keys)


def _rest(table: _Table) -> tuple[float, Influence]:
    """The difference between equally warm arms, and what each step adds to it."""
    n = table.n[:, :_UNKNOWN].sum(axis=1)
    total = float(n.sum())
    kinds = [k for k in (_COLD, _WARM) if table.pairs(k)]
    if len(kinds) == 1:
        rest = table.mean(kinds[0])
        return rest, _influence(table, n, table.moved(kinds[0]) * total / table.pairs(kinds[0]))
    # Answers that were warm, an arm's counting half.
    warm = table.n[:, _WARM] + (table.n[:, _PRIMARY] + table.n[:, _CANDIDATE]) / 2
    share = float(warm.sum()) / total
    d_cold, d_warm = table.mean(_COLD), table.mean(_WARM)
    sums = (
        share * total / table.pairs(_WARM) * table.moved(_WARM)
        + (1 - share) * total / table.pairs(_COLD) * table.moved(_COLD)
        + (d_warm - d_cold) * (warm - share * n)
    )
    return share * d_warm + (1 - share) * d_cold, _influence(table, n, sums)


def _influence(table: _Table, n: FloatArray, sums: FloatArray) -> Influence:
    held = n > 0
    return Influence(n[held], sums[held], table.keys[held])


def _stratum(table: _Table, k: int, name: str, level: float) -> Stratum:
    mean = table.mean(k)
    influence = _influence(table, table.n[:, k], table.moved(k))
    return Stratum(name, table.pairs(k), mean, _interval(influence, mean, level))


def _interval(influence: Influence, estimate: float, level: float) -> Interval | None:
    error = block_error(influence, minimum=LEAST_STEPS, level=level)
    if error is None or error.value == 0.0:
        return None
    return two_sided(estimate, error, level)


def _warm_shares(table: _Table) -> tuple[float, float]:
    """(primary, candidate)"""
    known = table.n[:, :_UNKNOWN].sum()
    return table.pairs(_WARM, _PRIMARY) / known, table.pairs(_WARM, _CANDIDATE) / known


def _sentences(split: Split, table: _Table, level: float) -> Iterator[str]:
    primary, candidate = _warm_shares(table)
    warm = "read from a prompt cache" if split.by == "cache" else "came over a reused connection"
    if abs(primary - candidate) < _SAME_SHARE:
        if split.metric == "total_ms" and split.by == "cache":
            yield f"{percent(primary)} of the answers of either arm were {warm}: it explains nothing of the difference."
        return
    what = "prompt caches" if split.by == "cache" else "connections"
    left = f"{signed(split.rest_ms)} ms"
    if split.rest_interval is not None:
        left += f" ({confidence(level)} {span(split.rest_interval)})"
    yield (
        f"{_TITLES[split.metric].capitalize()}: of {signed(split.difference_ms)} ms between the arms, "
        f"{signed(split.explained_ms)} ms come from {what} ({percent(primary)} of the primary's answers "
        f"{_passive(split.by, warm)}, {percent(candidate)} of the candidate's); "
        f"between equally warm arms {left} are left."
    )


def _passive(by: By, warm: str) -> str:
    return f"were {warm}" if by == "cache" else warm


def _too_few(table: _Table, by: By) -> str:
    alike, known = table.pairs(_COLD, _WARM), table.pairs(*range(_UNKNOWN))
    what = "prompt caches" if by == "cache" else "connections"
    primary, candidate = _warm_shares(table)
    return (
        f"The arms' {what} differ: warm for {percent(primary)} of the primary's answers and {percent(candidate)} of "
        f"the candidate's. Only {counted(alike, 'pair')} of {known:,} had both alike, too few to say how much of the "
        "latency difference that explains."
    )


def _sampled(alike: Alike) -> Iterator[str]:
    if alike.one_in > 1:
        yield f"This is from one time step in {alike.one_in:,}, drawn at random."
