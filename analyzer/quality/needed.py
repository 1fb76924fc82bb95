"""How many more labels by people a verdict on a corrected metric takes."""

from analyzer.needed import needed
from analyzer.quality.corrected import DECIDING_LABELS, PLANNED_LABELS
from analyzer.results import Comparison, Needed
from analyzer.stats.robust import StandardError


def labels_needed(row: Comparison, error: StandardError | None) -> Needed:
    """In words: neither money nor time tells when people will label.

    Args:
        row: present state; its difference is taken for the truth, its n are labels.
        error: of the difference; None: not known.
    """
    short = max(DECIDING_LABELS - row.n, 0)
    if row.interval is None or error is None:
        return Needed(None, None, None, _said(short) if short else row.reason)
    found = needed(row, error, planned=PLANNED_LABELS)
    if found.pairs is None:
        return found
    more = max(found.pairs, short)
    return Needed(None, None, None, _said(more)) if more else Needed(0, None, None)


def _said(more: int) -> str:
    return f"it takes about {more:,} more label{'' if more == 1 else 's'} by people"
