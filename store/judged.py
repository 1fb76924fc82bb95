"""Which judgements a report counts: of one rubric, since verdicts by different measures are no sample of one thing."""

# ruff: noqa: S608 - statements hold names of our own; what comes from outside is a parameter

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store import tables
from store.comparison import Ask, records
from store.parts import OF_EXPERIMENTS, Part

SETTLED = ("equal", "structure")
"""Rungs below the judge: they need no rubric."""
_SETTLED_SQL = f"rung IN ({', '.join(repr(rung) for rung in SETTLED)})"


@dataclass(frozen=True, slots=True)
class JudgedUnder:
    """By what measure an experiment was judged last."""

    rubric: str
    """With its version."""
    first_us: int
    """Start of the first pair that a judge judged by it, microseconds since the epoch."""
    last_us: int
    """Start of the last."""


def judged_rubric(ask: Ask, part: Part, experiments: Sequence[str] | None = None) -> dict[tuple[str, str], JudgedUnder]:
    """(candidate, experiment) -> the rubric that its newest judgement was made by; nothing where no judge was asked.

    Args:
        ask: runs a SELECT.
        part: pairs of a stretch of time.
        experiments: ids; None: all.
    """
    of = "" if experiments is None else f" AND {OF_EXPERIMENTS}"
    found = ask(
        "SELECT candidate, experiment, rubric, max(judged_at) AS judged_last, "
        "toUnixTimestamp64Micro(min(ts)) AS first_us, toUnixTimestamp64Micro(max(ts)) AS last_us "
        f"FROM {tables.JUDGEMENTS.name} WHERE {part.condition}{of} AND NOT {_SETTLED_SQL} "
        "GROUP BY candidate, experiment, rubric ORDER BY judged_last, rubric",
        part.parameters() if experiments is None else part.parameters_of(list(experiments)),
    )
    return {
        (row["candidate"], row["experiment"]): JudgedUnder(row["rubric"], int(row["first_us"]), int(row["last_us"]))
        for row in records(found)
    }


_PLACE = (
    "indexOf(arrayZip({judged_candidates:Array(String)}, {judged_experiments:Array(String)}), "
    "(toString(candidate), toString(experiment)))"
)
UNDER = (
    f"{_PLACE} > 0 AND if({_SETTLED_SQL}, "
    f"toUnixTimestamp64Micro(ts) >= {{judged_first_us:Array(Int64)}}[{_PLACE}] "
    f"AND toUnixTimestamp64Micro(ts) <= {{judged_last_us:Array(Int64)}}[{_PLACE}], "
    f"rubric = {{judged_rubrics:Array(String)}}[{_PLACE}])"
)
"""Rows of `judgements` that a report counts, with `parameters_under`.

Free rungs settle pairs whatever the rubric, and go on while no judge is asked. Beside the judged pairs they stand for
pairs of the same time only: more of them would make the arms look more alike than they are.
"""


def parameters_under(judged: Mapping[tuple[str, str], JudgedUnder]) -> dict[str, Any]:
    """Of `UNDER`, from `judged_rubric`."""
    return {
        "judged_candidates": [candidate for candidate, _ in judged],
        "judged_experiments": [experiment for _, experiment in judged],
        "judged_rubrics": [under.rubric for under in judged.values()],
        "judged_first_us": [under.first_us for under in judged.values()],
        "judged_last_us": [under.last_us for under in judged.values()],
    }
