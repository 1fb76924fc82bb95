"""What the reader may run.

The engine checks no privileges, so the endpoint does, on the engine's own parsed form of the statement (`EXPLAIN AST`):
quoting, comments, case, aliases and parameters are already resolved there. Kinds of nodes, functions, table functions,
system tables and formats are each an allow-list; what is not known is refused.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from store.endpoint.functions import TABLE_FUNCTIONS, is_allowed
from store.endpoint.place import DATABASE
from store.endpoint.statement import words

# Kinds that keep expressions out of sight of EXPLAIN AST are missing: `APPLY`, `SHOW ... WHERE`, and settings, because
# some settings are themselves expressions (`additional_result_filter`) or name files.
_NODE_KINDS = """
    ArrayJoin Asterisk ColumnsExceptTransformer ColumnsListMatcher ColumnsRegexpMatcher
    ColumnsReplaceTransformer ColumnsReplaceTransformer::Replacement ColumnsTransformerList DescribeQuery
    ExistsTableQuery Explain ExpressionList Function Identifier InterpolateElement Literal OrderByElement
    QualifiedAsterisk QualifiedColumnsListMatcher QualifiedColumnsRegexpMatcher SampleRatio
    SelectIntersectExceptQuery SelectQuery SelectWithUnionQuery ShowCreateTableQuery Subquery TableExpression
    TableIdentifier TableJoin TablesInSelectQuery TablesInSelectQueryElement WindowDefinition WindowListElement
    WithElement
"""
_NODES = frozenset(_NODE_KINDS.split())
_SYSTEM_TABLES = frozenset(
    {"columns", "databases", "functions", "merges", "numbers", "one", "parts", "settings", "tables"}
)
_GUARDED_DATABASES = frozenset({"default", "system", "information_schema"})
_FORMAT_NAMES = """
    Arrow ArrowStream CSV CSVWithNames CSVWithNamesAndTypes JSON JSONColumns JSONColumnsWithMetadata JSONCompact
    JSONCompactColumns JSONCompactEachRow JSONCompactEachRowWithNames JSONCompactEachRowWithNamesAndTypes
    JSONCompactStrings JSONEachRow JSONObjectEachRow JSONStrings JSONStringsEachRow Markdown Native Null Parquet
    Pretty PrettyCompact PrettyCompactMonoBlock PrettyMonoBlock PrettyNoEscapes PrettySpace RowBinary
    RowBinaryWithNames RowBinaryWithNamesAndTypes TSKV TSV TSVRaw TSVWithNames TSVWithNamesAndTypes TabSeparated
    TabSeparatedRaw TabSeparatedWithNames TabSeparatedWithNamesAndTypes Values Vertical XML
"""
FORMATS = frozenset(_FORMAT_NAMES.split())
"""Output formats; those that read a schema or a template from a file are not among them."""
_SETTING_NAMES = """
    date_time_output_format extremes final join_use_nulls max_block_size max_result_bytes max_result_rows
    max_rows_to_read max_threads output_format_json_quote_64bit_integers output_format_json_quote_decimals
    result_overflow_mode session_timezone
"""
SETTINGS = frozenset(_SETTING_NAMES.split())
"""Settings that a reader's request may carry in its URL."""
_LINE = re.compile(r"(?P<indent> *)(?P<kind>[A-Za-z_:]+)(?: (?P<text>.*))?")


@dataclass(frozen=True, slots=True)
class _Node:
    kind: str
    text: str
    parent: str
    depth: int


def fault(sql: str, tree: str, is_function: Callable[[str], bool]) -> str | None:
    """Why the reader may not run a statement; None when it may.

    Args:
        sql: the statement.
        tree: what `EXPLAIN AST` prints for it, parameters filled in.
        is_function: does the engine know a function of this name (in lower case)?
    """
    if tree.startswith("ShowTables"):
        return None if _is_plain_show(sql) else "of SHOW TABLES and SHOW DATABASES only the plain forms are open to it"
    try:
        return next((f for node in _nodes(tree) if (f := _node_fault(node, is_function))), None)
    except ValueError as error:
        return str(error)


def _is_plain_show(sql: str) -> bool:
    said = [word for word, _, _ in words(sql.encode())]
    if said[2:] and (said[2] != "FORMAT" or len(said) != 4):
        return False
    rest = re.sub(r"[\w\s;]", "", sql)
    return said[:2] in (["SHOW", "TABLES"], ["SHOW", "DATABASES"]) and not rest


def _nodes(tree: str) -> Iterator[_Node]:
    above: list[str] = []
    for line in tree.rstrip("\n").split("\n"):
        match = _LINE.fullmatch(line)
        if match is None or match["kind"] not in _NODES:
            kind = match["kind"] if match else "a name with a line break, or a FORMAT before the client's own,"
            hint = " (set what is allowed outside of the statement)" if kind == "Set" else ""
            raise ValueError(f"{kind} is not open to it{hint}")
        depth = len(match["indent"])
        del above[depth:]
        text = re.sub(r"( \(alias .*\))?( \(children \d+\))?$", "", match["text"] or "")
        yield _Node(match["kind"], text, above[-1] if above else "", depth)
        above.append(match["kind"])


def _node_fault(node: _Node, is_function: Callable[[str], bool]) -> str | None:
    if node.kind == "Function":
        return _function_fault(node)
    if node.kind == "TableIdentifier":
        return _table_fault(node.text)
    if node.kind == "Identifier":
        return _name_fault(node, is_function)
    if node.kind in {"ShowCreateTableQuery", "ExistsTableQuery"}:
        return _table_fault(".".join(node.text.split()))
    return None


def _function_fault(node: _Node) -> str | None:
    if node.parent == "TableExpression":
        return None if node.text.lower() in TABLE_FUNCTIONS else f"the table function {node.text} is not open to it"
    return None if is_allowed(node.text) else f"the function {node.text} is not open to it"


def _table_fault(name: str) -> str | None:
    """An unqualified name is a table of ours; `"a.b"` in quotes looks like a qualified one, and is refused."""
    database, dot, table = name.partition(".")
    if not dot or database == DATABASE or (database == "system" and table in _SYSTEM_TABLES):
        return None
    return f"the table {name} is not open to it"


def _name_fault(node: _Node, is_function: Callable[[str], bool]) -> str | None:
    """A bare name can be a table (`x IN name`), a function (`arrayMap(name, ...)`), or the statement's format."""
    if node.depth == 1 and node.parent == "SelectWithUnionQuery":
        return None if node.text in FORMATS else f"the format {node.text} is not open to it"
    if node.text.partition(".")[0].lower() in _GUARDED_DATABASES and "." in node.text:
        return _table_fault(node.text)
    if is_function(node.text.lower()) and not is_allowed(node.text):
        return f"the name {node.text} is that of a function that is not open to it"
    return None
