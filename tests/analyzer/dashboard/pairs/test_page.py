"""The pages over a store: what is listed, what is shown of one pair, and what is said where there is nothing."""

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from analyzer.dashboard.pairs.asked import PAGE
from config.model import Store
from store.errors import QueryFailed, StoreUnavailable
from tests.analyzer.dashboard.made import CODE_QUESTION, MARKUP, SCRIPT
from tests.analyzer.dashboard.pairs.conftest import PairsStore
from tests.analyzer.dashboard.pairs.made import MILLION, PLAIN, RUBRIC

_LINE = re.compile(r'<tr role="row">\s*<th scope="row".*?</tr>', re.DOTALL)
_HREF = re.compile(r'href="([^"]*)"')
SHOWN = {
    "html", "head", "meta", "title", "link", "script", "body", "a", "header", "svg", "rect", "span", "nav", "div",
    "button", "circle", "path", "form", "main", "h1", "h2", "h3", "h4", "label", "input", "details", "summary",
    "select", "option", "optgroup", "datalist", "ul", "ol", "li", "bdi", "p", "table", "caption", "thead", "tbody",
    "tr", "th", "td", "time", "dl", "dt", "dd", "section", "article", "code", "pre", "mark", "line", "text", "strong",
}  # fmt: skip


def words(html: str) -> str:
    """Text without markup."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def content(body: str) -> str:
    return words(body.partition("<main")[2].partition("</main>")[0])


def lines(body: str) -> list[str]:
    return _LINE.findall(body)


def links(html: str) -> list[str]:
    return [unescape(one) for one in _HREF.findall(html)]


def link(body: str, text: str) -> str:
    """Where a link with this text leads to."""
    found = re.search(rf'<a [^>]*href="([^"]*)"[^>]*>(?:<[^>]*>|\s|[←→])*{re.escape(text)}', body)
    assert found is not None, text
    return unescape(found[1])


def section(body: str, title: str) -> str:
    """The text of a part of a page, by the id of its heading."""
    return words(re.split(r"</section>|</details>", body.partition(f'id="{title}"')[2], maxsplit=1)[0])


async def all_lines(asking: Any, address: str) -> list[str]:
    found: list[str] = []
    while True:
        body = await asking.page(address)
        found += lines(body)
        if "Next page" not in body:
            return found
        address = link(body, "Next page")


async def test_the_newest_stand_first_and_every_pair_once(pairs: PairsStore, open_pages: Any) -> None:
    asking = await open_pages(pairs.site())
    body = await asking.page("/pairs")
    there = [row for row in pairs.made.pairs if row is not pairs.made.named["old"]]
    assert f"{len(there)} pairs in the last 24 h, the newest first." in content(body)
    assert len(lines(body)) == 50
    assert "Previous page" not in body
    found = await all_lines(asking, "/pairs")
    addresses = [links(one)[0].partition("?")[0] for one in found]
    assert sorted(addresses) == sorted(f"/pairs/{row['request_id']}/{row['candidate']}" for row in there)
    times = [re.search(r'datetime="([^"]+)"', one)[1] for one in found]  # type: ignore[index]
    assert times == sorted(times, reverse=True)
    second = await asking.page(link(body, "Next page"))
    for back in ("Previous page", "First"):
        assert [words(one) for one in lines(await asking.page(link(second, back)))] == [
            words(one) for one in lines(body)
        ]


async def test_a_line_says_what_was_asked_and_how_both_arms_did(pairs: PairsStore, open_pages: Any) -> None:
    body = await (await open_pages(pairs.site())).page("/pairs?candidate=swift&sort=slower")
    first = words(lines(body)[0])
    assert first.startswith("Which is slow?")
    assert "812 ms candidate 9 s +8.19 s 11×" in first
    assert "$0.0042 candidate $0.50 +$0.496 120×" in first
    assert first.endswith("primary better judge-a")
    assert "slower first" in content(body)


FILTERED: list[tuple[str, list[str]]] = [
    ("outcome=failed", ["both failed", "limited", "timeout"]),
    ("outcome=both_failed", ["both failed"]),
    ("outcome=timeout", ["timeout"]),
    ("answer=refused", ["refused"]),
    ("answer=other_tools", ["tools"]),
    ("answer=same", ["same"]),
    ("answer=cut_short", ["cut"]),
    ("verdict=disagree", ["judged"]),
    ("verdict=people_disagree", ["judged"]),
    ("verdict=tie", ["same"]),
    ("verdict=primary_better", ["judged", "slow"]),
    ("sort=worst", ["slow", "judged", "same"]),
    ("sort=dearer&outcome=ok&candidate=swift&label.tenant=acme&stream=yes", ["code"]),
    ("label.tenant=zeta", ["gone"]),
    ("candidate=control", ["of the control"]),
    ("window=30d&outcome=ok&label.tenant=acme&until=2000-01-01", []),
]


async def test_filters_and_orders(pairs: PairsStore, open_pages: Any) -> None:
    asking = await open_pages(pairs.site())
    for query, names in FILTERED:
        body = await asking.page(f"/pairs?{query}")
        found = [links(one)[0].partition("?")[0] for one in lines(body)]
        assert found == [pairs.address(name) for name in names], query


async def test_what_narrows_the_list_is_said_and_can_be_taken_back(pairs: PairsStore, open_pages: Any) -> None:
    asking = await open_pages(pairs.site())
    body = await asking.page("/pairs?candidate=swift&outcome=failed&label.tenant=acme")
    assert f"3 of {sum(row['candidate'] == 'swift' for row in pairs.made.pairs) - 1} pairs in the last 24 h" in content(
        body
    )
    chosen = words(body.partition('<ul class="chosen"')[2].partition("</ul>")[0])
    assert "candidate swift" in chosen
    assert "outcome one or both failed" in chosen
    assert "tenant acme" in chosen
    taken = re.findall(r'href="([^"]*)"><span aria-hidden="true">×', body)
    assert [unescape(one) for one in taken] == [
        "/pairs?outcome=failed&label.tenant=acme",
        "/pairs?candidate=swift&label.tenant=acme",
        "/pairs?candidate=swift&outcome=failed",
    ]


async def test_the_form_offers_what_there_is(pairs: PairsStore, open_pages: Any) -> None:
    body = await (await open_pages(pairs.site())).page("/pairs?candidate=gone%20long%20ago")
    form = body.partition('aria-label="Filters"')[2].partition("</form>")[0]
    candidates = re.findall(r'<option value="([^"]*)"', form.partition('name="candidate"')[2].partition("</select>")[0])
    assert candidates == ["", "swift", "sage", "quick", "control", "retired", "gone long ago"]
    assert re.search(r'name="label\.tenant".*?<option value="acme">', form, re.DOTALL)
    assert '<option value="chat/completions">' in form
    assert '<option value="gpt-x">' in form


async def test_of_nothing_it_is_said_why(pairs: PairsStore, open_pages: Any) -> None:
    asking = await open_pages(pairs.site())
    body = await asking.page("/pairs?outcome=truncated")
    assert re.search(r"Nothing found None of \d+ pairs in the last 24 h is like that\. Show all pairs", content(body))
    body = await asking.page("/pairs?until=2020-01-01&window=1h")
    assert "No pairs here No pair began in the time from 2019-12-31 23:00:00 to 2020-01-01 00:00:00 UTC." in content(
        body
    )


async def test_one_pair_is_shown_with_everything(pairs: PairsStore, open_pages: Any) -> None:
    asking = await open_pages(pairs.site())
    body = await asking.page(pairs.address("code"))
    text = content(body)
    assert "swift against the primary" in text
    assert "swift answered in 640 ms, 172 ms faster than the primary, and cost $0.0011, $0.0031 less." in text
    assert "The same request also went to sage ." in text
    assert links(body.partition("also went to")[2])[0] == pairs.address("other")
    earlier = "3 earlier turns System You help programmers. User My script dies. Assistant How large is the file?"
    assert f"What was asked {earlier} User {CODE_QUESTION} Both answers" in text
    assert "<mark>line by line</mark>" in body
    assert "<mark>row by row</mark>" in body
    assert '<pre class="code" dir="ltr" tabindex="0" role="group" aria-label="Code"><code>import csv' in body
    assert "Reasoning They want little memory." in text
    time = body.partition('<svg class="timeline"')[2].partition("</svg>")[0]
    assert (
        "the candidate 640 ms (25 ms connecting, 90 ms until the first byte, 10 ms until the first word, 80 ms" in time
    )
    assert "Last byte From the request's last byte" in text
    assert "812 ms 640 ms −172 ms −21 %" in section(body, "figures")
    assert "of these reasoning – 12" in section(body, "figures")
    recorded = section(body, "recorded")
    assert f"Request {pairs.made.named['code']['request_id']}" in recorded
    assert "Changed for the candidate model, store" in recorded
    assert "Nobody has judged or labelled this pair." in text
    assert "Texts are shown as they are stored" in text


async def test_judges_and_people_with_both_orders_and_reasons(pairs: PairsStore, open_pages: Any) -> None:
    body = await (await open_pages(pairs.site())).page(pairs.address("judged"))
    assert "Taken together, 2 judges preferred the primary's answer (orders disagree, people disagree)." in content(
        body
    )
    said = section(body, "judged")
    assert f"judge-a tie {RUBRIC} · judge-1 · drawn with a share of 20 % · $0.04 ·" in said
    assert (
        "The orders disagree: the judge preferred whatever it was shown first. Primary shown first (A), candidate "
        f"second (B) primary better judge-a in pairwise_pc: {SCRIPT} Candidate shown first (A), primary second (B) "
        f"candidate better judge-a in pairwise_cp: {SCRIPT}"
    ) in said
    assert "judge-b primary better" in said
    assert "The same in both orders." in said
    assert "judge-c no verdict" in said
    assert "The judge gave an answer that cannot be read" in said
    assert f"Ada <b> candidate better person · {RUBRIC}" in said
    assert MARKUP in said
    assert "token_f1 0.375" in said
    assert "Both orders together." not in said, "the reasons stand with the orders"


SPECIAL = [
    ("timeout", "The primary answered in 812 ms; swift timed out."),
    ("timeout", "It did not finish within the time that the configuration allows."),
    ("limited", "swift answered with an HTTP error 429."),
    ("both failed", "The primary could not be reached; swift was never sent the request"),
    ("same", "Both answers are the same, word for word."),
    ("same", "Both gave the same answer."),
    ("tools", "Tool calls weather"),
    ("cut", "The middle of an answer was longer than is kept"),
    ("long", "Only the first 10,0"),
    ("long", "characters of the middle are not shown"),
    ("of the control", "control the primary once more"),
    ("refused", "Refusal By the documented rule. no yes"),
    ("without texts", "No texts are stored: none were kept when it was recorded or imported, or they were erased."),
    ("old", "Texts are kept for 14 d (privacy.retention), and this pair is older."),
]


async def test_what_is_special_about_a_pair_is_said(pairs: PairsStore, open_pages: Any) -> None:
    asking = await open_pages(pairs.site())
    for name, said in SPECIAL:
        assert said in content(await asking.page(pairs.address(name))), name


async def test_differences_of_tool_calls_are_marked(pairs: PairsStore, open_pages: Any) -> None:
    body = await (await open_pages(pairs.site())).page(pairs.address("tools"))
    calls = body.partition('<div class="tool-calls">')[2]
    assert "&#34;<mark>Bonn</mark>&#34;" in calls
    assert "&#34;<mark>Berlin</mark>&#34;" in calls


async def test_without_bodies_nothing_is_shown_and_it_is_said_why(pairs: PairsStore, open_pages: Any) -> None:
    asking = await open_pages(pairs.site(privacy={"bodies": "none"}, judge=None))
    assert "No texts are stored (privacy.bodies is none)." in content(await asking.page(pairs.address("without texts")))
    body = await asking.page("/pairs?outcome=ok")
    line = next(one for one in lines(body) if pairs.address("without texts") in one)
    assert words(line).startswith("No texts are stored (privacy.bodies is none).")
    assert "as they are stored" not in content(await asking.page(pairs.address("same")))


async def test_a_million_characters_are_a_page_still(pairs: PairsStore, open_pages: Any) -> None:
    body = await (await open_pages(pairs.site())).page(pairs.address("long"))
    assert len(MILLION) > 10**6
    assert len(body) < 2_500_000
    assert 'class="answers long"' in body
    assert "<mark>toil</mark>" in body


async def test_neighbours_are_those_of_the_list_that_one_came_from(pairs: PairsStore, open_pages: Any) -> None:
    asking = await open_pages(pairs.site())
    rows = lines(await asking.page("/pairs?outcome=failed"))
    addresses = [links(one)[0] for one in rows]
    middle = await asking.page(addresses[1])
    assert (link(middle, "Previous"), link(middle, "Next")) == (addresses[0], addresses[2])
    first = await asking.page(addresses[0])
    assert '<a class="button" rel="prev"' not in first
    assert link(first, "Next") == addresses[1]
    last = await asking.page(addresses[2])
    assert '<a class="button" rel="next"' not in last
    back = await asking.page(links(middle.partition('class="back"')[2])[0])
    assert [links(one)[0] for one in lines(back)] == addresses


async def test_by_itself_a_pair_has_the_neighbours_of_its_candidate(pairs: PairsStore, open_pages: Any) -> None:
    body = await (await open_pages(pairs.site())).page(pairs.address("plain 40"))
    assert link(body, "Previous") == pairs.address("plain 41")
    assert link(body, "Next") == pairs.address("plain 39")
    old = await (await open_pages(pairs.site())).page(pairs.address("old"))
    assert 'rel="prev"' not in old
    assert 'rel="next"' not in old


async def test_pairs_of_the_conversation_and_the_same_as_json(pairs: PairsStore, open_pages: Any) -> None:
    asking = await open_pages(pairs.site())
    body = await asking.page(pairs.address("code"))
    conversation = await asking.page(link(body, "Pairs of this conversation"))
    assert len(lines(conversation)) == 50
    address = link(body, "The same as JSON")
    assert address == f"/api/v1{pairs.address('code')}"
    status, told = await asking.json("GET", address)
    assert (status, told["candidate"]) == (200, "swift")


async def test_a_request_id_leads_to_its_pair(pairs: PairsStore, open_pages: Any) -> None:
    asking = await open_pages(pairs.site())
    row = pairs.made.named["code"]
    status, _, headers = await asking.ask("GET", f"/pairs?request=%20{row['request_id']}%20")
    assert (status, headers["Location"]) == (303, f"/pairs/{row['request_id']}/sage")
    assert "That is no id of a request." in content(await asking.page("/pairs?request=abc"))
    assert "No pair of that request is in the store" in content(await asking.page(f"/pairs?request={uuid4()}"))


REFUSED = [
    (
        f"/pairs/{uuid4()}/swift",
        404,
        "No pair of this request and candidate is in the store: it was not sampled, or",
    ),
    ("/pairs/no-id/swift", 404, "This is no id of a request."),
    ("/pairs?sort=oldest", 400, "There is no sort 'oldest'; choose one of newest, "),
    (f"/pairs/{uuid4()}/swift?window=1y", 400, "There is no window '1y'; choose one of 15m, "),
    ("/pairs?after=x", 400, "This is no place in a list; ask for the first page."),
]


async def test_what_cannot_be_shown_is_said_in_a_line(pairs: PairsStore, open_pages: Any) -> None:
    asking = await open_pages(pairs.site())
    for path, status, said in REFUSED:
        assert said in content(await asking.page(path, status)), path


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))


def tags(body: str) -> Iterator[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(body)
    for tag, attributes in parser.tags:
        yield tag, dict(attributes)


async def test_hostile_texts_are_texts(pairs: PairsStore, open_pages: Any) -> None:
    """In answers, models, labels, finish reasons, verdicts; on the page of a pair and in the list."""
    asking = await open_pages(pairs.site())
    names = [name for name in pairs.made.named if name.startswith("hostile") or name == "judged"]
    lists = ["/pairs?candidate=sage", f"/pairs?{urlencode({'label.tenant': SCRIPT})}"]
    for address in [*map(pairs.address, names), *lists]:
        body = await asking.page(address)
        assert "\x00" not in body
        assert "\x1b" not in body
        for tag, attributes in tags(body):
            assert tag in SHOWN, tag
            assert not any(name.startswith("on") or name == "style" for name in attributes), attributes
            if tag == "script":
                assert (attributes.get("src") or "").startswith("/static/")
            assert attributes.get("id") != "forged"


ODD = (
    "candidate=%00", "candidate=%ff%fe", "label.%00=%00", "label.=x", "model=%F0%9F%98%80", "endpoint=%27%29%3B--",
    "label.a%27b=%5C", "conversation=00", "window=%00", "model=%7Bx%3AString%7D", "candidate=a&candidate=b",
)  # fmt: skip


async def test_whatever_is_asked_there_is_an_answer(pairs: PairsStore, open_pages: Any) -> None:
    asking = await open_pages(pairs.site())
    for query in ODD:
        status, body, _ = await asking.ask("GET", f"/pairs?{query}")
        assert status in {200, 400}, query
        assert "fault of shadowbench" not in body
    for path in ("%00", "%ff", "..%2F..%2Fetc", "a%2Fb", "%7Bx%7D"):
        status, body, _ = await asking.ask("GET", f"/pairs/{uuid4()}/{path}")
        assert status == 404, path


async def test_a_store_that_is_away_is_said_with_its_time(nowhere: Store, pairs: PairsStore, open_pages: Any) -> None:
    asking = await open_pages(PairsStore(nowhere, pairs.made).site())
    for path in ("/pairs", pairs.address("code"), f"/pairs?request={uuid4()}"):
        text = content(await asking.page(path, 503))
        assert re.search(r"The store has not answered since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\.", text)
        assert "Load this page again in a moment." in text


async def test_a_line_of_questions_is_said_as_well(
    pairs: PairsStore, open_pages: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The store is there, and too many wait for it."""
    site = pairs.site()
    asking = await open_pages(site)

    async def full(_work: object) -> None:
        raise StoreUnavailable("32 questions wait for the store already")

    monkeypatch.setattr(site.reading, "read", full)
    assert "32 questions wait for the store already" in content(await asking.page("/pairs", 503))

    async def bad(_work: object) -> None:
        raise QueryFailed("no such column")

    monkeypatch.setattr(site.reading, "read", bad)
    await asking.page("/pairs", 500)
    assert "no such column" in "".join(capfd.readouterr()), "a fault is logged"


async def test_the_token_is_asked_for(pairs: PairsStore, open_pages: Any) -> None:
    asking = await open_pages(pairs.site(dashboard={"token": "open sesame"}))
    for path in ("/pairs", pairs.address("code")):
        status, _, headers = await asking.ask("GET", path)
        assert status == 303
        assert headers["Location"].startswith("/login?next=/pairs")


async def test_navigation_knows_where_one_is(pairs: PairsStore, open_pages: Any) -> None:
    asking = await open_pages(pairs.site())
    assert '<a href="/pairs" aria-current="page">Pairs</a>' in await asking.page("/pairs")
    assert '<a href="/pairs" aria-current="true">Pairs</a>' in await asking.page(pairs.address("code"))


async def test_nothing_is_kept_by_browsers_or_between(pairs: PairsStore, open_pages: Any) -> None:
    _, _, headers = await (await open_pages(pairs.site())).ask("GET", pairs.address("code"))
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_there_are_pages_to_turn() -> None:
    assert PLAIN > PAGE
