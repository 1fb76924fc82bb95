"""From decisions to go or no-go."""

from collections.abc import Mapping, Sequence
from typing import Literal

from analyzer.results import CandidateStudy, Decision

Result = Literal["pass", "fail", "undecided"]
EXIT_CODES: Mapping[Result, int] = {"pass": 0, "fail": 1, "undecided": 2}


def decisions_of(candidates: Sequence[CandidateStudy]) -> dict[str, Decision]:
    """By candidate."""
    return {candidate.name: candidate.decision for candidate in candidates}


def result_of(decisions: Mapping[str, Decision]) -> Result:
    """Pass: each candidate that was asked for promotes. Fail: at least one rejects. Undecided: everything else."""
    if "reject" in decisions.values():
        return "fail"
    return "pass" if set(decisions.values()) == {"promote"} else "undecided"
