"""Definitions that name each other -> SELECTs inside each other.

An alias that is used twice in one SELECT is analysed twice, and what it names four times; as a column of an inner
SELECT it is analysed once.
"""

# ruff: noqa: S608 - expressions and names are those of this package

import re
from collections.abc import Iterable, Mapping

Expressions = Mapping[str, str]
"""Name -> SQL."""
_NAME = re.compile(r"\b[A-Za-z_]\w*\b(?!\()")
_TEXT = re.compile(r"'[^']*'")


def nested(wanted: list[str], definitions: Expressions, columns: Expressions, source: str) -> str:
    """SELECT of `wanted` from a source.

    Args:
        wanted: names of definitions or columns.
        definitions: SQL over columns and other definitions.
        columns: what the source gives, each with its name as alias where that differs.
        source: table, and condition.
    """
    known = {*definitions, *columns}
    folded = _folded(wanted, definitions, known)
    steps = _steps(wanted, folded, known)
    named = _names(steps[0] if steps else wanted, known)
    needed = [sql for name, sql in columns.items() if name in named]
    sql = f"SELECT {', '.join(needed)} FROM {source}"
    for step in steps:
        sql = f"SELECT {', '.join(step)} FROM (\n{sql}\n)"
    return sql


def _steps(wanted: list[str], definitions: Expressions, known: set[str]) -> list[list[str]]:
    """Lists of expressions, the innermost first; each names only what the one before it gives."""
    depths: dict[str, int] = {}

    def depth(name: str) -> int:
        if name not in definitions:
            return 0
        if name not in depths:
            depths[name] = 1 + max((depth(n) for n in _names([definitions[name]], known)), default=0)
        return depths[name]

    steps: list[list[str]] = []
    asked = set(wanted)
    for level in range(max(depth(name) for name in wanted), 0, -1):
        made = [name for name in definitions if name in asked and depth(name) == level]
        passed = sorted(asked.difference(made))
        steps.insert(0, [*passed, *(f"{definitions[name]} AS {name}" for name in made)])
        asked = {*passed, *_names((definitions[name] for name in made), known)}
    return steps


def _folded(wanted: list[str], definitions: Expressions, known: set[str]) -> dict[str, str]:
    """A definition that is named once stands where it is named: a step costs more than a longer expression."""
    folded = dict(definitions)
    for name in definitions:
        users = [other for other, sql in folded.items() for found in _named(sql, known) if found == name]
        if len(users) == 1 and name not in wanted:
            folded[users[0]] = re.sub(rf"\b{name}\b", f"({folded.pop(name)})", folded[users[0]])
    return folded


def _names(expressions: Iterable[str], known: set[str]) -> set[str]:
    return {name for expression in expressions for name in _named(expression, known)}


def _named(expression: str, known: set[str]) -> list[str]:
    """Every mention of a column or definition."""
    return [name for name in _NAME.findall(_TEXT.sub("", expression)) if name in known]
