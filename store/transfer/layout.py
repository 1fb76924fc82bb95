"""Which columns a file of pairs has: those of `pairs`, texts when asked for, and what a judge said."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from store.tables import JUDGEMENTS, PAIRS, PAYLOADS, Column
from store.transfer.column_kinds import kind_of
from store.transfer.conversations import Conversation
from store.transfer.kinds import Kind

PRIMARY, CANDIDATE = "primary", "candidate"
ARMS = (PRIMARY, CANDIDATE)

_BATCH = "batch"
"""Names an insert of one store and says nothing of the pair: it is made anew where a file is imported."""
_TEXTS = ("request", "response", "reasoning", "tool_calls")
_JUDGED = ("preference", "score_primary", "score_candidate", "judge")


_CONVERSATION = Conversation(0, 2**64 - 1)


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a file."""

    name: str
    kind: Kind
    may_be_null: bool

    def accept(self, value: Any) -> Any:
        """A value of JSON or Parquet as the store takes it.

        Raises:
            ValueError: with what is allowed.
        """
        try:
            return self.kind.accept(value)
        except (ValueError, TypeError):
            raise ValueError(self.kind.allowed) from None

    def read(self, text: str) -> Any:
        """The same from a cell of CSV.

        Raises:
            ValueError: with what is allowed.
        """
        try:
            return self.kind.read(text)
        except (ValueError, TypeError):
            raise ValueError(self.kind.allowed) from None

    def plain(self, value: Any) -> Any:
        """A value of the store as JSON has it."""
        return None if value is None else self.kind.plain(value)


def _field(column: Column, name: str | None = None, *, optional: bool = False) -> Field:
    kind, may_be_null = kind_of(column.type)
    return Field(name or column.name, _CONVERSATION if column.name == "conversation" else kind, may_be_null or optional)


def _columns(columns: tuple[Column, ...]) -> Mapping[str, Column]:
    return {column.name: column for column in columns}


PAIR_FIELDS = tuple(_field(column) for column in PAIRS.columns if column.name != _BATCH)
"""What `export` writes, in this order."""


def text_column(arm: str, name: str) -> str:
    """Name of a text's column: `primary_tool_calls` is a number already."""
    return f"{arm}_{name}_text"


TEXT_COLUMNS = MappingProxyType({(arm, name): text_column(arm, name) for arm in ARMS for name in _TEXTS})
"""(arm, column of `payloads`) -> column of a file."""
TEXT_FIELDS = tuple(
    _field(_columns(PAYLOADS.columns)[name], column, optional=True) for (_, name), column in TEXT_COLUMNS.items()
)
"""NULL: nothing of that side is kept."""
JUDGED_FIELDS = tuple(_field(_columns(JUDGEMENTS.columns)[name], optional=True) for name in _JUDGED)
"""Read, never written."""

FIELDS: Mapping[str, Field] = MappingProxyType(
    {field.name: field for field in (*PAIR_FIELDS, *TEXT_FIELDS, *JUDGED_FIELDS)}
)
"""What a file may hold."""


def has_texts(row: Mapping[str, Any], arm: str) -> bool:
    """Does a row hold a text of this arm?"""
    return any(row.get(column) is not None for (whose, _), column in TEXT_COLUMNS.items() if whose == arm)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What the columns of one kind of file are."""

    fields: Mapping[str, Field]
    """By name."""
    ignored: frozenset[str]
    """Known, and not taken over."""

    def unknown(self, name: str) -> str:
        """What to say of a column that no such file has."""
        return _unknown(self, name)


@lru_cache(maxsize=256)
def _unknown(layout: Layout, name: str) -> str:
    close = difflib.get_close_matches(name, layout.fields, n=1, cutoff=0.5)
    nearest = f"; the nearest is {close[0]!r}" if close else ""
    return f"no such column{nearest}; if a newer shadowbench wrote the file, import it with that version"


PAIRS_FILE = Layout(FIELDS, frozenset({_BATCH}))
