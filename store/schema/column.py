"""What a column and a table are, and the types that columns share."""

from dataclasses import dataclass

TS = "DateTime64(6, 'UTC')"
MOMENT = "DateTime64(3, 'UTC')"
SECOND = "DateTime('UTC')"
NAME = "LowCardinality(String)"
REAL = "Nullable(Float64)"
COUNT = "Nullable(UInt32)"


def quoted(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    type: str
    comment: str
    codec: str | None = None

    def ddl(self) -> str:
        """As it stands in CREATE TABLE."""
        codec = f" CODEC({self.codec})" if self.codec else ""
        return f"`{self.name}` {self.type} COMMENT {quoted(self.comment)}{codec}"


@dataclass(frozen=True, slots=True)
class Table:
    """One table."""

    name: str
    comment: str
    columns: tuple[Column, ...]
    holds_text: bool = False
    """What people or models wrote stands in it, for `privacy.retention` after `ts`."""
    text_columns: tuple[str, ...] = ()
    """Of a table that holds text: the columns that are emptied then. None: the whole row goes."""

    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(c.name for c in self.columns)
