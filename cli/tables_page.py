"""The reference page of tables: every column, and every place in the vectors of the rollups."""

from store.rollups import tables as rollups
from store.rollups.tables import BLOCKS, LABELED, SKIPPED, Rollup
from store.tables import TABLES, Table

_ROLLUPS = """\
# Rollups

Filled by views as rows of `pairs` and `skips` arrive; `erase` takes rows out of them again. Rows of the same key add
up, whether the engine has merged them yet or not: always read them with `GROUP BY` and `sumForEachMerge` (vectors) or
`sum`. Rows older than 36 hours are merged to one per hour (`rollup_blocks`) or day (others); a merged row holds some
time within it.

Times are whole microseconds, money whole nano-dollars; an unknown value is not counted in `_n` and adds nothing. A
time above an hour counts as an hour, a cost above $1,000 as that. `_primary_only` and `_candidate_only` are pairs whose
other arm failed, `_neither` pairs whose arms both failed: together they give means and quantiles in which a failure is
longer than every answer. `x` and `y` are numerator (cost) and denominator of a ratio of sums. Of a rate `_primary` and
`_candidate` count the arms in which it happened, `_both` the pairs in which it happened in both.

`rollup_labels` has rows for every value that a label takes: per candidate at most one an hour, and 16 a day. What
bounds them is the labels that the configuration names; a label with a value of its own for each request makes two rows
of each pair, so leave such a label out."""


def tables_page(made: str) -> str:
    """Every table and column; `made` says where the page comes from."""
    lines = ["# Tables", made, "", "Unknown is NULL, never 0. Differences are candidate minus primary.", ""]
    for table in TABLES:
        lines += _section(table)
    lines += [_ROLLUPS, ""]
    for table in rollups.TABLES:
        lines += _section(table)
        if table.name in _PLACES:
            lines += _places(_PLACES[table.name])
    return "\n".join(lines).rstrip() + "\n"


def _section(table: Table) -> list[str]:
    lines = [f"## {table.name}", "", table.comment, "", "| column | type | meaning |", "|---|---|---|"]
    return [*lines, *(f"| `{c.name}` | `{c.type}` | {c.comment} |" for c in table.columns), ""]


_PLACES = {rollup.name: rollup for rollup in (BLOCKS, LABELED, SKIPPED)}
"""Vectors of other tables are as those of `rollup_blocks`."""


def _places(rollup: Rollup) -> list[str]:
    lines = [
        f"Places of the vectors of `{rollup.name}`, from 1:",
        "",
        "| place | statistic | meaning |",
        "|---|---|---|",
    ]
    for vector, places in rollup.vectors.items():
        lines += [f"| `{vector}[{i + 1}]` | {place.name} | {place.comment} |" for i, place in enumerate(places)]
    return [*lines, ""]
