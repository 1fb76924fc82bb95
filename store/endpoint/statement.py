"""What a statement's text is, as far as the endpoint must know before the engine does.

The engine's own parser decides what is allowed; here is only found where an insert's data begins, which format a query
answers in, and the few forms that no client may use because they would end the owner or write files.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# What is not closed reaches to the end, so that no text is looked through again and again.
_TOKEN = re.compile(
    rb"""(?P<skip>\s+|--[^\n]*|//[^\n]*|\#[!\s][^\n]*|/\*(?:.*?\*/|.*))
    |(?P<text>'(?:[^'\\]|\\.|'')*(?:'|\\?\Z)|"(?:[^"\\]|\\.|"")*(?:"|\\?\Z)|`(?:[^`\\]|\\.|``)*(?:`|\\?\Z)
        |\xe2\x80\x98(?:.*?\xe2\x80\x99|.*)|\xe2\x80\x9c(?:.*?\xe2\x80\x9d|.*))  # typographic quotes are quotes
    |(?P<tag>\$\w*\$)|(?P<word>[A-Za-z_]\w*)|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<other>\d[\w.]*|.)""",
    re.DOTALL | re.VERBOSE,
)
_UNCLOSED_TAGS = 100
"""A text with more than so many `$tag$` that are not closed has none that is."""
_INSERT_FORMAT = re.compile(rb"\s*(\w+)(\s+SETTINGS\s+[^\n;]*)?[ \t]*\r?\n?", re.IGNORECASE)
_FORBIDDEN = frozenset(
    {("INTO", "OUTFILE"), ("FROM", "INFILE"), ("SYSTEM", "SHUTDOWN"), ("SYSTEM", "KILL"), ("SYSTEM", "START")}
)
_STREAMED = frozenset({"Native", "TabSeparated", "TSV", "TabSeparatedRaw", "TSVRaw", "CSV", "RowBinary", "JSONEachRow"})
"""Formats whose blocks, one behind the other, are one valid answer."""


@dataclass(frozen=True, slots=True)
class InsertHead:
    """An insert whose rows follow its text."""

    sql: str
    """The statement without its format."""
    format: str
    data_at: int
    """Where the rows begin in the request."""

    def from_file(self, path: str) -> str:
        """The same insert with its rows in a file, whose path holds no quotes."""
        sql = self.sql.encode()
        at = next((start for word, start, _ in words(sql) if word == "SETTINGS"), len(sql))
        return f"{sql[:at].decode()} FROM INFILE '{path}' COMPRESSION 'none' {sql[at:].decode()} FORMAT {self.format}"


@dataclass(frozen=True, slots=True)
class QueryShape:
    """How a statement's answer leaves."""

    format: str
    is_streamed: bool
    """Its blocks may be sent as they come."""


def words(sql: bytes) -> Iterator[tuple[str, int, int]]:
    """(word in upper case, start, end) of every bare word outside brackets, quotes and comments."""
    depth = 0
    for token in _tokens(sql):
        depth += (token.lastgroup == "open") - (token.lastgroup == "close")
        if depth == 0 and token.lastgroup == "word":
            yield token[0].decode().upper(), token.start(), token.end()


def _tokens(sql: bytes) -> Iterator[re.Match[bytes]]:
    """Tokens but for `$tag$text$tag$`."""
    at = 0
    unclosed: set[bytes] = set()
    while (token := _TOKEN.match(sql, at)) is not None:
        at = token.end()
        if token.lastgroup != "tag":
            yield token
            continue
        closed = -1 if token[0] in unclosed or len(unclosed) > _UNCLOSED_TAGS else sql.find(token[0], at)
        if closed >= 0:
            at = closed + len(token[0])
        else:  # no more than a dollar sign
            unclosed.add(token[0])
            at = token.start() + 1


def insert_head(body: bytes) -> InsertHead | None:
    """`INSERT ... FORMAT x` or `INSERT ... VALUES` with rows behind it; None for any other statement.

    Args:
        body: the beginning of the request, at least all of the statement itself. Rows are not looked at.
    """
    found = words(body)
    if next(found, ("", 0, 0))[0] != "INSERT":
        return None
    for word, start, end in found:
        if word in {"SELECT", "WITH", "FROM"}:
            return None
        if word == "VALUES":
            return InsertHead(body[:start].decode(), "Values", end)
        if word == "FORMAT" and (match := _INSERT_FORMAT.match(body, end)):
            return InsertHead((body[:start] + (match[2] or b"")).decode(), match[1].decode(), match.end())
    return None


def forbidden(sql: bytes) -> str | None:
    """The two words of a form that nobody may use, such as `INTO OUTFILE`."""
    before = ""
    for word, _, _ in words(sql):
        if (before, word) in _FORBIDDEN:
            return f"{before} {word}"
        before = word
    return None


def query_shape(sql: bytes, default_format: str) -> QueryShape:
    """Format and manner of the answer; `FORMAT x` counts when it is the end, or when only settings follow."""
    found = list(words(sql))
    answer = default_format
    for (word, _, _), (name, start, end), after in zip(found, found[1:], [*found[2:], None], strict=False):
        if word == "FORMAT" and (after is None or after[0] == "SETTINGS"):
            answer = sql[start:end].decode() if name else answer
    first = found[0][0] if found else ""
    has_totals = any(word == "TOTALS" for word, _, _ in found)
    return QueryShape(answer, first in {"SELECT", "WITH", "FROM"} and answer in _STREAMED and not has_totals)
