"""Several hypotheses at once."""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that hold the chance of any false rejection (Holm 1979), under any dependence.

    In the order given; each in [0, 1].
    """
    count = len(p_values)
    adjusted = [0.0] * count
    highest = 0.0
    for rank, index in enumerate(sorted(range(count), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """q-values: rejecting those up to q keeps the expected share of false ones among the rejected at q or less.

    Benjamini and Hochberg (1995, JRSS-B 57:289), for p-values that are independent or positively dependent. In the
    order given; each in [0, 1].
    """
    count = len(p_values)
    adjusted = [0.0] * count
    lowest = 1.0
    ascending = sorted(range(count), key=p_values.__getitem__)
    for rank in range(count, 0, -1):
        index = ascending[rank - 1]
        lowest = min(lowest, count / rank * p_values[index])
        adjusted[index] = lowest
    return adjusted


def all_hold(p_values: Sequence[float]) -> float:
    """p-value of "at least one fails" (intersection-union, Berger 1982): all must pass, no correction is due.

    Raises:
        ValueError: nothing was asked, so nothing passed.
    """
    if not p_values:
        raise ValueError("an intersection of no hypotheses says nothing")
    return max(p_values)
