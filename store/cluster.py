"""Statements of the schema as one server, or a cluster, is told them.

A cluster has each table twice: `NAME_local`, replicated, with the rows of one shard, and `NAME`, distributed over all
shards, for everybody who reads and writes. Views read and write the local tables of their shard, so what they make of a
row lies where the row lies. Small tables are whole on every machine instead. The cluster's statements are made from
those of the migrations, which stay the only description of the schema; a form that is not known here is an error, and
never a guess.
"""

import re
from dataclasses import dataclass
from typing import Protocol

from store.endpoint.statement import words

WHOLE_EVERYWHERE = frozenset(
    {
        *("decisions", "erasures", "experiments", "judge_progress", "judges", "machines", "notices", "notifiers"),
        *("schema_version", "watermarks"),
    }
)
"""Small tables: every machine has all rows, and none is asked for another's."""
WINDOW_S = 30 * 86400
"""How long a replicated table remembers a token, as long as no more than the window's number of inserts came since; a
recorder may wait for weeks until its store is back."""

_PASSES_ON = "Null"
"""Engine of a table that holds no rows: views stand on it."""
_DATABASE = "{database:Identifier}"
_NAMED = re.compile(r"\{database:Identifier\}\.`?(\w+)`?")
_TARGET = rf"(?P<guard>(?: IF (?:NOT )?EXISTS)?) {_NAMED.pattern}"
_VERBS = "CREATE TABLE|CREATE MATERIALIZED VIEW|CREATE VIEW|ALTER TABLE|OPTIMIZE TABLE|DROP TABLE|DROP VIEW"
_HEAD = re.compile(
    rf"(?P<verb>{_VERBS}){_TARGET}"
    rf"|(?P<insert>INSERT INTO) {_NAMED.pattern}|(?P<database>CREATE DATABASE IF NOT EXISTS) \{{database:Identifier\}}$"
)
_WINDOW = re.compile(r"\bnon_replicated_deduplication_window = (\d+)")
_CLAUSES = frozenset({"PARTITION", "PRIMARY", "ORDER", "SAMPLE", "TTL", "SETTINGS", "COMMENT"})
_OF_COLUMNS = frozenset({"ADD", "DROP", "RENAME", "MODIFY", "COMMENT"})
"""What a distributed table has to go through as well, if `COLUMN` follows."""
_KEPT_BY_ROWS = frozenset({"INDEX", "PROJECTION", "STATISTICS", "CONSTRAINT"})


class Untranslatable(ValueError):  # noqa: N818 - says what happened
    """A statement whose form for a cluster is not known: the migration, or this module, has to change."""


class Layout(Protocol):
    """How a store is told the statements of the schema, in which its database stands as `{database:Identifier}`."""

    def statements(self, statement: str) -> tuple[str, ...]:
        """What to run instead of a statement, in this order; each may be repeated if it could be.

        Raises:
            Untranslatable: its form is not known.
        """
        ...

    def stored(self, table: str) -> str:
        """Name of the table that has the rows."""
        ...

    def settled(self, table: str) -> tuple[str, ...]:
        """What to run until every machine has all rows of a small table."""
        ...

    def on_all_machines(self, system_table: str) -> str:
        """A table of `system` as something to read from: the rows of all machines."""
        ...


def layout(database: str, cluster: str | None) -> Layout:
    """The one of a server, or of a cluster that it belongs to."""
    return OneServer(database) if cluster is None else Cluster(database, cluster)


@dataclass(frozen=True, slots=True)
class OneServer:
    """Statements as they stand."""

    database: str

    def statements(self, statement: str) -> tuple[str, ...]:
        """See `Layout`."""
        return (statement.replace(_DATABASE, _name(self.database)),)

    def stored(self, table: str) -> str:
        """See `Layout`."""
        return table

    def settled(self, table: str) -> tuple[str, ...]:
        """See `Layout`."""
        return ()

    def on_all_machines(self, system_table: str) -> str:
        """See `Layout`."""
        return f"system.{system_table}"


@dataclass(frozen=True, slots=True)
class Cluster:
    """Statements for all machines of a cluster, each of which has the macros `{shard}` and `{replica}`.

    Paths in the keeper name the database and the table, not a UUID: a machine that joins later finds its replicas by
    the statements that the others were made with.
    """

    database: str
    cluster: str

    def statements(self, statement: str) -> tuple[str, ...]:
        """See `Layout`."""
        head = _HEAD.match(statement)
        if head is None:
            raise Untranslatable(f"no form for a cluster is known of: {_beginning(statement)}")
        if head["database"]:
            return (f"{self._whole(statement)} {self._on}",)
        if head["insert"]:
            # Once, from one machine: the distributed table sends each row to its shard.
            return (self._whole(statement),)
        table, rest = next(name for name in head.groups()[2:] if name), statement[head.end() :]
        begin = f"{head['verb']}{head['guard']}"
        match head["verb"]:
            case "CREATE TABLE":
                return self._create(begin, table, rest)
            case "ALTER TABLE":
                return self._alter(begin, table, rest)
            case "CREATE MATERIALIZED VIEW":
                return (self._told(begin, table, self._local(rest)),)
            case "CREATE VIEW" | "DROP VIEW":
                return (self._told(begin, table, self._whole(rest)),)
            case "OPTIMIZE TABLE":
                return (self._told(begin, self.stored(table), rest),)
            case _:
                names = dict.fromkeys((table, self.stored(table)))
                return tuple(self._told(begin, name, " SYNC") for name in names)

    def stored(self, table: str) -> str:
        """See `Layout`."""
        return table if table in WHOLE_EVERYWHERE else f"{table}_local"

    def settled(self, table: str) -> tuple[str, ...]:
        """See `Layout`."""
        return (f"SYSTEM SYNC REPLICA {self._on} {_name(self.database)}.{_name(table)}",)

    def on_all_machines(self, system_table: str) -> str:
        """See `Layout`."""
        return f"clusterAllReplicas({_text(self.cluster)}, system.{system_table})"

    @property
    def _on(self) -> str:
        return f"ON CLUSTER {_name(self.cluster)}"

    def _told(self, begin: str, table: str, rest: str) -> str:
        return f"{begin} {_name(self.database)}.{_name(table)} {self._on}{rest}"

    def _local(self, text: str) -> str:
        """Every table that is named becomes the one that has the rows."""
        return _NAMED.sub(lambda m: f"{_name(self.database)}.{_name(self.stored(m[1]))}", text)

    def _whole(self, text: str) -> str:
        return text.replace(_DATABASE, _name(self.database))

    def _create(self, begin: str, table: str, rest: str) -> tuple[str, ...]:
        form = _table_form(rest)
        stored = self.stored(table)
        if form.engine == _PASSES_ON:
            return (self._told(begin, stored, self._local(rest)),)
        local = self._told(begin, stored, f"\n{form.columns}\nENGINE = {self._engine(table, form)}\n{form.clauses}")
        if stored == table:
            return (local,)
        source = f" AS {_name(self.database)}.{_name(stored)}"
        places = ", ".join((_text(self.cluster), _text(self.database), _text(stored), form.sharding))
        spread = self._told(begin, table, f"{source}\nENGINE = Distributed({places})")
        return (local, f"{spread}\n{form.comment}".rstrip())

    def _engine(self, table: str, form: "_TableForm") -> str:
        place, replica = "{shard}", "{replica}"
        if table in WHOLE_EVERYWHERE:
            place, replica = "all", "{shard}-{replica}"
        path = f"/clickhouse/tables/{self.database}/{self.stored(table)}/{place}"
        arguments = ", ".join((_text(path), _text(replica), *filter(None, [form.arguments])))
        return f"Replicated{form.engine}({arguments})"

    def _alter(self, begin: str, table: str, rest: str) -> tuple[str, ...]:
        said = [word for word, _, _ in words(rest.encode())]
        if said[:2] == ["MODIFY", "QUERY"]:  # a view, which stands on the local tables
            return (self._told(begin, table, self._local(rest)),)
        stored = self.stored(table)
        local = self._told(begin, stored, _replicated_settings(self._local(rest)))
        if stored == table or not _is_of_columns(said, rest):
            return (local,)
        return (local, self._told(begin, table, rest))


@dataclass(frozen=True, slots=True)
class _TableForm:
    """A `CREATE TABLE` behind the table's name."""

    columns: str
    engine: str
    arguments: str
    clauses: str
    """From PARTITION BY to the end, with the settings of a replicated table."""
    sharding: str
    comment: str


def _table_form(rest: str) -> _TableForm:
    data = rest.encode()
    found = list(words(data))
    at = next((k for k, (word, _, _) in enumerate(found) if word == "ENGINE"), None)
    engine = _text_of(data, found[at + 1]) if at is not None and at + 1 < len(found) else ""
    if at is None or not engine.endswith(("MergeTree", _PASSES_ON)):
        raise Untranslatable(f"only tables of the MergeTree family can be replicated: {_beginning(rest)}")
    columns, clauses_at = data[: found[at][1]].decode().strip(), found[at + 2][1] if at + 2 < len(found) else len(data)
    arguments = data[found[at + 1][2] : clauses_at].decode().strip()
    clauses = data[clauses_at:].decode()
    if not columns.startswith("(") or engine.startswith("Replicated"):
        raise Untranslatable(f"a table needs its columns and a plain engine here: {_beginning(rest)}")
    return _TableForm(
        columns=columns,
        engine=engine,
        arguments=arguments.removeprefix("(").removesuffix(")").strip(),
        clauses=_replicated_settings(clauses),
        sharding=f"cityHash64({'request_id' if '`request_id`' in columns else _clause(clauses, 'ORDER')})",
        comment=f"COMMENT {comment}" if (comment := _clause(clauses, "COMMENT")) else "",
    )


def _clause(clauses: str, name: str) -> str:
    """What stands behind `ORDER BY` or `COMMENT`, without brackets around the whole."""
    data = clauses.encode()
    found = list(words(data))
    for (word, _, end), after in zip(found, [*found[1:], None], strict=True):
        if word == name:
            begin = after[2] if after is not None and after[0] == "BY" else end
            stop = next((start for w, start, _ in found if start > begin and w in _CLAUSES), len(data))
            text = data[begin:stop].decode().strip()
            return text[1:-1] if text.startswith("(") and text.endswith(")") else text
    return ""


def _replicated_settings(clauses: str) -> str:
    window = rf"replicated_deduplication_window = \1, replicated_deduplication_window_seconds = {WINDOW_S}"
    return _WINDOW.sub(window, clauses)


def _is_of_columns(said: list[str], rest: str) -> bool:
    """Does a distributed table need it, too? It has the columns, and neither their TTL nor anything else of the rows.

    Raises:
        Untranslatable: it changes both at once.
    """
    verb, thing = (*said, "", "")[:2]
    if (verb, thing) == ("MODIFY", "COMMENT"):
        return True
    if verb not in _OF_COLUMNS or thing != "COLUMN":
        if "COLUMN" in said:
            raise Untranslatable(f"changes of columns need a statement of their own: {_beginning(rest)}")
        return False
    if "TTL" not in said:
        if _KEPT_BY_ROWS.intersection(said):
            raise Untranslatable(f"changes of columns need a statement of their own: {_beginning(rest)}")
        return True
    if verb == "MODIFY" and said.count("COLUMN") == 1 and re.match(r"\s*MODIFY COLUMN \S+ (REMOVE )?TTL\b", rest):
        return False
    raise Untranslatable(f"a column's TTL needs a statement of its own: {_beginning(rest)}")


def _text_of(data: bytes, word: tuple[str, int, int]) -> str:
    return data[word[1] : word[2]].decode()


def _beginning(statement: str) -> str:
    return " ".join(statement.split())[:80]


def _name(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
