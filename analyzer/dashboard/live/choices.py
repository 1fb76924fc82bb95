"""What the filters of a live page offer: values that there are, the most frequent first; others can be typed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from analyzer.answering import Answer
from config.model import Config
from store.comparison import Ask
from store.tables import PAIRS

MOST = 40
"""Values of each filter that are offered."""
_SPAN_S = 3600
"""Endpoints and models of the last hour are offered."""


@dataclass(frozen=True, slots=True)
class Offered:
    """Endpoints and models that answered lately."""

    endpoints: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choices:
    """Values by filter."""

    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    endpoints: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def with_labels(self, names: Iterable[str]) -> "Choices":
        """Labels that an address asks for have a field, too, whether there are values or not."""
        return replace(self, labels={**self.labels, **{name: () for name in names if name not in self.labels}})


def offered(ask: Ask) -> Offered:
    """Reads two narrow columns of the last hour's pairs."""
    found = []
    for column in ("endpoint", "ifNull(primary_model, '')"):
        rows = ask(
            f"SELECT {column} AS value, count() AS n FROM {PAIRS.name} "  # noqa: S608 - our own names
            f"WHERE ts >= now64(6, 'UTC') - INTERVAL {_SPAN_S} SECOND "
            f"GROUP BY value ORDER BY n DESC, value LIMIT {MOST}",
            {},
        )
        found.append(tuple(str(value) for value in rows["value"] if value))
    return Offered(*found)


def choices(config: Config, made: Answer | None, there: Offered | None) -> Choices:
    """Of the configuration's labels, with the values of the study; and what answered lately.

    Args:
        config: as of now.
        made: the study, whose labels are the most frequent ones; None: there is none yet.
        there: endpoints and models; None: not known.
    """
    labels: dict[str, dict[str, int]] = {name: {} for name in config.labels}
    for compared in () if made is None else made.figures.compared.values():
        for table in compared.labels:
            counts = labels.setdefault(table.label, {})
            counts[table.value] = counts.get(table.value, 0) + sum(table.buckets.sums.get("pairs", (0,)))
    there = there or Offered()
    return Choices(
        {
            name: tuple(sorted(counts, key=lambda value: (-counts[value], value))[:MOST])
            for name, counts in labels.items()
        },
        there.endpoints,
        there.models,
    )
