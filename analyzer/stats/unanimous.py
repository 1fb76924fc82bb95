"""When every pair says the same: all differ in one direction, none in the other, and there is no spread to judge by.

Exact binomial limits (Clopper and Pearson 1934) need none: if G independent units all show an event, its probability
is, with confidence 1 - a, at least a^(1/G).
"""


def least_share(units: int, level: float) -> float:
    """One-sided lower limit of the probability of what all of `units` (above 0) independent units showed."""
    return float((1 - level) ** (1 / units))


def p_by_chance(units: int) -> float:
    """Two-sided p-value of the sign test: all of `units` fall on one side though both are as likely."""
    return float(min(1.0, 2 * 0.5**units))
