"""Two JSON values, and where they differ."""

import math
from collections.abc import Iterator, Mapping, Sequence

RELATIVE = 1e-9
"""Numbers that differ by less of their size are equal: sums in another order round in another way."""
_ABSOLUTE = 1e-15
"""What is left of a difference of equal numbers."""
_NAMED_BY = (("name", "label", "value", "metric", "estimand"), ("first", "second"))
"""What tells entries of a list apart, where they have it."""


def differences(stored: object, computed: object, place: str = "") -> list[str]:
    """One line per value that differs: `report.candidates[swift].pairs: stored 10, computed 11`."""
    return list(_between(stored, computed, place))


def _between(stored: object, computed: object, place: str) -> Iterator[str]:
    if isinstance(stored, Mapping) and isinstance(computed, Mapping):
        for name in dict.fromkeys([*stored, *computed]):
            here = f"{place}.{name}" if place else str(name)
            if name not in computed:
                yield f"{here}: stored {_shown(stored[name])}, computed nothing"
            elif name not in stored:
                yield f"{here}: stored nothing, computed {_shown(computed[name])}"
            else:
                yield from _between(stored[name], computed[name], here)
    elif isinstance(stored, list | tuple) and isinstance(computed, list | tuple):
        yield from _between_lists(stored, computed, place)
    elif not _equal(stored, computed):
        yield f"{place}: stored {_shown(stored)}, computed {_shown(computed)}"


def _between_lists(stored: Sequence[object], computed: Sequence[object], place: str) -> Iterator[str]:
    if len(stored) != len(computed):
        yield f"{place}: stored {len(stored)} entries, computed {len(computed)}"
    for index, (one, other) in enumerate(zip(stored, computed, strict=False)):
        yield from _between(one, other, f"{place}[{_entry(other, index)}]")


def _entry(value: object, index: int) -> str:
    """`total_ms p95`, else its number."""
    if isinstance(value, Mapping):
        for names in _NAMED_BY:
            named = [str(value[name]) for name in names if isinstance(value.get(name), str)]
            if named:
                return " ".join(named)
    return str(index)


def _equal(stored: object, computed: object) -> bool:
    if isinstance(stored, float) or isinstance(computed, float):
        if not _is_number(stored) or not _is_number(computed):
            return False
        return math.isclose(stored, computed, rel_tol=RELATIVE, abs_tol=_ABSOLUTE)  # type: ignore[arg-type]
    # True is 1 to Python.
    return type(stored) is type(computed) and stored == computed


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
