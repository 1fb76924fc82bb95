"""Labels and other names as codes: two bytes a pair, however long and however many they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MAX_LABELS = 16
"""Names of labels; those that come later in a file are left out."""
MAX_NAMES = 65_534
"""Different values; those that come later are counted as one that is none of them."""
NO_NAME, OTHER_NAME = 0, 65_535
_BATCH = 8192


@dataclass(frozen=True, slots=True)
class Labels:
    """Values of one label."""

    values: tuple[str, ...]
    codes: NDArray[np.uint16]
    """Shape (n,): `NO_NAME`, `OTHER_NAME`, or place in `values` plus 1."""


@dataclass(slots=True)
class Names:
    """Texts by code."""

    codes: dict[str, int] = field(default_factory=dict)

    def code(self, name: object) -> int:
        """Of one name; None has none."""
        if name is None:
            return NO_NAME
        found = self.codes.get(str(name))
        if found is None:
            if len(self.codes) == MAX_NAMES:
                return OTHER_NAME
            found = self.codes[str(name)] = len(self.codes) + 1
        return found


class LabelsBuilder:
    """The labels of pairs, in their order."""

    def __init__(self) -> None:
        self._columns: dict[str, _Column] = {}
        self._pairs = 0
        self.left_out: set[str] = set()
        """Names of labels beyond `MAX_LABELS`; not all of them."""

    def add(self, labels: object) -> None:
        """Of one more pair."""
        if isinstance(labels, Mapping):
            for name, value in labels.items():
                self._add(str(name), value)
        self._pairs += 1

    def _add(self, name: str, value: object) -> None:
        if name in self._columns:
            self._columns[name].add(self._pairs, value)
        elif len(self._columns) < MAX_LABELS:
            self._columns[name] = _Column()
            self._columns[name].add(self._pairs, value)
        elif len(self.left_out) < MAX_LABELS:
            self.left_out.add(name)

    def labels(self) -> dict[str, Labels]:
        """By name."""
        return {name: column.labels(self._pairs) for name, column in self._columns.items()}


class _Column:
    """One label: where it stands, and with which value."""

    def __init__(self) -> None:
        self._names = Names()
        self._held: list[tuple[int, int]] = []
        self._packed: list[NDArray[np.int64]] = []

    def add(self, pair: int, value: object) -> None:
        self._held.append((pair, self._names.code(value)))
        if len(self._held) == _BATCH:
            self._pack()

    def _pack(self) -> None:
        self._packed.append(np.array(self._held, dtype=np.int64).reshape(-1, 2))
        self._held = []

    def labels(self, n: int) -> Labels:
        self._pack()
        codes = np.zeros(n, dtype=np.uint16)
        for packed in self._packed:
            codes[packed[:, 0]] = packed[:, 1]
        return Labels(tuple(self._names.codes), codes)
