"""Questions about some of the pairs only: those with a label's value, of an endpoint, of a model, streamed or not.

Every statement of this package names its tables plainly. So a statement is asked about part of them by common table
expressions of the same names, which come before the tables: what it counts, adds up and draws from is then the part.
Rollups know no such part, and nobody may read them beside it.
"""

# ruff: noqa: S608 - names of our own tables; what comes from outside is a parameter

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from store import tables
from store.comparison import Ask, Columns

MAX_LABELS = 16


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which pairs; all that is named must hold, and what is not named is not asked."""

    labels: Mapping[str, str] = field(default_factory=dict)
    endpoint: str | None = None
    model: str | None = None
    """Of the primary, as its answers name it."""
    stream: bool | None = None

    @property
    def is_all(self) -> bool:
        """Does it leave nothing out?"""
        return self == Narrowing()

    def condition(self, *, of_pairs: bool) -> str:
        """Over the columns of `pairs`; of `skips` those that it has, and nothing where it lacks one."""
        said = [
            f"(mapContains(labels, {{narrow_name_{i}:String}}) "
            f"AND labels[{{narrow_name_{i}:String}}] = {{narrow_value_{i}:String}})"
            for i in range(len(self.labels))
        ]
        if self.model is not None:
            said.append("ifNull(primary_model, '') = {narrow_model:String}")
        if self.endpoint is not None:
            said.append("endpoint = {narrow_endpoint:String}" if of_pairs else "0")
        if self.stream is not None:
            said.append(f"ifNull(stream, false) = {str(self.stream).lower()}" if of_pairs else "0")
        return " AND ".join(said) or "1"

    def parameters(self) -> dict[str, Any]:
        """Of the conditions."""
        found: dict[str, Any] = {}
        for i, (name, value) in enumerate(self.labels.items()):
            found |= {f"narrow_name_{i}": name, f"narrow_value_{i}": value}
        if self.model is not None:
            found["narrow_model"] = self.model
        if self.endpoint is not None:
            found["narrow_endpoint"] = self.endpoint
        return found


def narrowed(ask: Ask, narrowing: Narrowing, database: str) -> Ask:
    """Asks about part of the pairs, of the skipped requests, and of what judges said of those pairs.

    Args:
        ask: runs a SELECT that names tables plainly.
        narrowing: which part; at most 16 labels.
        database: where the tables are, as `currentDatabase()` gives it.

    Raises:
        ValueError: too many labels.
    """
    if len(narrowing.labels) > MAX_LABELS:
        raise ValueError(f"at most {MAX_LABELS} labels")
    place = "`" + database.replace("\\", "\\\\").replace("`", "\\`") + "`"
    of_pairs, of_skips = narrowing.condition(of_pairs=True), narrowing.condition(of_pairs=False)
    chosen = (
        f"(request_id, candidate) IN (SELECT request_id, candidate FROM {place}.{tables.PAIRS.name} WHERE {of_pairs})"
    )
    conditions = {
        tables.PAIRS.name: of_pairs,
        tables.SKIPS.name: of_skips,
        tables.JUDGEMENTS.name: chosen,
        tables.JUDGE_CALLS.name: chosen,
        tables.LABELS_HUMAN.name: chosen,
        tables.TEXT_SCORES.name: chosen,
    }

    def asked(statement: str, parameters: Mapping[str, Any]) -> Columns:
        parts = []
        for name, condition in conditions.items():
            if name in statement:
                # What stands for a table may not be FINAL itself.
                final = " FINAL" if f"{name} FINAL" in statement else ""
                statement = statement.replace(f"{name} FINAL", name)
                parts.append(f"{name} AS (SELECT * FROM {place}.{name}{final} WHERE {condition})")
        prefix = f"WITH {', '.join(parts)} " if parts else ""
        return ask(prefix + statement, {**parameters, **narrowing.parameters()})

    return asked
