"""Complete rows in memory -> what a source answers from."""

from collections.abc import Sequence

import numpy as np

from analyzer.filed.building import ColumnBuilder
from analyzer.filed.judged import Judgements
from analyzer.filed.source import Loaded
from analyzer.measures import Row

JUDGED = ("preference", "score_primary", "score_candidate")


def rows_loaded(rows: Sequence[Row], *, what: str) -> Loaded:
    """Of rows that are held anyway: those of tests, and of simulations.

    Args:
        rows: with `ts`, `block`, `bucket`, `candidate`, `experiment` and both outcomes at least.
        what: what the source is called.
    """
    builder = ColumnBuilder()
    for row in rows:
        builder.add(row)
    pairs, labels = builder.columns()
    judged = [(i, row) for i, row in enumerate(rows) if any(row.get(name) is not None for name in JUDGED)]
    judgements = Judgements(
        np.array([i for i, _ in judged], dtype=np.int64),
        *(np.array([row.get(name) for _, row in judged], dtype=np.float64) for name in JUDGED),
    )
    models = tuple(builder.models.codes)
    return Loaded(what, pairs, labels, tuple(builder.who), models, judgements, lambda: enumerate(rows))
