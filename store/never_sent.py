"""Copies that the candidate was not there for: rows of `skips`, read as rows of `pairs` in which it failed."""

from record.outcome import Outcome
from record.states import CLASS_OF, SKIPS, StateClass
from store import tables

UNAVAILABLE = tuple(s.value for s in SKIPS if CLASS_OF[s] is StateClass.CANDIDATE)
"""Reasons of such rows."""


def of_skip(column: tables.Column) -> str:
    """A column of `pairs` for a row of `skips`: its own where it has one, else what is known of a leg never sent."""
    if column.name in tables.SKIPS.names():
        return column.name
    if column.name == "candidate_outcome":
        return f"'{Outcome.UNAVAILABLE.value}' AS {column.name}"
    if "Nullable(" in column.type:
        return f"CAST(NULL, '{column.type}') AS {column.name}"
    if column.type.startswith("Array("):
        return f"CAST([], '{column.type}') AS {column.name}"
    return f"{'false' if column.type == 'Bool' else '0'} AS {column.name}"
