"""Strengths of several candidates from who was preferred to whom (Bradley and Terry 1952, Biometrika 39:324).

i is preferred to j with the probability 1 / (1 + exp(theta_j - theta_i)); a tie is half a win of each. The likelihood
is concave and has one maximum (theta of a reference fixed at 0) where everyone is linked to everyone by wins in both
directions, perhaps by way of others (Ford 1957). Newton's method finds it; minorisation-maximisation (Hunter 2004,
Annals of Statistics 32:384) would as well, in more steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.stats.moments import FloatArray

_STEPS = 100


@dataclass(frozen=True, slots=True)
class Strengths:
    """The fit."""

    theta: tuple[float, ...]
    """Log-odds against the reference, whose own is 0."""
    errors: tuple[float, ...]
    """Standard errors, 0 of the reference; over groups where these were given, else of independent judgements."""
    deviance: float
    """Of the fit against one probability per pair of items."""
    residual_degrees: int
    """Pairs of items that met, less the strengths."""


def bradley_terry(
    wins: FloatArray, *, reference: int = 0, by_group: Sequence[FloatArray] | None = None
) -> Strengths | None:
    """Fits strengths.

    Args:
        wins: shape (K, K), how often the row's item was preferred to the column's; the diagonal is ignored.
        reference: the item whose strength is 0.
        by_group: the same per group of judgements that depend on each other (blocks; one request judged for several
            candidates), adding up to `wins`: errors are then robust to that (sandwich with G / (G - 1)).

    Returns:
        None where the data put no bound on some strength (an item that won, or lost, always), or with one item, or with
        one group.
    """
    wins = np.where(np.eye(len(wins), dtype=bool), 0.0, np.asarray(wins, dtype=np.float64))
    if len(wins) < 2 or not _is_linked(wins) or (by_group is not None and len(by_group) < 2):
        return None
    free = np.flatnonzero(np.arange(len(wins)) != reference)
    theta = _fit(wins, free)
    inverse = np.linalg.inv(_information(wins, theta)[np.ix_(free, free)])
    covariance = inverse
    if by_group is not None:
        scores = np.array([_score(np.asarray(part, dtype=np.float64), theta)[free] for part in by_group])
        groups = len(by_group)
        covariance = inverse @ (groups / (groups - 1) * scores.T @ scores) @ inverse
    errors = np.zeros(len(wins))
    errors[free] = np.sqrt(np.diag(covariance))
    met = int(np.count_nonzero(np.triu(wins + wins.T)))
    return Strengths(
        tuple(float(t) for t in theta),
        tuple(float(e) for e in errors),
        _deviance(wins, theta),
        met - len(free),
    )


def _is_linked(wins: FloatArray) -> bool:
    """Everyone reaches everyone by wins."""
    reached = (wins > 0) | np.eye(len(wins), dtype=bool)
    for _ in range(len(wins).bit_length()):
        reached = reached @ reached
    return bool(reached.all())


def _probability(theta: FloatArray) -> FloatArray:
    """Shape (K, K): the row's item is preferred to the column's."""
    chance: FloatArray = 1 / (1 + np.exp(np.clip(theta[None, :] - theta[:, None], -700, 700)))
    return chance


def _score(wins: FloatArray, theta: FloatArray) -> FloatArray:
    met = wins + wins.T
    away = wins - met * _probability(theta)
    np.fill_diagonal(away, 0.0)
    score: FloatArray = away.sum(axis=1)
    return score


def _information(wins: FloatArray, theta: FloatArray) -> FloatArray:
    chance = _probability(theta)
    weight = (wins + wins.T) * chance * (1 - chance)
    return np.diag(weight.sum(axis=1)) - weight


def _log_likelihood(wins: FloatArray, theta: FloatArray) -> float:
    return float(-(wins * np.logaddexp(0.0, theta[None, :] - theta[:, None])).sum())


def _fit(wins: FloatArray, free: NDArray[np.intp]) -> FloatArray:
    """Newton's steps, halved while they lead down."""
    theta = np.zeros(len(wins))
    likelihood = _log_likelihood(wins, theta)
    for _ in range(_STEPS):
        step = np.zeros(len(wins))
        step[free] = np.linalg.solve(_information(wins, theta)[np.ix_(free, free)], _score(wins, theta)[free])
        while _log_likelihood(wins, theta + step) < likelihood - 1e-12 * abs(likelihood):
            step /= 2
        theta = theta + step
        likelihood = _log_likelihood(wins, theta)
        if float(np.abs(step).max()) < 1e-12 * (1 + float(np.abs(theta).max())):
            break
    return theta


def _deviance(wins: FloatArray, theta: FloatArray) -> float:
    expected = (wins + wins.T) * _probability(theta)
    won = wins > 0
    return float(2 * (wins[won] * np.log(wins[won] / expected[won])).sum())
