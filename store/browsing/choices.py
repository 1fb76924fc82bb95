"""Values that lists can be narrowed by, as the newest pairs of a window have them: the most frequent ones."""

# ruff: noqa: S608 - statements hold names of our own tables and columns; what comes from outside is a parameter

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from store import tables
from store.browsing.stretch import held, stretch
from store.browsing.wanted import Wanted
from store.comparison import Span
from store.parts import STARTED
from store.reader import Reader

LOOKED_AT = 100_000
"""Newest pairs whose values are counted."""
MOST_LABELS = 20
MOST_VALUES = 50
"""Of one label, of endpoints, of models."""
MAX_CHARS = 200
"""Longer values are there to be read, not to be chosen."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from, the most frequent first."""

    candidates: tuple[str, ...]
    """With pairs in the window, by name."""
    labels: Mapping[str, Sequence[str]]
    """Name -> values."""
    endpoints: tuple[str, ...]
    models: tuple[str, ...]
    """Of the primary, as its answers name them."""


def choices(reader: Reader, span: Span) -> Choices:
    """What the newest pairs of a window hold.

    Raises:
        StoreError: no answer.
    """
    who = held(reader, span, ())
    looked = stretch(reader, Wanted(span), most=LOOKED_AT)
    of_pairs = f"FROM {tables.PAIRS.name} WHERE {STARTED}"
    parameters = looked.span.parameters()
    labels: dict[str, list[str]] = {}
    for row in reader.query(
        "SELECT label.1 AS name, label.2 AS value, count() AS n FROM (SELECT arrayJoin(arrayZip(mapKeys(labels), "
        f"mapValues(labels))) AS label {of_pairs}) GROUP BY name, value "
        f"HAVING lengthUTF8(name) <= {MAX_CHARS} AND lengthUTF8(value) <= {MAX_CHARS} ORDER BY name, n DESC, value "
        f"LIMIT {MOST_VALUES} BY name LIMIT {MOST_LABELS * MOST_VALUES}",
        parameters,
    ):
        labels.setdefault(row["name"], []).append(row["value"])

    def most(column: str) -> tuple[str, ...]:
        rows = reader.query(
            f"SELECT toString(assumeNotNull({column})) AS value, count() AS n {of_pairs} AND isNotNull({column}) "
            f"GROUP BY value HAVING lengthUTF8(value) <= {MAX_CHARS} ORDER BY n DESC, value LIMIT {MOST_VALUES}",
            parameters,
        )
        return tuple(row["value"] for row in rows)

    return Choices(
        candidates=tuple(sorted({candidate for candidate, _ in who.experiments})),
        labels=dict(list(labels.items())[:MOST_LABELS]),
        endpoints=most("endpoint"),
        models=most("primary_model"),
    )
