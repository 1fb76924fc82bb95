"""What a report speaks of where requests were left out by design.

Rules that do not look at the candidate (a budget, a limit of size, requests with state) leave out requests, and the
rest need not be like all of them. The primary answered them all, so it can be told how they differ; and a difference
can be weighed to all of them: within tenths of the primary's time, streamed or not, the mean difference of the kept
stands for those left out (post-stratification, Holt and Smith 1979). That mends what the primary's time explains, no
more.
"""

from collections.abc import Mapping, Sequence

from analyzer.figures import Compared
from analyzer.integrity.figures import Conduct, HourSums, Stratum
from analyzer.integrity.results import Missing, Population
from record.states import CLASS_OF, State, StateClass

MAX_UNCOVERED = 0.05
"""Share of the sampled requests in strata without a kept one, from which on nothing is weighed."""
TOLD_FROM = 0.02
"""Differences of the primary's figures below this are not worth words."""
_UNITS = {"total_us": ("total_ms", 1e3), "cost_nanousd": ("cost_usd", 1e9), "error": ("error_rate", 1.0)}
_WORDS: Mapping[str, str] = {
    State.STATEFUL: "depend on no state kept by the provider",
    State.SIDE_EFFECTS: "run no tools at the provider",
    State.UNPARSABLE: "could be read",
    State.BODY_TOO_LARGE: "were small enough to be mirrored",
    State.SWITCHBACK_OFF: "came while mirroring was on",
    State.BUDGET: "were within the budget",
    State.RATE_LIMIT: "were within the rate limit",
    State.PRIMARY_PRESSURE: "came while the primary was not under pressure",
}
"""What the kept requests have in common, by the reason that left out the others."""


def population(missing: Missing, kept: int, compared: Compared | None) -> Population | None:
    """None where it is not known.

    Args:
        missing: of the candidate.
        kept: pairs, and requests never sent because of the candidate.
        compared: None: there are no pairs.
    """
    if not kept:
        return None
    share = kept / (kept + missing.by_design)
    if not missing.by_design:
        return Population(share, "it speaks of all sampled requests")
    conduct = Conduct() if compared is None else compared.conduct
    sentence = f"it speaks of the {share * 100:.3g} % of sampled requests that {_common(missing)}"
    told = [text for text in (_tokens(conduct), _time(conduct)) if text]
    if told:
        sentence += f"; of these the primary's answers are, against those of all, {' and '.join(told)}"
    return Population(share, sentence, standardised(conduct.strata))


def _common(missing: Missing) -> str:
    words = [_WORDS[state] for state, count in missing.by_state if count and state in _WORDS]
    return ", ".join(words[:-1]) + (" and " if words[:-1] else "") + words[-1] if words else "no rule left out"


def _tokens(conduct: Conduct) -> str | None:
    change = _change(conduct, "output_tokens")
    return None if change is None else f"{abs(change) * 100:.2g} % {'longer' if change > 0 else 'shorter'}"


def _time(conduct: Conduct) -> str | None:
    change = _change(conduct, "total_us")
    return None if change is None else f"{abs(change) * 100:.2g} % {'slower' if change > 0 else 'faster'}"


def _change(conduct: Conduct, figure: str) -> float | None:
    """Mean of the kept over the mean of all sampled requests that were not lost, less 1; None when small or unknown."""
    left_out = [of for reason, of in conduct.skipped.items() if CLASS_OF[State(reason)] is StateClass.BY_DESIGN]
    if conduct.kept is None or not left_out:
        return None
    n_kept, sum_kept = _total(conduct.kept, figure)
    parts = [_total(of, figure) for of in left_out]
    n, total = n_kept + sum(p[0] for p in parts), sum_kept + sum(p[1] for p in parts)
    if not n_kept or not total:
        return None
    change = (sum_kept / n_kept) / (total / n) - 1
    return change if abs(change) >= TOLD_FROM else None


def _total(of: HourSums, figure: str) -> tuple[int, int]:
    return sum(of.sums[f"{figure}_n"]), sum(of.sums[figure])


def standardised(strata: Sequence[Stratum]) -> tuple[tuple[str, float, float], ...]:
    """(metric, difference as measured, difference weighed to all sampled requests) for means and the error rate.

    Left out are metrics without pairs, and those that too many requests have no stratum with pairs for.
    """
    rows = []
    for name, (metric, unit) in _UNITS.items():
        held = [(s.kept + s.left_out, *s.sums[name]) for s in strata if s.sums[name][0]]
        everybody = sum(s.kept + s.left_out for s in strata)
        covered = sum(weight for weight, *_ in held)
        if not held or covered < (1 - MAX_UNCOVERED) * everybody:
            continue
        n = sum(count for _, count, _, _ in held)
        measured = sum(c - p for _, _, p, c in held) / n / unit
        weighed = sum(weight * (c - p) / count for weight, count, p, c in held) / covered / unit
        rows.append((metric, measured, weighed))
    return tuple(rows)
