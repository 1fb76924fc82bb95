"""What people say, how far they agree with each other, and judges with them."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from analyzer.quality.figures import QualityFigures, SignTable
from analyzer.quality.likeness import likeness
from analyzer.quality.results import Agreement, People
from analyzer.stats.agreement import cohens_kappa, concordance
from analyzer.stats.interval import Interval
from analyzer.stats.proportions import wilson


def people(figures: QualityFigures, level: float) -> People | None:
    """None without labels."""
    found = figures.people
    if found is None:
        return None
    preferences = next((c for c in figures.corrections if c.metric == "judge_preference"), None)
    alike = None if preferences is None else likeness(preferences)
    return People(
        pairs=sum(pairs for *_, pairs in found.patterns),
        labelers=found.labelers,
        among=among_people(
            [{1: wins, 0: ties, -1: losses} for wins, ties, losses, _ in found.patterns],
            level,
            [pairs for *_, pairs in found.patterns],
        ),
        labelled_preference=None if alike is None else alike.labelled,
        other_preference=None if alike is None else alike.others,
        p_alike=None if alike is None else alike.p_value,
    )


def agreement(table: SignTable, level: float) -> Agreement | None:
    """A judge with people; None without pairs that both saw.

    Args:
        table: rows the judge, columns people; loss, tie, win.
        level: of the intervals.
    """
    counts = np.array(table, dtype=np.float64)
    n, same = int(counts.sum()), int(np.trace(counts))
    if n == 0:
        return None
    kappa = cohens_kappa(counts)
    return Agreement(
        table,
        n,
        same / n,
        wilson(same, n, level),
        None if kappa is None else kappa.value,
        None if kappa is None else kappa.interval(level),
    )


def among_people(
    votes: Sequence[Mapping[int, int]], level: float, pairs: Sequence[int] | None = None
) -> Agreement | None:
    """People with each other (Fleiss 1971), with normal intervals.

    Args:
        votes: of each pair, or of several alike ones: sign -> people.
        level: of the intervals.
        pairs: how many each stands for; None: one.
    """
    counts = np.array([[of.get(sign, 0) for sign in (-1, 0, 1)] for of in votes], dtype=np.float64).reshape(-1, 3)
    agreed = concordance(counts, None if pairs is None else np.array(pairs, dtype=np.float64))
    if agreed is None:
        return None
    z = float(stats.norm.ppf(0.5 + level / 2))

    def around(value: float, error: float, least: float) -> Interval:
        return Interval(max(least, value - z * error), min(1.0, value + z * error))

    kappa = agreed.kappa
    return Agreement(
        None,
        agreed.subjects,
        agreed.share,
        around(agreed.share, agreed.share_error, 0.0),
        kappa,
        None if kappa is None or agreed.kappa_error is None else around(kappa, agreed.kappa_error, -1.0),
    )


def sign_table(rows: Sequence[Sequence[int]]) -> SignTable:
    """Three by three counts."""
    first, second, third = ((row[0], row[1], row[2]) for row in rows)
    return first, second, third
