"""Pairs go out of a store and into another, to the last bit and once."""

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from proxy.recorder.redaction import Redactor
from store.comparison import Span, row_hours
from store.errors import StoreRefused, StoreUnavailable
from store.locate import StoreConnection
from store.reader import Reader
from store.tables import PAIRS, PAYLOADS
from store.transfer import importing, stretches
from store.transfer.completion import Origin
from store.transfer.exporting import Selection, write_pairs, writer_of
from store.transfer.forms import form_of, packing_into
from store.transfer.importing import Imported, Importer
from store.transfer.reading import PairsFile, survey_of
from store.writer import Writer
from tests.store.transfer.conftest import emptied
from tests.store.transfer.generated import plain_row, request_id, rows, texts

EVER = Selection(datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
EXPORTED = ", ".join(f"`{name}`" for name in PAIRS.names() if name != "batch")
ENDINGS = ("parquet", "csv", "jsonl", "csv.gz", "jsonl.zst")
RELAXED = settings(
    max_examples=3,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""Nothing is shrunk: rows of 80 columns through two stores would take for ever."""


def put(store: StoreConnection, found: Sequence[dict[str, Any]], table: Any = PAIRS) -> None:
    token = uuid.uuid4().hex
    values = [[row.get(name, token) for name in table.names()] for row in found]
    Writer(store).insert(table.name, values, token)


def exported(store: StoreConnection, path: Path, *, with_texts: bool = False, selection: Selection = EVER) -> Path:
    form = form_of(path)
    with path.open("wb") as raw:
        packed = packing_into(raw, form.packing)
        writer = writer_of(form.form, packed, texts=with_texts)
        write_pairs(Reader(store.client()), selection, writer, texts=with_texts, on_rows=lambda _: None)
        if packed is not raw:
            packed.close()
    return path


def importer(store: StoreConnection, **more: Any) -> Importer:
    settings_: dict[str, Any] = {
        "writer": Writer(store),
        "reads_what_it_wrote": True,
        "cleaner": Redactor(()),
        "revive": lambda: None,
        "sleep": lambda _: None,
        **more,
    }
    return Importer(lambda: Reader(store.client()), **settings_)


def imported(store: StoreConnection, path: Path, experiment: str | None = None, **more: Any) -> Imported:
    file = PairsFile(path)
    survey = survey_of(file)
    assert survey.faults == []
    origin = Origin(file.digest(), survey.rows, file.changed, 60.0, experiment)
    return importer(store, **more).send(file, origin)


def engine_digest(store: StoreConnection) -> str:
    """Of all columns as the engine itself writes them, every bit of them."""
    sql = f"SELECT {EXPORTED} FROM pairs ORDER BY request_id, candidate, ts FORMAT RowBinary"
    return hashlib.sha256(store.client().raw_query(sql)).hexdigest()


def number_of(store: StoreConnection, what: str = "count()", table: str = "pairs") -> Any:
    return store.client().query(f"SELECT {what} FROM {table}").result_rows[0][0]


@given(found=st.lists(rows(), min_size=1, max_size=25, unique_by=lambda row: (row["request_id"], row["candidate"])))
@RELAXED
def test_a_round_trip_is_the_identity(
    found: list[dict[str, Any]], source: StoreConnection, target: StoreConnection, tmp_path: Path
) -> None:
    """Export, import into an empty store, export: the same bytes. And the engine finds the same in both stores."""
    emptied(source)
    put(source, found)
    for ending in ENDINGS:
        emptied(target)
        first = exported(source, tmp_path / f"first.{ending}")
        assert imported(target, first).pairs == len(found)
        second = exported(target, tmp_path / f"second.{ending}")
        assert first.read_bytes() == second.read_bytes(), ending
        assert engine_digest(source) == engine_digest(target), ending


def made(count: int, **values: Any) -> list[dict[str, Any]]:
    return [plain_row(n, request_id=str(request_id(n)), candidate="ab"[n % 2], **values) for n in range(count)]


def jsonl(path: Path, found: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in found))
    return path


def test_texts_go_along_and_the_primarys_are_stored_once(
    source: StoreConnection, target: StoreConnection, tmp_path: Path
) -> None:
    """Two candidates of one request share its primary side; a pair without texts stays without."""
    columns = ("request", "response", "reasoning", "tool_calls")
    found = [
        plain_row(n, request_id=str(request_id(n // 2)), candidate="ab"[n % 2])
        | ({} if n // 2 == 2 else {f"primary_{c}_text": f"{c} of {n // 2}\n" for c in columns})
        | ({} if n // 2 == 2 else {"candidate_response_text": f"answer {n}", "candidate_request_text": ""})
        for n in range(6)
    ]
    assert imported(source, jsonl(tmp_path / "texts.jsonl", found)).texts == 2 + 4
    assert number_of(source, table="payloads") == 6
    for ending in ENDINGS:
        emptied(target)
        first = exported(source, tmp_path / f"first.{ending}", with_texts=True)
        assert imported(target, first) == Imported(6, 6, 0, 0, 6)
        assert first.read_bytes() == exported(target, tmp_path / f"second.{ending}", with_texts=True).read_bytes()
    sides = "SELECT request_id, side, request, response, reasoning, tool_calls FROM payloads ORDER BY ALL"
    assert source.client().query(sides).result_rows == target.client().query(sides).result_rows


@given(text=texts)
@RELAXED
def test_texts_are_redacted_as_the_configuration_says(text: str, target: StoreConnection, tmp_path: Path) -> None:
    emptied(target)
    row = made(1)[0] | {
        "primary_response_text": f"{text} write to ann@example.com",
        "primary_request_text": '{"a": "x@y.org"}',
    }
    imported(target, jsonl(tmp_path / "p.jsonl", [row]), cleaner=Redactor(("email",)))
    (stored,) = target.client().query("SELECT request, response FROM payloads").result_rows
    assert "example.com" not in stored[1]
    assert json.loads(stored[0]) == {"a": "[email]"}


def test_no_texts_where_none_may_be_stored(target: StoreConnection, tmp_path: Path) -> None:
    row = made(1)[0] | {"primary_response_text": "secret"}
    assert imported(target, jsonl(tmp_path / "p.jsonl", [row]), cleaner=None).texts == 0
    assert number_of(target, table="payloads") == 0


@pytest.mark.parametrize("has_ids", [True, False])
def test_the_same_file_again_adds_nothing_not_even_beyond_the_window(
    has_ids: bool, target: StoreConnection, tmp_path: Path
) -> None:
    """Tokens are forgotten one day; what is there is found all the same. Rollups count what the table counts."""
    found = made(25)
    if not has_ids:
        found = [{k: v for k, v in row.items() if k != "request_id"} for row in found]
    path = jsonl(tmp_path / "p.jsonl", found)
    assert imported(target, path) == Imported(25, 25, 0, 0, 0)
    assert imported(target, path) == Imported(25, 0, 25, 0, 0)
    copy = tmp_path / "elsewhere.jsonl"
    shutil.copyfile(path, copy)  # written now: its times are made like those of the first
    assert imported(target, copy, writer=_Forgetful(target)) == Imported(25, 0, 25, 0, 0)
    assert number_of(target) == 25
    assert number_of(target, "sum(pairs)", "spend") == 25


class _Forgetful:
    """Another token each time: as if the store had forgotten all."""

    def __init__(self, store: StoreConnection) -> None:
        self._writer = Writer(store)

    def insert(self, table: str, found: Sequence[Sequence[Any]], token: str) -> None:
        self._writer.insert(table, found, f"{token}-{uuid.uuid4()}")


class _Dies:
    """Lets some inserts through, and then the process is killed: before one, or after it was stored."""

    def __init__(self, store: StoreConnection, after: int, *, stored: bool) -> None:
        self._writer = Writer(store)
        self._left = after
        self._stored = stored

    def insert(self, table: str, found: Sequence[Sequence[Any]], token: str) -> None:
        self._left -= 1
        if self._left >= 0 or self._stored:
            self._writer.insert(table, found, token)
        if self._left < 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [0, 1, 2, 3, 5, 9])
@pytest.mark.parametrize("stored", [True, False])
def test_an_import_that_was_killed_goes_on_where_it_was(
    after: int, stored: bool, target: StoreConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before or after any insert: a second run completes it, every row once, in the table and in what views add up."""
    monkeypatch.setattr(stretches, "MAX_ROWS", 10)
    found = [row | {"preference": 0.5, "primary_response_text": "t"} for row in made(25)]
    path = jsonl(tmp_path / "p.jsonl", found)
    with pytest.raises(KeyboardInterrupt):
        imported(target, path, writer=_Dies(target, after, stored=stored))
    again = imported(target, path)
    assert again.pairs + again.already_there == 25
    for table in ("pairs", "judgements", "payloads"):
        assert number_of(target, "(count(), uniqExact(request_id))", table) == (25, 25), table
    assert number_of(target, "sum(pairs)", "spend") == 25
    assert number_of(target, table="experiments") == 2


def test_a_store_that_is_away_for_a_while_gets_the_same_rows_under_the_same_token(
    target: StoreConnection, tmp_path: Path
) -> None:
    """The acknowledgement of an insert that was stored is lost, twice; the store is brought back each time."""
    tokens, revived = [], []

    class Lossy:
        def insert(self, table: str, found: Sequence[Sequence[Any]], token: str) -> None:
            Writer(target).insert(table, found, token)
            if table == "pairs":
                tokens.append(token)
                if len(tokens) < 3:
                    raise StoreUnavailable("gone")

    path = jsonl(tmp_path / "p.jsonl", made(5))
    assert imported(target, path, writer=Lossy(), revive=lambda: revived.append(1)).pairs == 5
    assert len(set(tokens)) == 1
    assert len(tokens) == 3
    assert len(revived) == 2
    assert number_of(target) == 5


def test_a_store_that_stays_away_ends_the_import(target: StoreConnection, tmp_path: Path) -> None:
    clock = [0.0]

    def sleep(pause_s: float) -> None:
        clock[0] += pause_s

    class Away:
        def insert(self, table: str, found: Sequence[Sequence[Any]], token: str) -> None:
            raise StoreUnavailable("gone")

    path = jsonl(tmp_path / "p.jsonl", made(5))
    with pytest.raises(StoreUnavailable):
        imported(target, path, writer=Away(), sleep=sleep, now_s=lambda: clock[0])
    assert 0.9 * importing.PATIENCE_S <= clock[0] <= importing.PATIENCE_S


def test_rows_that_were_erased_meanwhile_can_be_imported_again(target: StoreConnection, tmp_path: Path) -> None:
    """The store still remembers their token, and would acknowledge them without storing them."""
    path = jsonl(tmp_path / "p.jsonl", made(10))
    imported(target, path)
    client = target.client()
    client.command("DELETE FROM pairs WHERE 1")
    assert number_of(target) == 0
    assert imported(target, path).pairs == 10
    assert number_of(target) == 10
    client.command("DELETE FROM pairs WHERE candidate = 'a'")
    assert imported(target, path) == Imported(10, 5, 5, 0, 0)
    assert number_of(target, "(count(), uniqExact(request_id))") == (10, 10)


def test_a_store_that_acknowledges_and_keeps_nothing_is_told(target: StoreConnection, tmp_path: Path) -> None:
    class Nothing:
        def insert(self, table: str, found: Sequence[Sequence[Any]], token: str) -> None:
            pass

    with pytest.raises(StoreRefused, match="3 rows were acknowledged and are not there"):
        imported(target, jsonl(tmp_path / "p.jsonl", made(3)), writer=Nothing())


def test_what_overlaps_with_another_file_is_left_out_and_counted(target: StoreConnection, tmp_path: Path) -> None:
    imported(target, jsonl(tmp_path / "one.jsonl", made(10)))
    assert imported(target, jsonl(tmp_path / "two.jsonl", made(15))) == Imported(15, 5, 10, 0, 0)
    assert number_of(target, "(count(), uniqExact(request_id))") == (15, 15)


def test_judgements_can_be_added_to_pairs_that_are_there(target: StoreConnection, tmp_path: Path) -> None:
    """Exported, judged elsewhere, and imported again."""
    imported(target, jsonl(tmp_path / "pairs.jsonl", made(4)))
    said: tuple[dict[str, Any], ...] = (
        {"preference": 1, "judge": "ann"},
        {"score_primary": 3.5, "score_candidate": 2},
        {},
        {"preference": -0.25},
    )
    judged = [row | values for row, values in zip(made(4), said, strict=True)]
    path = jsonl(tmp_path / "judged.jsonl", judged)
    assert imported(target, path) == Imported(4, 0, 4, 3, 0)
    assert imported(target, path).judgements == 0
    found = target.client().query(
        "SELECT judge, mode, preference, score_primary, score_candidate, candidate, inclusion_probability "
        "FROM judgements ORDER BY ts"
    )
    assert found.result_rows == [
        ("ann", "pairwise", 1.0, None, None, "a", 1.0),
        ("imported", "pointwise", None, 3.5, 2.0, "b", 1.0),
        ("imported", "pairwise", -0.25, None, None, "b", 1.0),
    ]


def test_what_the_experiment_is_stands_beside_those_that_were_recorded(target: StoreConnection, tmp_path: Path) -> None:
    """One id per candidate; an id that the store knows is left as it is."""
    known = Reader(target.client())
    path = jsonl(tmp_path / "p.jsonl", made(4))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    imported(target, path)
    stood = known.experiments()
    assert {(e.id, e.candidate) for e in stood.values()} == {(f"import-{digest[:12]}-{c}", c) for c in "ab"}
    assert {e.compared for e in stood.values()} == {
        json.dumps({"imported": {"file": "p.jsonl", "sha256": digest}}, separators=(",", ":"))
    }
    imported(target, jsonl(tmp_path / "q.jsonl", made(6, experiment=f"import-{digest[:12]}-a")))
    assert known.experiments() == stood


def test_imported_pairs_are_no_matter_of_the_audit(target: StoreConnection, tmp_path: Path) -> None:
    """No worker received them, so nothing is missing from what the workers counted."""
    imported(target, jsonl(tmp_path / "p.jsonl", made(4)))
    put(target, [row | {"batch": "segment:0-9"} for row in _complete(tmp_path, 100)])
    hours = row_hours(Reader(target.client()).columns, Span(EVER.since, EVER.until))
    assert sum(hours["requests"]) == 3


def _complete(directory: Path, first: int) -> list[dict[str, Any]]:
    origin = Origin("ff" * 32, 3, datetime(2026, 2, 4, tzinfo=UTC), 60.0)
    return [origin.complete(n, plain_row(n, request_id=request_id(first + n))) for n in range(3)]


def test_rows_of_many_months_are_sent_in_parts_that_a_server_takes(target: StoreConnection, tmp_path: Path) -> None:
    """A server refuses an insert into more than 100 partitions."""
    start = datetime(1990, 1, 15, tzinfo=UTC)
    found = [
        plain_row(n, ts=(start + timedelta(days=31 * n)).isoformat(), primary_response_text="t") for n in range(130)
    ]
    assert imported(target, jsonl(tmp_path / "p.jsonl", found)).pairs == 130
    assert number_of(target) == 130


SELECTIONS: list[tuple[Selection, Callable[[dict[str, Any]], bool]]] = [
    (Selection(EVER.since, EVER.until, ("a",)), lambda row: row["candidate"] == "a"),
    (Selection(EVER.since, EVER.until, ("a", "b")), lambda _: True),
    (Selection(EVER.since, EVER.until, (), {"tenant": "t1"}), lambda row: row["labels"].get("tenant") == "t1"),
    (Selection(EVER.since, EVER.until, (), {"tenant": "t1", "it's": "x"}), lambda _: False),
    (Selection(EVER.since, datetime(2026, 2, 3, 0, 0, 5, tzinfo=UTC)), lambda row: row["number"] < 5),
    (Selection(datetime(2026, 2, 3, 0, 0, 5, tzinfo=UTC), EVER.until), lambda row: row["number"] >= 5),
]


@pytest.mark.parametrize("number", range(len(SELECTIONS)))
def test_a_selection_names_what_is_exported(number: int, target: StoreConnection, tmp_path: Path) -> None:
    selection, wanted = SELECTIONS[number]
    found = [row | {"labels": {"tenant": f"t{n % 3}"}} for n, row in enumerate(made(10))]
    imported(target, jsonl(tmp_path / "p.jsonl", found))
    path = exported(target, tmp_path / "out.jsonl", selection=selection)
    expected = {row["request_id"] for n, row in enumerate(found) if wanted(row | {"number": n})}
    assert {json.loads(line)["request_id"] for line in path.read_text().splitlines()} == expected


def test_payloads_have_the_columns_that_files_name() -> None:
    """A new text must be thought of where files name their columns."""
    assert set(PAYLOADS.names()) == {
        "request_id",
        "side",
        "ts",
        "batch",
        "request",
        "response",
        "reasoning",
        "tool_calls",
    }
