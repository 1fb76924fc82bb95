"""Shares with their Monte-Carlo error, and the tables and bars that are made of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.calibration.traffic import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Share:
    """How often something happened."""

    times: int
    of: int

    @classmethod
    def where(cls, happened: FloatArray | BoolArray) -> "Share":
        """nan: not known in that replication."""
        numbers = happened.astype(np.float64)
        known = numbers[~np.isnan(numbers)]
        return cls(int(known.sum()), len(known))

    @property
    def value(self) -> float:
        return self.times / self.of

    @property
    def error(self) -> float:
        """Half of the 95 % Monte-Carlo interval; of a share at least one replication away from 0 and 1."""
        near = min(max(self.value, 1 / self.of), 1 - 1 / self.of) if self.of > 1 else 0.5
        return 1.96 * math.sqrt(near * (1 - near) / self.of)

    def surely_above(self, bound: float, sigmas: float = 3.0) -> bool:
        """By more than chance allows if the true share were the bound."""
        return self.value > bound + sigmas * math.sqrt(bound * (1 - bound) / self.of)

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} ± {100 * self.error:.1f}"


@dataclass(frozen=True, slots=True)
class Bar:
    """What must hold."""

    says: str
    figure: str
    is_met: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@dataclass(frozen=True, slots=True)
class Section:
    """One promise."""

    title: str
    words: str
    """Above the tables."""
    tables: Sequence[Table]
    bars: Sequence[Bar]
    below: str = ""


def median(values: FloatArray) -> float:
    """Of the known ones, those that never came counted as infinite."""
    filled = np.where(np.isnan(values), np.inf, values)
    return float(np.sort(filled)[(len(filled) - 1) // 2])


def count(value: float) -> str:
    return "never" if math.isinf(value) else f"{value:,.0f}"
