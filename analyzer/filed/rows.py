"""Complete rows in memory -> what a source answers from."""

from collections.abc import Sequence

import numpy as np

from analyzer.filed.building import ColumnBuilder
from analyzer.filed.judged import Judgements
from analyzer.filed.source import Loaded
from analyzer.measures import Row
from store.transfer.importing import JUDGE

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
    names = [str(row.get("judge") or JUDGE) for _, row in judged]
    judges = tuple(dict.fromkeys(names))
    preference, score_primary, score_candidate = (
        np.array([row.get(name) for _, row in judged], dtype=np.float64) for name in JUDGED
    )
    judgements = Judgements(
        np.array([i for i, _ in judged], dtype=np.int64),
        preference,
        score_primary,
        score_candidate,
        longer=np.array([_longer(row) for _, row in judged], dtype=np.float64),
        judge=np.array([judges.index(name) for name in names], dtype=np.int64),
        judges=judges,
    )
    models = tuple(builder.models.codes)
    who = tuple(builder.who)
    return Loaded(what, pairs, labels, who, models, judgements, lambda: enumerate(rows), has_scores=True)


def _longer(row: Row) -> float:
    chars = row.get("candidate_chars"), row.get("primary_chars")
    return float("nan") if None in chars else float(str(chars[0])) - float(str(chars[1]))
