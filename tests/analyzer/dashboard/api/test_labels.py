"""Batches of labels over the API: the rules of `shadowbench labels import`."""

import json
from datetime import timedelta
from typing import Any

import pytest

from analyzer.dashboard.api.bodies import MAX_LABELS
from analyzer.judge.rubric import load
from analyzer.labels_in.key import NONCE_BYTES, make_key, read_key
from cli.main import run
from config.model import Store
from store import tables
from store.judging.due import Listed
from store.judging.labels import labels
from store.judging.rows import LabelRow
from store.locate import StoreConnection
from store.reader import Reader
from store.writer import Writer
from tests.analyzer.dashboard.conftest import Asking, site_of
from tests.analyzer.dashboard.made import NOW, RUBRIC
from tests.analyzer.rows import as_values
from tests.store.judging.conftest import listed_of, pair, uuid7_at

LABELS = "/api/v1/labels"
AT = NOW - timedelta(minutes=40)
COUNTS = {"rows": 0, "labels": 0, "replaced": 0, "already_there": 0, "older": 0, "unfilled": 0, "bad": 0, "details": []}


@pytest.fixture
async def api(pages_store: Store, open_pages: Any) -> Asking:
    return await open_pages(site_of(pages_store))  # type: ignore[no-any-return]


@pytest.fixture
def pairs(pages_store: Store) -> list[Listed]:
    """Three pairs that nobody has labelled."""
    rows = [pair(AT + timedelta(seconds=n), "batched", request_id=uuid7_at(AT)) for n in range(3)]
    writer = Writer(StoreConnection(pages_store, access="writer"))
    writer.insert("pairs", as_values(tables.PAIRS, rows), f"batched-{rows[0]['request_id']}")
    writer.close()
    return [listed_of(row) for row in rows]


def of(one: Listed, **more: Any) -> dict[str, Any]:
    return {"request_id": str(one.request_id), "candidate": one.candidate, **more}


def stored(reader: Reader, pairs: list[Listed]) -> list[LabelRow]:
    return labels(reader, AT - timedelta(days=1), NOW, requests=[one.request_id for one in pairs])


async def test_a_batch_is_stored_once_and_says_what_it_did(api: Asking, reader: Reader, pairs: list[Listed]) -> None:
    first, second, third = pairs
    key = make_key(third.request_id, third.candidate, bytes(NONCE_BYTES))
    batch: dict[str, Any] = {
        "labeler": "anna",
        "labels": [
            of(first, winner="candidate", rationale="Mail a@example.com: better.", inclusion_probability=0.25),
            of(second, preference=-0.5, labeler="bert", rubric="factual_consistency"),
            {"key": key, "winner": "a", "labeled_at": "2026-11-20T12:00:00Z"},
        ],
    }
    assert await api.json("POST", LABELS, batch) == (200, {**COUNTS, "rows": 3, "labels": 3})
    found = {row.request_id: row for row in stored(reader, pairs)}
    one, two, three = (found[pair.request_id] for pair in pairs)
    assert (one.labeler, one.rubric, one.preference, one.rationale) == ("anna", RUBRIC, 1.0, "Mail [email]: better.")
    assert one.inclusion_probability == 0.25
    assert (two.labeler, two.rubric, two.preference) == ("bert", load("factual_consistency").id, -0.5)
    assert three.preference == (1.0 if read_key(key).candidate_is_a else -1.0)
    assert three.labeled_at.isoformat() == "2026-11-20T12:00:00+00:00"
    assert await api.json("POST", LABELS, batch) == (200, {**COUNTS, "rows": 3, "already_there": 3})
    batch["labels"][0]["winner"] = "tie"
    assert await api.json("POST", LABELS, batch) == (200, {**COUNTS, "rows": 3, "replaced": 1, "already_there": 2})
    batch["labels"][2] |= {"winner": "b", "labeled_at": "2026-11-19T12:00:00Z"}
    assert (await api.json("POST", LABELS, batch))[1]["older"] == 1
    assert len(stored(reader, pairs)) == 3
    assert api.site.figures.all()["shadowbench_dashboard_labels_saved_total"] == 4


BAD: list[tuple[dict[str, Any], str]] = [
    ({"winner": "a"}, "winner: 'a' is none of primary, candidate, tie (without the key of a sheet)"),
    ({}, "says nothing; give winner, preference, or both scores"),
    ({"winner": "tie", "preference": 0.0}, "winner: stands beside preference; give one of the two"),
    ({"score_primary": 3.0}, "has the score of one answer only; give both, or none"),
    ({"winner": "tie", "rubric": "beauty"}, "rubric: 'beauty' is no rubric: write helpfulness"),
    ({"winner": "tie", "labeler": "a\x1b[31m"}, "labeler: "),
    ({"winner": "tie", "labeled_at": "2190-01-01T00:00:00Z"}, "labeled_at: "),
    ({"winner": "tie", "key": "kAAAA"}, "key: "),
    ({"winner": "tie", "candidate": "nobody"}, "no pair of request"),
]


@pytest.mark.parametrize(("more", "said"), BAD)
async def test_one_bad_label_and_nothing_is_stored(
    api: Asking, reader: Reader, pairs: list[Listed], more: dict[str, Any], said: str
) -> None:
    """Unless the others are wanted without it."""
    good, bad, _ = pairs
    batch: dict[str, Any] = {"labeler": "anna", "labels": [of(good, winner="primary"), of(bad) | more]}
    status, told = await api.json("POST", LABELS, batch)
    assert (status, told["error"]) == (422, "nothing was stored: 1 label is bad; mend them, or say skip_bad")
    assert told["details"][0].startswith("labels[1]: ")
    assert said in told["details"][0]
    assert "\x1b" not in json.dumps(told)
    assert stored(reader, pairs) == []
    status, told = await api.json("POST", LABELS, {**batch, "skip_bad": True})
    assert (status, told["labels"], told["bad"], said in told["details"][0]) == (200, 1, 1, True)
    assert [row.request_id for row in stored(reader, pairs)] == [good.request_id]


async def test_the_same_pair_twice_is_a_fault(api: Asking, pairs: list[Listed]) -> None:
    twice = [of(pairs[0], winner="tie"), of(pairs[0], winner="primary")]
    status, told = await api.json("POST", LABELS, {"labeler": "anna", "labels": twice})
    assert (status, told["details"]) == (
        422, ["labels[1]: the same pair, labeler and rubric as in labels[0]"]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ({"labels": []}, "labels: list should have at least 1 item"),
        ({"labels": [{}] * (MAX_LABELS + 1)}, f"labels: list should have at most {MAX_LABELS} items"),
        ({"labels": [{"winner": "left"}]}, "labels[0].winner: input should be 'primary'"),
        ({"labels": [{"preference": 2}]}, "labels[0].preference: input should be less than or equal to 1"),
        ({"labels": [{"inclusion_probability": 0}]}, "labels[0].inclusion_probability: "),
        ({"labels": [{"beauty": 1}]}, "labels[0].beauty: extra inputs are not permitted"),
        ({"labels": [{"request_id": "x"}]}, "labels[0].request_id: "),
        ({"labels": [{"winner": "tie"}], "skip_bad": "yes"}, "skip_bad: "),
    ],
)
async def test_what_is_no_batch(api: Asking, batch: dict[str, Any], said: str) -> None:
    """`skip_bad` is for labels that cannot be, not for what is no label at all."""
    status, told = await api.json("POST", LABELS, {"labeler": "anna", **batch})
    assert status == 400
    assert told["error"].startswith(said)


@pytest.mark.parametrize(("labeler", "rubric"), [(" ", None), ("a\u202eb", None), ("anna", "beauty")])
async def test_a_batch_whose_own_words_are_none(
    api: Asking, pairs: list[Listed], labeler: str, rubric: str | None
) -> None:
    batch = {"labeler": labeler, "rubric": rubric, "labels": [of(pairs[0], winner="tie")]}
    assert (await api.json("POST", LABELS, batch))[0] == 422


async def test_a_file_and_a_batch_are_the_same(
    api: Asking, pairs: list[Listed], tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """What one brought in is there for the other."""
    rows = [of(one, winner="candidate", rationale="So.") for one in pairs]
    assert (await api.json("POST", LABELS, {"labeler": "carl", "labels": rows}))[1]["labels"] == 3
    config = tmp_path / "own.yaml"
    config.write_text(f"primary: {{url: http://127.0.0.1:9}}\nstore: {{dir: {api.site.config.store.dir}}}\n")
    file = tmp_path / "labels.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(["labels", "import", str(file), "-c", str(config), "--labeler", "carl", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["labels"], told["already_there"]) == (0, 3)
