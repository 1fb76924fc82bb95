"""Kinds of whole columns, found by the type that `store.tables` gives them: scalars, and lists and maps of them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from store.transfer.kinds import Day, Exact, Flag, Id, Kind, Moment, Real, Text, Whole


@dataclass(frozen=True, slots=True)
class Many:
    """Lists."""

    item: Kind
    unset: list[Any] = field(default_factory=list)

    @property
    def allowed(self) -> str:
        """What it holds."""
        return f"a list, each entry {self.item.allowed}"

    def accept(self, value: Any) -> list[Any]:
        """Lists."""
        if not isinstance(value, (list, tuple)):
            raise ValueError
        return [self.item.accept(item) for item in value]

    def read(self, text: str) -> list[Any]:
        """JSON."""
        return self.accept(_json(text))

    def plain(self, value: list[Any]) -> list[Any]:
        """A list."""
        return [self.item.plain(item) for item in value]


@dataclass(frozen=True, slots=True)
class Named:
    """Maps from texts."""

    item: Kind
    unset: dict[str, Any] = field(default_factory=dict)

    @property
    def allowed(self) -> str:
        """What it holds."""
        return f"an object of names, each with {self.item.allowed}"

    def accept(self, value: Any) -> dict[str, Any]:
        """Objects of JSON, and Parquet's lists of entries."""
        if isinstance(value, list):
            entries = value
            value = dict(entries)  # no list of pairs: a ValueError or a TypeError
            if len(value) != len(entries):
                raise ValueError
        if not isinstance(value, dict):
            raise ValueError
        return {_NAMES.accept(name): self.item.accept(item) for name, item in value.items()}

    def read(self, text: str) -> dict[str, Any]:
        """JSON."""
        return self.accept(_json(text))

    def plain(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """An object."""
        return {name: self.item.plain(item) for name, item in value.items()}


_NAMES = Text()


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.MsgspecError:
        raise ValueError from None


def _whole(bits: int, *, signed: bool) -> Whole:
    return Whole(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else Whole(0, 2**bits - 1)


_WRAPPED = re.compile(r"(Nullable|LowCardinality)\((.*)\)")
_KINDS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Kind]], ...] = (
    (re.compile(r"String"), lambda _: Text()),
    (re.compile(r"(U?)Int(8|16|32|64)"), lambda m: _whole(int(m[2]), signed=not m[1])),
    (re.compile(r"Float64"), lambda _: Real()),
    (re.compile(r"Bool"), lambda _: Flag()),
    (re.compile(r"Decimal\((\d+), (\d+)\)"), lambda m: Exact(int(m[1]), int(m[2]))),
    (re.compile(r"DateTime64\(([36]), 'UTC'\)"), lambda m: Moment(int(m[1]))),
    (re.compile(r"DateTime\('UTC'\)"), lambda _: Moment(0)),
    (re.compile(r"Date"), lambda _: Day()),
    (re.compile(r"UUID"), lambda _: Id()),
    (re.compile(r"Array\((.*)\)"), lambda m: Many(kind_of(m[1])[0])),
    (re.compile(r"Map\((?:String|LowCardinality\(String\)), (.*)\)"), lambda m: Named(kind_of(m[1])[0])),
)


def kind_of(type_: str) -> tuple[Kind, bool]:
    """The kind of a ClickHouse type as `store.tables` writes it, and whether NULL may stand there.

    Raises:
        TypeError: files have no form for it yet.
    """
    may_be_null = False
    while (wrapped := _WRAPPED.fullmatch(type_)) is not None:
        may_be_null |= wrapped[1] == "Nullable"
        type_ = wrapped[2]
    for pattern, make in _KINDS:
        if (match := pattern.fullmatch(type_)) is not None:
            return make(match), may_be_null
    raise TypeError(f"no form for the type {type_}")
