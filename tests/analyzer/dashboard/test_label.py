"""Labelling over HTTP: what is shown, what is stored, once, and what is said when it cannot be."""

import json
import re
from html import unescape
from typing import Any
from uuid import UUID

import pytest

from analyzer.dashboard.labelling.order import Choice, is_candidate_first, preference_of
from analyzer.dashboard.pages import label
from analyzer.quality.corrected import DECIDING_LABELS
from analyzer.stats.prediction_powered import LEAST_LABELS
from config.model import Store
from store.errors import StoreUnavailable
from store.judging.labels import labels
from store.judging.rows import LabelRow
from store.reader import Reader
from store.writer import Writer
from tests.analyzer.dashboard.conftest import Asking, site_of
from tests.analyzer.dashboard.made import BEGIN, HOSTILE, MARKUP, NOW, PLAIN, RUBRIC, SCRIPT, request_id

ALL = len(PLAIN) + 1
PLACE = f"candidate=swift&rubric={RUBRIC}"


class Person:
    """Somebody who labels as the page's script does."""

    def __init__(self, pages: Asking, candidate: str = "swift") -> None:
        self.pages = pages
        self.candidate = candidate
        self.html: str | None = None

    async def begin(self) -> None:
        status, body = await self.pages.json("GET", f"/label/next?candidate={self.candidate}&rubric={RUBRIC}")
        assert status == 200, body
        self.html = body["html"]

    @property
    def request(self) -> UUID:
        assert self.html is not None
        found = re.search(r'data-request="([0-9a-f-]{36})"', self.html)
        assert found is not None, self.html
        return UUID(found[1])

    @property
    def submission(self) -> str:
        found = re.search(r'data-submission="([0-9a-f]{32})"', self.html or "")
        assert found is not None
        return found[1]

    def message(self, choice: str, **more: Any) -> dict[str, Any]:
        return {
            "request": str(self.request),
            "candidate": self.candidate,
            "rubric": RUBRIC,
            "choice": choice,
            "submission": self.submission,
            **more,
        }

    async def say(self, choice: str, **more: Any) -> str:
        status, body = await self.pages.json("POST", "/label/answers", self.message(choice, **more))
        assert status == 200, body
        self.html = body["html"]
        said: str = body["said"]
        return said


async def person(open_pages: Any, store: Store, name: str, candidate: str = "swift", **values: Any) -> Person:
    pages = await open_pages(site_of(store, **values))
    status, _, headers = await pages.form("/label/name", name=name)
    assert (status, headers["Location"]) == (303, "/label")
    one = Person(pages, candidate)
    await one.begin()
    return one


def stored(reader: Reader, name: str) -> list[LabelRow]:
    """What counts, of this person."""
    return [row for row in labels(reader, BEGIN, NOW) if row.labeler == name]


def rows(reader: Reader, name: str) -> int:
    """Rows of the table, whether they count or not."""
    (found,) = reader.query("SELECT count() AS n FROM labels_human WHERE labeler = {name:String}", {"name": name})
    n: int = found["n"]
    return n


async def test_the_name_is_asked_for_once_and_can_be_changed(pages_store: Store, open_pages: Any) -> None:
    pages = await open_pages(site_of(pages_store))
    body = await pages.page("/label")
    assert "Your name" in body
    assert "data-request" not in body
    status, body, _ = await pages.form("/label/name", name=" \x07 ")
    assert status == 400
    assert "Write a name without characters that cannot be printed." in body
    _, _, headers = await pages.form("/label/name", name="  Zoë <b>  Ω ")
    for part in ("HttpOnly", "SameSite=Strict", "Path=/label"):
        assert part in headers["Set-Cookie"]
    body = await pages.page("/label")
    assert "You are <strong>Zoë &lt;b&gt; Ω</strong>" in body
    assert 'value="Zoë &lt;b&gt; Ω"' in await pages.page("/label?rename=1")


async def test_the_name_leads_to_what_was_to_be_labelled(pages_store: Store, open_pages: Any) -> None:
    pages = await open_pages(site_of(pages_store))
    body = await pages.page("/label?candidate=sage&pairs=new")
    assert 'name="next" value="/label?candidate=sage&amp;pairs=new"' in body
    _, _, headers = await pages.form("/label/name", name="Ada", next="/label?candidate=sage")
    assert headers["Location"] == "/label?candidate=sage"
    _, _, headers = await pages.form("/label/name", name="Ada", next="//evil.example")
    assert headers["Location"] == "/"


@pytest.mark.parametrize("choice", ["first", "second", "tie"])
async def test_a_choice_is_stored_at_once_for_the_arm_that_it_is_for(
    pages_store: Store, open_pages: Any, reader: Reader, choice: Choice
) -> None:
    name = f"chooses {choice}"
    ada = await person(open_pages, pages_store, name)
    asked = ada.request
    assert await ada.say(choice, reason="  Because.\n") == f"Saved: {ada_said(choice)}"
    (row,) = stored(reader, name)
    first = is_candidate_first(name, asked, "swift")
    assert row.preference == preference_of(choice, is_candidate_first=first)
    number = next(n for n in range(ALL) if request_id("swift", n) == asked)
    assert (row.request_id, row.candidate, row.experiment) == (asked, "swift", "e-swift")
    assert (row.rubric, row.rationale, row.inclusion_probability) == (RUBRIC, "Because.", None)
    assert (row.ts - BEGIN).total_seconds() == pytest.approx(number, abs=0.01)
    assert row.labels == {"tenant": "acme"}
    assert ada.request != asked
    assert "<strong>1</strong> of 13 labelled by you" in (ada.html or "")


def ada_said(choice: str) -> str:
    return {"first": "Answer 1 is better", "second": "Answer 2 is better", "tie": "A tie"}[choice]


async def test_the_better_answer_by_its_text_is_the_better_arm_in_the_store(
    pages_store: Store, open_pages: Any, reader: Reader
) -> None:
    """Somebody who prefers `of course` prefers the candidate, wherever it stands; and it stands on both sides."""
    ada = await person(open_pages, pages_store, "reads")
    sides = []
    for _ in range(ALL):
        answers = re.findall(r'<section class="card answer".*?</section>', ada.html or "", re.DOTALL)
        assert len(answers) == 2
        wanted = ["of course" in text or "row by row" in text for text in answers]
        assert sum(wanted) == 1
        sides.append(wanted[0])
        await ada.say("first" if wanted[0] else "second")
    assert {row.preference for row in stored(reader, "reads")} == {1.0}
    assert len(stored(reader, "reads")) == ALL
    assert set(sides) == {True, False}
    assert "All done" in (ada.html or "")


async def test_the_order_of_pairs_is_random_and_the_same_for_all(pages_store: Store, open_pages: Any) -> None:
    """People who stop early have labelled the same random part of the pairs."""
    orders = []
    for name in ("one", "other"):
        somebody = await person(open_pages, pages_store, f"order {name}")
        order = []
        for _ in range(ALL):
            order.append(somebody.request)
            await somebody.say("skip")
        orders.append(order)
    assert orders[0] == orders[1]
    by_time = [request_id("swift", n) for n in range(ALL)]
    assert sorted(orders[0], key=str) == sorted(by_time, key=str)
    assert orders[0] != by_time


async def test_the_same_message_again_is_one_row(pages_store: Store, open_pages: Any, reader: Reader) -> None:
    """An answer that was lost on its way: the script sends the same message until it hears."""
    ada = await person(open_pages, pages_store, "again")
    message = ada.message("first")
    for _ in range(3):
        assert (await ada.pages.json("POST", "/label/answers", message))[0] == 200
    assert rows(reader, "again") == 1


async def test_what_is_taken_back_counts_no_more_and_is_asked_again(
    pages_store: Store, open_pages: Any, reader: Reader
) -> None:
    ada = await person(open_pages, pages_store, "undoes")
    asked = ada.request
    await ada.say("first")
    status, body = await ada.pages.json("POST", "/label/answers", {**ada.message("undo"), "request": str(asked)})
    assert (status, body["said"]) == (200, "Taken back")
    ada.html = body["html"]
    assert ada.request == asked
    assert "<strong>0</strong> of 13" in (ada.html or "")
    assert stored(reader, "undoes") == []
    await ada.say("second")
    (row,) = stored(reader, "undoes")
    assert row.preference == preference_of("second", is_candidate_first=is_candidate_first("undoes", asked, "swift"))


async def test_a_label_can_be_taken_back_after_the_dashboard_has_started_again(
    pages_store: Store, open_pages: Any, reader: Reader
) -> None:
    ada = await person(open_pages, pages_store, "restarts")
    asked = ada.request
    await ada.say("tie")
    later = await person(open_pages, pages_store, "restarts")
    assert later.request != asked, "it is labelled"
    await later.say("undo", request=str(asked))
    assert later.request == asked, "its place in the order is before all that is left"
    assert stored(reader, "restarts") == []


async def test_skipped_pairs_come_back_when_they_are_asked_for(pages_store: Store, open_pages: Any) -> None:
    ada = await person(open_pages, pages_store, "skips", "sage")
    for _ in HOSTILE:
        assert await ada.say("skip") == "Skipped"
    assert "Show the 6 skipped again" in (ada.html or "")
    place = f"candidate=sage&rubric={RUBRIC}"
    status, body = await ada.pages.json("POST", f"/label/skipped?{place}", {})
    assert status == 200
    assert "data-request" in body["html"]
    ada.html = body["html"]
    asked = ada.request
    await ada.say("skip")
    assert ada.request != asked
    await ada.say("undo", request=str(asked))
    assert ada.request == asked


async def test_the_pair_in_front_survives_a_reload_of_the_page(pages_store: Store, open_pages: Any) -> None:
    ada = await person(open_pages, pages_store, "reloads")
    assert f'data-request="{ada.request}"' in await ada.pages.page(f"/label?{PLACE}")
    assert f'data-request="{ada.request}"' in await ada.pages.page(f"/label?{PLACE}")


async def test_hostile_texts_are_texts(pages_store: Store, open_pages: Any) -> None:
    """Script, markup, template code, controls and endless answers: all of it is seen, none of it does anything."""
    ada = await person(open_pages, pages_store, "reads everything", "sage")
    shown = ""
    for _ in HOSTILE:
        html = ada.html or ""
        assert not re.search(r"<(script|img|style|h1|b)\b", html)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", html)
        shown += unescape(re.sub(r"<[^>]+>", "", html))
        await ada.say("skip")
    for text in (
        SCRIPT,
        MARKUP,
        "\u202edesrever\u202c",
        "bell ␇, escape ␛[31mred␛[0m, null ␀, line\nbreak",
        "w" * 3_000,
    ):
        assert shown.count(text) >= 3, "question and both answers"
    assert "characters of the middle are not shown" in shown


async def test_what_nobody_judged_cannot_be_labelled_and_says_why(pages_store: Store, open_pages: Any) -> None:
    ada = await person(open_pages, pages_store, "asks for more")
    body = await ada.pages.page("/label?candidate=quick")
    assert "None of the pairs of quick whose texts are kept has been judged yet." in unescape(body)
    assert 'id="choices"' not in body
    for bad in ("candidate=quick", f"candidate=quick&rubric={RUBRIC}", "candidate=swift&rubric=own@11111111", ""):
        status, answer = await ada.pages.json("GET", f"/label/next?{bad}")
        assert (status, answer) == (404, {"error": "nothing of this candidate was judged by this rubric"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"request":"x","candidate":"swift","rubric":"r","choice":"tie"}',
        b'{"request":"6ba7b812-9dad-11d1-80b4-00c04fd430c8","candidate":"swift","rubric":"r","choice":"both"}',
        b'{"request":"6ba7b812-9dad-11d1-80b4-00c04fd430c8","candidate":"swift","rubric":"r","choice":"tie","more":1}',
        b"\xff\xfe",
    ],
)
async def test_what_is_no_answer_is_refused(pages_store: Store, open_pages: Any, body: bytes) -> None:
    ada = await person(open_pages, pages_store, "fumbles")
    headers = {"Content-Type": "application/json"}
    status, said, _ = await ada.pages.ask("POST", "/label/answers", data=body, headers=headers)
    assert status == 400
    assert "this is no answer to a pair" in json.loads(said)["error"]


async def test_a_pair_that_is_not_there_is_not_labelled(pages_store: Store, open_pages: Any, reader: Reader) -> None:
    ada = await person(open_pages, pages_store, "invents")
    message = {**ada.message("tie"), "request": str(UUID(int=99))}
    status, body = await ada.pages.json("POST", "/label/answers", message)
    assert (status, body) == (404, {"error": "this pair is not in the store (any more)"})
    assert rows(reader, "invents") == 0


async def test_without_a_name_nothing_is_stored(pages_store: Store, open_pages: Any) -> None:
    pages = await open_pages(site_of(pages_store))
    status, body = await pages.json("GET", f"/label/next?{PLACE}")
    assert (status, body) == (409, {"error": "say your name on /label first"})


async def test_a_store_that_is_away_is_said_with_its_time_and_what_was_said_can_be_said_again(
    pages_store: Store, open_pages: Any, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await person(open_pages, pages_store, "waits")
    insert = Writer.insert

    def away(*_: object) -> None:
        raise StoreUnavailable("labels_human: connection refused")

    monkeypatch.setattr(Writer, "insert", away)
    message = ada.message("first", reason="Mine.")
    for _ in range(2):
        status, body = await ada.pages.json("POST", "/label/answers", message)
        assert status == 503
        assert "connection refused" in body["error"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body["since"])
    monkeypatch.setattr(Writer, "insert", insert)
    assert (await ada.pages.json("POST", "/label/answers", message))[0] == 200
    (row,) = stored(reader, "waits")
    assert row.rationale == "Mine."
    assert rows(reader, "waits") == 1


async def test_a_label_that_is_stored_is_told_although_the_next_pair_cannot_be_had(
    pages_store: Store, open_pages: Any, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await person(open_pages, pages_store, "half")
    site = ada.pages.site

    async def away(_work: object) -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(site.reading, "read", away)
    status, body = await ada.pages.json("POST", "/label/answers", ada.message("tie"))
    assert (status, body["said"], body["html"], body["error"]) == (200, "Saved: A tie", None, "gone")
    assert len(stored(reader, "half")) == 1


async def test_without_a_store_the_page_says_since_when(nowhere: Store, open_pages: Any) -> None:
    pages = await open_pages(site_of(nowhere))
    await pages.form("/label/name", name="Ada")
    body = await pages.page("/label")
    assert "The store has not answered since" in body
    assert "Nothing to label yet" not in body, "nobody knows"
    status, answer = await pages.json("GET", f"/label/next?{PLACE}")
    assert status == 503
    assert "no owner of the embedded store" in answer["error"]


async def test_reasons_are_not_stored_where_texts_are_not(pages_store: Store, open_pages: Any, reader: Reader) -> None:
    """Texts of before are still shown, as long as they are kept."""
    privacy = {"bodies": "none"}
    ada = await person(open_pages, pages_store, "private", judge=None, privacy=privacy)
    await ada.say("tie", reason="Personal.")
    (row,) = stored(reader, "private")
    assert row.rationale == ""


async def test_people_can_share_the_work(pages_store: Store, open_pages: Any, reader: Reader) -> None:
    """`new`: pairs that nobody has labelled; whoever takes the next of them makes the labelled part a longer one of the
    same random order.
    """
    ada = await person(open_pages, pages_store, "shares", "sage")
    mine = ada.request
    await ada.say("tie")
    second = ada.request
    other = await person(open_pages, pages_store, "shares too", "sage")
    assert other.request == mine
    status, body = await other.pages.json("GET", f"/label/next?candidate=sage&rubric={RUBRIC}&pairs=new")
    other.html = body["html"]
    assert (status, other.request) == (200, second)
    await other.say("first", pairs="new")
    assert other.request not in {mine, second}
    assert {row.request_id for row in stored(reader, "shares too")} == {second}
    body = await other.pages.page(f"/label?candidate=sage&rubric={RUBRIC}&pairs=new")
    assert '<option value="new" selected>' in body
    assert f'data-request="{second}"' not in body


def test_numbers_of_labels_are_those_of_the_reports() -> None:
    assert (label.SHOWN_FROM, label.DECIDES_FROM) == (LEAST_LABELS, DECIDING_LABELS)


async def test_people_see_how_far_all_of_them_are(pages_store: Store, open_pages: Any, reader: Reader) -> None:
    (known,) = reader.query("SELECT uniqExact(request_id) AS n FROM labels_human WHERE candidate = 'swift'")
    ada = await person(open_pages, pages_store, "counts")
    found = re.search(r"(\d+) by everybody; from 100 on", ada.html or "")
    assert found is not None
    assert int(found[1]) <= known["n"]
    figures = ada.pages.site.all_figures()
    assert "shadowbench_dashboard_labels_saved_total" not in figures
    await ada.say("tie")
    assert ada.pages.site.all_figures()["shadowbench_dashboard_labels_saved_total"] == 1
