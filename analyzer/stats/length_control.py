"""The win rate if both answers were equally long: judges like long answers, and candidates learn to write them.

A logistic regression of "the candidate won" (a tie is one half) on the difference of lengths,

    logit P(win) = a + b tanh(length difference / its standard deviation),

gives 1 / (1 + exp(-a)), the win rate where that difference is 0 (Dubois, Galambosi, Liang and Hashimoto 2024, "Length-
controlled AlpacaEval", without the terms for single instructions). Errors are those of the sandwich form (Huber 1967;
White 1980), over groups of judgements where these depend on each other, and know that a and b are estimated.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from analyzer.stats.moments import FloatArray, per_group

LEAST_DECIDED = 300
"""Pairs with a winner, before the correction is worth showing."""
_STEPS = 50


@dataclass(frozen=True, slots=True)
class LengthControlled:
    """The fit."""

    n: int
    win_rate: float
    """As judged, ties one half."""
    controlled: float
    """Win rate at equal length."""
    controlled_error: float
    """Standard error (delta method)."""
    intercept: float
    slope: float
    """Above 0: the longer answer wins more often."""
    intercept_error: float
    slope_error: float


def length_controlled(
    won: FloatArray,
    length_difference: FloatArray,
    group: FloatArray | None = None,
    weight: FloatArray | None = None,
) -> LengthControlled | None:
    """Fits the regression by iteratively reweighted least squares.

    Args:
        won: shape (n,): 1 the candidate won, 0 it lost, 0.5 tie; values between are shares.
        length_difference: shape (n,), candidate minus primary, finite, in any unit.
        group: a number per pair (its conversation); None: pairs are independent.
        weight: pairs that each stands for, above 0; None: they all stand for as many. Only ratios matter.

    Returns:
        None below three pairs, where all lengths differ by the same, or where length and preference go together so
        well that the fit has no maximum.
    """
    n = len(won)
    each = np.ones(n) if weight is None or n == 0 else weight / float(weight.mean())
    spread = _spread(length_difference, each) if n >= 3 else 0.0
    if spread == 0.0:
        return None
    design = np.stack([np.ones(n), np.tanh(length_difference / spread)], axis=1)
    coefficients = _fit(design, won, each)
    if coefficients is None:
        return None
    chance = special.expit(design @ coefficients)
    information = design.T @ (design * (each * chance * (1 - chance))[:, None])
    covariance = _sandwich(design * (each * (won - chance))[:, None], np.linalg.inv(information), group)
    a, b = (float(c) for c in coefficients)
    error_a, error_b = (math.sqrt(float(v)) for v in np.diag(covariance))
    controlled = float(special.expit(a))
    return LengthControlled(
        n,
        float(np.average(won, weights=each)),
        controlled,
        controlled * (1 - controlled) * error_a,
        a,
        b,
        error_a,
        error_b,
    )


def _spread(values: FloatArray, each: FloatArray) -> float:
    """Standard deviation, divisor n - 1 where all weigh the same."""
    n = len(values)
    centred = values - float(np.average(values, weights=each))
    return math.sqrt(float(each @ centred**2) / (n - 1))


def _sandwich(scores: FloatArray, inverse: FloatArray, group: FloatArray | None) -> FloatArray:
    """HC0 over single pairs; over groups with the factor G / (G - 1)."""
    factor = 1.0
    if group is not None:
        _, index = np.unique(group, return_inverse=True)
        scores = np.stack([per_group(index, column) for column in scores.T], axis=1)
        factor = len(scores) / max(len(scores) - 1, 1)
    covariance: FloatArray = inverse @ (factor * scores.T @ scores) @ inverse
    return covariance


def _fit(design: FloatArray, won: FloatArray, each: FloatArray) -> FloatArray | None:
    coefficients = np.zeros(2)
    for _ in range(_STEPS):
        chance = special.expit(design @ coefficients)
        information = design.T @ (design * (each * chance * (1 - chance))[:, None])
        # Separated data drive all chances to 0 or 1, and the information to nothing.
        if float(np.linalg.eigvalsh(information)[0]) < 1e-9 * len(won):
            return None
        step = np.linalg.solve(information, design.T @ (each * (won - chance)))
        # Far from the maximum a full step may overshoot.
        step = step * min(1.0, 5.0 / float(np.abs(step).max() or 1.0))
        coefficients = coefficients + step
        if float(np.abs(step).max()) < 1e-12:
            return coefficients
    return None
