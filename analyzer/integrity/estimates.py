"""What estimated token counts may say: where providers do not report usage, our estimator counted both arms alike.

Tokens of an arm that does not report are never held against reported ones: in such a pair output length and speed take
both arms' estimates, and costs are left out unless neither arm reports. A verdict on costs that rest on estimates is
given only if it would stand with all of those costs off by the estimator's error, in whichever direction hurts. The
error is measured where the same arm did report (reported over estimated tokens); where it never did, it is assumed.
"""

import dataclasses

from analyzer.results import Comparison
from analyzer.source import Experiment
from analyzer.stats.interval import Interval
from analyzer.verdict import Evidence, Verdict, verdict

ASSUMED_ERROR = 0.5
"""Of an arm that never reports: English text is within a tenth, other languages, code and tools are not."""
_MONEY = frozenset({"cost_usd", "cost_per_1k_tokens", "cost_per_success"})


def estimator_error(experiment: Experiment) -> float:
    """How far estimated tokens may be off, as a share: the worse arm's; a known one never counts as less than known."""
    errors = (experiment.estimator_error_primary, experiment.estimator_error_candidate)
    return max(ASSUMED_ERROR if error is None else error for error in errors)


def checked(row: Comparison, experiment: Experiment) -> Comparison:
    """The row, without its verdict where estimates are too coarse for it; `worst` is told with the estimator's error.

    Args:
        row: after missing requests were accounted for: their worst case and the estimator's come together.
        experiment: of the candidate.
    """
    if row.metric.name not in _MONEY or not experiment.estimated_both:
        return row
    if row.metric.better is None or row.primary is None or row.candidate is None:
        return row
    error = estimator_error(experiment)
    share = min(1.0, experiment.estimated_both / max(1, row.n))
    evidence = _evidence(row, share * error * (abs(row.primary) + abs(row.candidate)))
    if evidence is None:
        return row
    told = dataclasses.replace(row, worst=evidence.interval)
    if row.verdict is Verdict.UNDECIDED or verdict(evidence, row.metric.better, row.margin) is row.verdict:
        return told
    reason = (
        f"tokens of {experiment.estimated_both} pairs are estimated, and estimates may be {error * 100:.0f} % off, "
        "which could turn it"
    )
    return dataclasses.replace(told, verdict=Verdict.UNDECIDED, reason=reason)


def _evidence(row: Comparison, slack: float) -> Evidence | None:
    """What the row rests on, with the difference off by as much as `slack` in either direction."""
    if row.interval is None:
        return None
    wide = row.worst or row.interval
    down, up = row.interval.low - wide.low + slack, wide.high - row.interval.high + slack
    ends = (row.interval.low, row.interval.high)
    if row.bound is not None and row.surely is not None:
        ends = min(row.bound.value, row.surely), max(row.bound.value, row.surely)
    return Evidence(Interval(row.interval.low - down, row.interval.high + up), ends[0] - down, ends[1] + up)


def warnings(experiment: Experiment) -> list[str]:
    """One sentence for each way in which estimates are part of the numbers."""
    both = experiment.estimated_both
    mixed = experiment.estimated_primary + experiment.estimated_candidate - 2 * both
    found = []
    if mixed:
        found.append(
            f"in {mixed} of {experiment.pairs} pairs one arm reported no usage: there output length and speed are by "
            "our estimator in both arms, and costs are left out"
        )
    if both:
        found.append(
            f"in {both} of {experiment.pairs} pairs neither arm reported usage: their tokens and costs are estimates, "
            f"which may be {estimator_error(experiment) * 100:.0f} % off"
        )
    return found
