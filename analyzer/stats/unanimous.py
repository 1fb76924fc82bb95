"""When every pair says the same: all differ in one direction, none in the other, and there is no spread to judge by.

For one look: exact binomial limits (Clopper and Pearson 1934). If G independent units all show an event, its
probability is, with confidence 1 - a, at least a^(1/G). For any number of looks: the likelihood ratio
mixed over all alternatives alike has the evidence 1 / ((G + 1) t^G) against a probability t, which passes 1 / a at
t = (a / (G + 1))^(1/G).
"""


def least_share(units: int, level: float) -> float:
    """One-sided lower limit of the probability of what all of `units` (above 0) independent units showed; one look."""
    return float((1 - level) ** (1 / units))


def p_by_chance(units: int) -> float:
    """Two-sided p-value of the sign test: all of `units` fall on one side though both are as likely; one look."""
    return float(min(1.0, 2 * 0.5**units))


def least_share_anytime(units: int, level: float) -> float:
    """The same limit, at all times at once."""
    return float(((1 - level) / (units + 1)) ** (1 / units))


def p_by_chance_anytime(units: int) -> float:
    """Always-valid p-value of "both sides are as likely"."""
    return float(min(1.0, (units + 1) * 0.5**units))
