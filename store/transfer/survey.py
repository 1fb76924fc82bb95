"""What the rows of a file hold, and what is wrong with them, in few lines however often a mistake repeats."""

from dataclasses import dataclass, field

from store.transfer.forms import Fault

MAX_FAULTS = 50
"""Lines that are told."""
ALIKE = 3
"""Rows with the same kind of fault in the same column that are told one by one; the others are counted."""
_MAX_KINDS = 1000
"""That are told apart: names of columns come from the file, and must not fill the memory."""
_WHOLE_ROWS = "rows that cannot be read"


@dataclass(slots=True)
class Survey:
    """What a file holds."""

    rows: int = 0
    with_texts: int = 0
    """Rows that hold texts."""
    faults: list[str] = field(default_factory=list)
    """Those that are told one by one."""
    more_faults: int = 0
    """The others."""
    _seen: dict[tuple[str, str], int] = field(default_factory=dict)
    """(column, kind) -> rows."""
    _counted: dict[str, int] = field(default_factory=dict)
    """Column -> rows that are not told."""

    def add(self, place: str, fault: Fault) -> None:
        """One more.

        Args:
            place: where it is.
            fault: what it is.
        """
        kind = fault.column, fault.kind or fault.text
        times = self._seen.get(kind, 0)
        if times or len(self._seen) < _MAX_KINDS:
            self._seen[kind] = times + 1
        if times and fault.once:
            return
        if times < ALIKE and len(self.faults) < MAX_FAULTS:
            self.faults.append(f"{place}: {fault.column}: {fault.text}" if fault.column else f"{place}: {fault.text}")
            return
        self.more_faults += 1
        name = fault.column or _WHOLE_ROWS
        if name in self._counted or len(self._counted) < _MAX_KINDS:
            self._counted[name] = self._counted.get(name, 0) + 1

    def told(self) -> tuple[list[str], int]:
        """At most `MAX_FAULTS` lines, the counts last; and the number of faults of which they say nothing."""
        counts = list(self._counted.items())[: MAX_FAULTS - len(self.faults)]
        lines = [f"{name}: {n:,} more row{'s' if n > 1 else ''} with such a fault" for name, n in counts]
        return [*self.faults, *lines], self.more_faults - sum(n for _, n in counts)
