"""What users say of answers: found by request, stored once with each pair, and kept out of every estimate."""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from analyzer.dashboard.api import feedback as feedback_module
from analyzer.quality.agreement import is_about
from cli.main import run
from config.model import Store
from store import tables
from store.judging.labels import labels, write_labels
from store.judging.rows import LabelRow
from store.locate import StoreConnection
from store.reader import Reader
from store.writer import Writer
from tests.analyzer.dashboard.conftest import Asking, site_of
from tests.analyzer.dashboard.made import NOW, RUBRIC
from tests.analyzer.rows import as_values
from tests.store.judging.conftest import pair, uuid7_at

FEEDBACK = "/api/v1/feedback"
AT = NOW - timedelta(minutes=50)


@pytest.fixture
async def api(pages_store: Store, open_pages: Any) -> Asking:
    return await open_pages(site_of(pages_store))  # type: ignore[no-any-return]


@pytest.fixture
def request_id(pages_store: Store) -> UUID:
    """A request with pairs of two candidates and the control."""
    found = uuid7_at(AT)
    writer = Writer(StoreConnection(pages_store, access="writer"))
    rows = [pair(AT, name, request_id=found) for name in ("thumbed", "thumbed-too", "control")]
    writer.insert("pairs", as_values(tables.PAIRS, rows), f"thumbed-{found}")
    writer.close()
    return found


def stored(reader: Reader, request_id: UUID) -> list[LabelRow]:
    return labels(reader, AT - timedelta(days=30), NOW, requests=[request_id])


def said(request_id: UUID, **more: Any) -> dict[str, Any]:
    return {"request_id": str(request_id), "labeler": "user-1", **more}


async def test_a_thumb_is_a_score_of_the_answer_that_the_client_got(
    api: Asking, reader: Reader, request_id: UUID
) -> None:
    """With every candidate's pair; the candidates' own answers, which nobody saw, get none."""
    status, told = await api.json("POST", FEEDBACK, said(request_id, thumbs="down", source="chat-app"))
    assert (status, told) == (
        200,
        {"request_id": str(request_id), "candidates": ["thumbed", "thumbed-too"], "rubric": "feedback:chat-app"},
    )
    rows = stored(reader, request_id)
    assert [(r.candidate, r.labeler, r.rubric, r.preference, r.score_primary, r.score_candidate) for r in rows] == [
        (name, "user-1", "feedback:chat-app", None, 1.0, None) for name in ("thumbed", "thumbed-too")
    ]
    assert {(r.ts, r.bucket, r.inclusion_probability) for r in rows} == {(AT, 7, None)}
    assert api.site.figures.all()["shadowbench_dashboard_feedback_total"] == 1


async def test_said_again_the_newest_counts(api: Asking, reader: Reader, request_id: UUID) -> None:
    mine = said(request_id, candidate="thumbed")
    for more in ({"thumbs": "down"}, {"thumbs": "up"}, {"score": 7.5}, {"score": 7.5}):
        await asyncio.sleep(0.002)  # moments have three digits of a second
        assert (await api.json("POST", FEEDBACK, mine | more))[0] == 200
    await api.json("POST", FEEDBACK, mine | {"labeler": "user-2", "thumbs": "up"})
    assert [(r.labeler, r.score_primary) for r in stored(reader, request_id)] == [("user-1", 7.5), ("user-2", 10.0)]


async def test_a_preference_says_whose(api: Asking, reader: Reader, request_id: UUID) -> None:
    status, told = await api.json("POST", FEEDBACK, said(request_id, preference=0.5))
    assert (status, told["error"]) == (
        422, "candidate: say whose answer was compared; there are thumbed, thumbed-too"
    )  # fmt: skip
    assert (await api.json("POST", FEEDBACK, said(request_id, preference=0.5, candidate="thumbed")))[0] == 200
    (row,) = stored(reader, request_id)
    assert (row.candidate, row.preference, row.score_primary) == ("thumbed", 0.5, None)


async def test_no_estimate_rests_on_it(api: Asking, reader: Reader, request_id: UUID) -> None:
    """Its rubric is no judge's; what `judge agreement` and reports compare has to be of one rubric."""
    await api.json("POST", FEEDBACK, said(request_id, preference=1, candidate="thumbed"))
    (row,) = stored(reader, request_id)
    assert not is_about(row.rubric, RUBRIC)


async def test_it_goes_out_into_a_file_and_comes_back(
    api: Asking, request_id: UUID, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`labels export` writes what `labels import` reads, feedback too."""
    for more in ({"thumbs": "up"}, {"preference": -1, "candidate": "thumbed", "source": "ab-page"}):
        assert (await api.json("POST", FEEDBACK, said(request_id, comment="So.", **more)))[0] == 200
    config, file = tmp_path / "own.yaml", tmp_path / "labels.jsonl"
    config.write_text(f"primary: {{url: http://127.0.0.1:9}}\nstore: {{dir: {api.site.config.store.dir}}}\n")
    for rubric in ("feedback:api", "feedback:ab-page"):
        chosen = ("--rubric", rubric, "--candidate", "thumbed", "--labeler", "user-1", "--since", "2h", "--force")
        assert run(["labels", "export", "-c", str(config), "--out", str(file), *chosen]) == 0
        capsys.readouterr()
        assert f'"{request_id}"' in file.read_text()
        assert run(["labels", "import", str(file), "-c", str(config), "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["already_there"] == told["rows"] >= 1


async def test_what_is_written_is_kept_as_privacy_says(
    pages_store: Store, open_pages: Any, reader: Reader, request_id: UUID
) -> None:
    comment = "Mail me: jane@example.com 👍🏽 <script>"
    for bodies, kept in (("redacted", "Mail me: [email] 👍🏽 <script>"), ("full", comment), ("none", "")):
        judge = {"judge": None} if bodies == "none" else {}
        api = await open_pages(site_of(pages_store, privacy={"bodies": bodies}, **judge))
        mine = said(request_id, thumbs="up", comment=comment, candidate="thumbed", source=bodies)
        assert (await api.json("POST", FEEDBACK, mine))[0] == 200
        found = {row.rubric: row.rationale for row in stored(reader, request_id)}
        assert found[f"feedback:{bodies}"] == kept


async def test_a_pair_that_may_still_come_is_asked_for_again(api: Asking, request_id: UUID) -> None:
    young, old = uuid7_at(NOW + timedelta(seconds=30)), uuid7_at(NOW - timedelta(days=3))
    for unknown, again in ((young, True), (old, False), (uuid4(), False)):
        async with api._session.post(f"{api.url}{FEEDBACK}", json=said(unknown, thumbs="up")) as answer:
            assert (answer.status, "Retry-After" in answer.headers) == (404, again)
            assert ("still be on its way" in (await answer.json())["error"]) is again
    status, told = await api.json("POST", FEEDBACK, said(request_id, thumbs="up", candidate="nobody"))
    assert (status, told["error"]) == (404, "no pair of this request with this candidate is in the store")


@pytest.mark.parametrize(
    ("more", "said_of"),
    [
        ({"labeler": "   "}, "labeler"),
        ({"labeler": "a\u202eb"}, "labeler"),
        ({"labeled_at": "2190-01-01T00:00:00Z"}, "labeled_at"),
        ({"labeled_at": "1960-01-01T00:00:00Z"}, "labeled_at"),
    ],
)
async def test_what_cannot_be(api: Asking, request_id: UUID, more: dict[str, Any], said_of: str) -> None:
    status, told = await api.json("POST", FEEDBACK, said(request_id, thumbs="up") | more)
    assert (status, told["error"].partition(":")[0]) == (422, said_of)


async def test_when_it_was_said_may_be_said(api: Asking, reader: Reader, request_id: UUID) -> None:
    at = "2026-11-20T14:00:00.123456+02:00"
    assert (await api.json("POST", FEEDBACK, said(request_id, thumbs="up", labeled_at=at, candidate="thumbed")))[
        0
    ] == 200
    (row,) = stored(reader, request_id)
    assert row.labeled_at == datetime.fromisoformat("2026-11-20T12:00:00.123+00:00")


async def test_many_at_once_are_few_inserts(
    api: Asking, reader: Reader, request_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One hundred and fifty users at the same moment, one of whom names a request that there is not."""
    inserts: list[int] = []

    def counted(writer: Writer, rows: Any) -> None:
        inserts.append(len(rows))
        write_labels(writer, rows)

    monkeypatch.setattr(feedback_module, "write_labels", counted)
    bodies = [said(request_id, thumbs="up", candidate="thumbed") | {"labeler": f"user-{n}"} for n in range(150)]
    bodies[77]["request_id"] = str(uuid4())
    told = await asyncio.gather(*(api.json("POST", FEEDBACK, body) for body in bodies))
    assert sorted(status for status, _ in told) == [200] * 149 + [404]
    assert len(stored(reader, request_id)) == sum(inserts) == 149
    assert len(inserts) < 75
