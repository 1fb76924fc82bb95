"""A file's rows into a store, once: however often the file is imported, and wherever an import broke off.

A stretch of rows has a token that follows from the file's bytes and the rows' numbers, so a stretch that is sent twice
is stored once. Beyond the store's memory for tokens, what is there already is found by request and candidate.
`pairs.batch` holds the token: rows that came from a file begin with `import:`.
"""

# ruff: noqa: S608 - statements hold names of our own tables and columns; what comes from outside is a parameter

import contextlib
import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from store.errors import StoreRefused, StoreUnavailable
from store.reader import Reader
from store.tables import EXPERIMENTS, JUDGEMENTS, PAIRS, PAYLOADS, Table
from store.transfer.column_kinds import kind_of
from store.transfer.completion import Origin, is_judged
from store.transfer.layout import ARMS, PRIMARY, TEXT_COLUMNS, has_texts
from store.transfer.reading import PairsFile
from store.transfer.stretches import Stretch, stretches

PATIENCE_S = 120.0
"""For a store that does not answer; then the import gives up and can be started again."""
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
JUDGE = "imported"
"""Judge of judgements whose file names none, and rubric of all."""

_TIME = "%Y-%m-%d %H:%M:%S.%f"
_TOKENS = 5
"""Under which a stretch is tried."""

Key = tuple[Any, ...]
T = TypeVar("T")
_JSON_TEXTS = frozenset({"request", "tool_calls"})


class Inserts(Protocol):
    """`store.writer.Writer`."""

    def insert(self, table: str, rows: Sequence[Sequence[Any]], token: str) -> None:
        """Stores rows under a token; raises StoreUnavailable when it may be worth another try."""


class Cleaner(Protocol):
    """Takes out of texts what may not be stored."""

    def text(self, text: str) -> str:
        """A text."""

    def json(self, data: bytes) -> str:
        """A JSON document."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    rows: int = 0
    """Of the file."""
    pairs: int = 0
    """New ones."""
    already_there: int = 0
    judgements: int = 0
    """New ones."""
    texts: int = 0
    """New ones: one per request and side."""


class Importer:
    """Sends one file."""

    def __init__(
        self,
        reader: Callable[[], Reader],
        writer: Inserts,
        *,
        reads_what_it_wrote: bool,
        cleaner: Cleaner | None,
        revive: Callable[[], None],
        sleep: Callable[[float], None] = time.sleep,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """What it works with.

        Args:
            reader: asks the store that the writer writes to, as it runs now.
            reads_what_it_wrote: it shows rows at once; a cluster may take its time.
            writer: of that store.
            cleaner: for texts; None: no texts may be stored.
            revive: brings a store back that does not answer, if that is in our power.
            sleep: waits.
            now_s: monotonic clock.
        """
        self._reader = reader
        self._writer = writer
        self._reads_what_it_wrote = reads_what_it_wrote
        self._cleaner = cleaner
        self._revive = revive
        self._sleep = sleep
        self._now_s = now_s
        self._known_experiments: set[str] = set()

    def send(self, file: PairsFile, origin: Origin, *, on_rows: Callable[[int], None] = lambda _: None) -> Imported:
        """Stores what is not there yet.

        Args:
            file: one whose survey found no fault.
            origin: of its rows.
            on_rows: hears how many rows are done.

        Raises:
            StoreUnavailable: the store did not answer for long; start again, what is stored stays stored once.
            StoreRefused: it does not take the rows.
        """
        origin = replace(origin, end=self._first_end(origin))
        done = Imported()
        complete = (row.values | origin.complete(row.index, row.values) for row in file.rows())
        for stretch in stretches(origin.digest, complete):
            done = self._send(stretch, origin, file.path.name, done)
            on_rows(done.rows)
        return done

    def _first_end(self, origin: Origin) -> datetime:
        """Times that were made for rows of this file once are made alike again, though it was copied meanwhile."""
        rows = self._ask(
            "SELECT created FROM experiments WHERE position(compared, {digest:String}) > 0 ORDER BY created LIMIT 1",
            {"digest": origin.digest},
        )
        return rows[0]["created"] if rows else origin.end

    def _send(self, stretch: Stretch, origin: Origin, name: str, done: Imported) -> Imported:
        texts, judged = self._new_texts(stretch), self._new_judgements(stretch)
        # Who sees a pair finds its experiment and its texts.
        self._insert(EXPERIMENTS, self._new_experiments(stretch, origin, name), stretch.token)
        self._insert(PAYLOADS, texts, stretch.token)
        pairs = self._send_pairs(stretch)
        self._insert(JUDGEMENTS, judged, stretch.token)
        return Imported(
            rows=done.rows + len(stretch.rows),
            pairs=done.pairs + pairs,
            already_there=done.already_there + len(stretch.rows) - pairs,
            judgements=done.judgements + len(judged),
            texts=done.texts + len(texts),
        )

    def _send_pairs(self, stretch: Stretch) -> int:
        """The number of new ones.

        A store may remember a token whose rows were erased meanwhile, and acknowledge them without storing them. So
        it is asked again, and what is missing is sent under the next token.
        """
        new = missing = self._new_pairs(stretch)
        for token in (stretch.token, *(f"{stretch.token}:{k}" for k in range(2, _TOKENS + 1))):
            self._insert(PAIRS, missing, token)
            if not missing or not self._reads_what_it_wrote:
                break
            missing = self._new_pairs(stretch)
            if not missing:
                break
        else:
            raise StoreRefused(f"{len(missing)} rows were acknowledged and are not there; see the log of the store")
        return len(new)

    def _insert(self, table: Table, rows: Iterable[Mapping[str, Any]], token: str) -> None:
        values = [[row[name] for name in table.names()] for row in rows]
        if values:
            self._patiently(lambda: self._writer.insert(table.name, values, token))

    def _new_pairs(self, stretch: Stretch) -> list[dict[str, Any]]:
        there = self._there(PAIRS, ("request_id", "candidate"), stretch.rows)
        fresh = [row for row in stretch.rows if (row["request_id"], row["candidate"]) not in there]
        return [row | {"batch": stretch.token} for row in fresh]

    def _new_texts(self, stretch: Stretch) -> list[dict[str, Any]]:
        if self._cleaner is None:
            return []
        sides: dict[Key, dict[str, Any]] = {}
        for row in stretch.rows:
            for arm in ARMS:
                key = (row["request_id"], arm if arm == PRIMARY else row["candidate"])
                if key not in sides and has_texts(row, arm):
                    made = {"request_id": key[0], "side": key[1], "ts": row["ts"], "batch": stretch.token}
                    sides[key] = made | self._texts(row, arm, self._cleaner)
        there = self._there(PAYLOADS, ("request_id", "side"), sides.values())
        return [row for key, row in sides.items() if key not in there]

    @staticmethod
    def _texts(row: Mapping[str, Any], arm: str, cleaner: Cleaner) -> dict[str, str]:
        found = {name: row.get(column) or "" for (a, name), column in TEXT_COLUMNS.items() if a == arm}
        return {
            name: cleaner.json(text.encode()) if text and name in _JSON_TEXTS else cleaner.text(text)
            for name, text in found.items()
        }

    def _new_judgements(self, stretch: Stretch) -> list[dict[str, Any]]:
        made = [_judgement(row) for row in stretch.rows if is_judged(row)]
        keys = ("request_id", "candidate", "judge", "rubric")
        there = self._there(JUDGEMENTS, keys, made)
        return [row for row in made if tuple(row[key] for key in keys) not in there]

    def _new_experiments(self, stretch: Stretch, origin: Origin, name: str) -> list[dict[str, Any]]:
        named = {row["experiment"]: row["candidate"] for row in reversed(stretch.rows)}
        new = named.keys() - self._known_experiments
        if not new:
            return []
        found = self._ask("SELECT DISTINCT id FROM experiments WHERE id IN {ids:Array(String)}", {"ids": sorted(new)})
        self._known_experiments |= new
        compared = json.dumps({"imported": {"file": name, "sha256": origin.digest}}, separators=(",", ":"))
        return [
            _unset(EXPERIMENTS) | {"id": id_, "candidate": named[id_], "compared": compared, "created": origin.end}
            for id_ in sorted(new - {row["id"] for row in found})
        ]

    def _there(self, table: Table, keys: Sequence[str], rows: Collection[Mapping[str, Any]]) -> set[Key]:
        """Keys of those rows that the store has already."""
        if not rows:
            return set()
        times = [row["ts"] for row in rows]
        found = self._ask(
            f"SELECT {', '.join(keys)} FROM {table.name} WHERE ts >= {{since:DateTime64(6, 'UTC')}} "
            "AND ts <= {until:DateTime64(6, 'UTC')} AND request_id IN {ids:Array(UUID)}",
            {
                "since": min(times).strftime(_TIME),
                "until": max(times).strftime(_TIME),
                "ids": sorted({str(row["request_id"]) for row in rows}),
            },
        )
        return {tuple(row[key] for key in keys) for row in found}

    def _ask(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        return self._patiently(lambda: self._reader().query(sql, parameters))

    def _patiently(self, call: Callable[[], T]) -> T:
        """Again and again while the store does not answer: the same rows under the same token."""
        deadline_s, pause_s = self._now_s() + PATIENCE_S, _FIRST_PAUSE_S
        while True:
            try:
                return call()
            except StoreUnavailable:
                if self._now_s() + pause_s > deadline_s:
                    raise
            self._sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            with contextlib.suppress(StoreUnavailable):
                self._revive()


def _unset(table: Table) -> dict[str, Any]:
    """A row of which nothing is known."""
    kinds = {column.name: kind_of(column.type) for column in table.columns}
    return {name: None if may_be_null else kind.unset for name, (kind, may_be_null) in kinds.items()}


def _judgement(row: Mapping[str, Any]) -> dict[str, Any]:
    made = _unset(JUDGEMENTS)
    made |= {name: row[name] for name in made if name in row}
    return made | {
        "judge": row.get("judge") or JUDGE,
        "rubric": JUDGE,
        "rung": "judge",
        "mode": "pointwise" if row.get("preference") is None else "pairwise",
        "inclusion_probability": 1.0,
        # Unknown; the pair's time makes a file that is imported twice say the same.
        "judged_at": row["ts"].replace(microsecond=row["ts"].microsecond // 1000 * 1000),
        "cost_usd": None,
    }
