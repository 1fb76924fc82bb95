"""The pages in a real browser: keys, fingers, screen readers, a store that goes and comes back, hostile texts."""

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Route

from analyzer.dashboard.labelling.order import is_candidate_first
from analyzer.dashboard.labelling.people import as_cookie
from analyzer.dashboard.pages import overview
from config.model import Store
from store.errors import StoreUnavailable
from store.judging.labels import labels
from store.judging.rows import LabelRow
from store.reader import Reader
from store.writer import Writer
from tests.analyzer.dashboard.browsing import DESKTOP, PHONE, Window, chromium, window
from tests.analyzer.dashboard.conftest import Served, site_of
from tests.analyzer.dashboard.made import BEGIN, HOSTILE, NOW, RUBRIC

SAVED = "#said:has-text('Saved')"
SAID = {"first": "Answer 1 is better", "second": "Answer 2 is better", "tie": "A tie"}
DONE = "#choices[aria-busy=false]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture
def served(pages_store: Store) -> Iterator[Served]:
    with Served(site_of(pages_store)) as one:
        yield one


@pytest.fixture
def opened(browser: Browser, served: Served) -> Iterator[Callable[..., Window]]:
    """`opened("Ada")`: a window in which Ada labels."""
    contexts = []

    def open_for(name: str, candidate: str = "swift", **more: Any) -> Window:
        context = window(browser, **more)
        one = context.__enter__()
        contexts.append(context)
        called = f"shadowbench-labeler-{served.port}"
        one.context.add_cookies([{"name": called, "value": as_cookie(name), "url": f"{served.url}/label"}])
        one.page.goto(f"{served.url}/label?candidate={candidate}")
        one.wait(DONE)
        return one

    yield open_for
    for context in contexts:
        context.__exit__(None, None, None)


def asked(one: Window) -> str:
    """The pair that is shown."""
    found = one.page.get_attribute(".task", "data-request")
    assert found is not None
    return found


def skip(one: Window) -> None:
    before = asked(one)
    one.press("s")
    one.wait(f".task:not([data-request='{before}'])")
    one.wait(DONE)


def skip_to(one: Window, text: str) -> None:
    while text not in one.text(".task"):
        skip(one)


def stored(reader: Reader, name: str) -> list[LabelRow]:
    return [row for row in labels(reader, BEGIN, NOW) if row.labeler == name]


def number_of_rows(reader: Reader, name: str) -> int:
    sql = "SELECT count() AS n FROM labels_human WHERE labeler = {name:String} AND isNotNull(preference)"
    n: int = reader.query(sql, {"name": name})[0]["n"]
    return n


def test_one_key_stores_a_label_and_shows_the_next_pair(opened: Callable[..., Window], reader: Reader) -> None:
    one = opened("presses keys")
    keys = {"1": "first", "ArrowLeft": "first", "2": "second", "ArrowRight": "second", "0": "tie", " ": "tie"}
    for number, (key, choice) in enumerate(keys.items(), 1):
        before = asked(one)
        one.press(key)
        one.wait(f"#progress-text:has-text('{number} of 13 labelled by you')")
        one.wait(DONE)
        assert one.text("#said") == f"Saved: {SAID[choice]}"
        row = next(row for row in stored(reader, "presses keys") if str(row.request_id) == before)
        is_first = is_candidate_first("presses keys", row.request_id, "swift")
        assert row.preference == {"first": 1, "second": -1, "tie": 0}[choice] * (1 if is_first else -1)
        assert asked(one) != before
        assert one.page.evaluate("document.activeElement.id") == "prompt-title", "a screen reader goes on there"
    assert len(stored(reader, "presses keys")) == len(keys)
    assert one.page.get_attribute("#said", "role") == "status"


def test_what_is_taken_back_is_shown_again_with_what_was_chosen(opened: Callable[..., Window], reader: Reader) -> None:
    one = opened("takes back")
    first = asked(one)
    assert one.page.is_disabled("[data-choice=undo]")
    one.press("r")
    one.page.keyboard.type("Wrong key: 1 2 s u")
    one.press("Escape")
    one.press("2")
    one.wait(SAVED)
    second = asked(one)
    one.press("s")
    one.wait("#said:has-text('Skipped')")
    assert asked(one) not in {first, second}
    one.press("u")
    one.wait("#said:has-text('Taken back')")
    assert asked(one) == second
    one.press("u")
    one.wait(f".task[data-request='{first}']")
    one.wait(DONE)
    assert stored(reader, "takes back") == []
    assert one.page.input_value("#reason") == "Wrong key: 1 2 s u"
    assert one.page.locator(".chosen").get_attribute("data-choice") == "second"
    assert one.page.is_disabled("[data-choice=undo]")
    one.press("1")
    one.wait(SAVED)
    (row,) = stored(reader, "takes back")
    assert (str(row.request_id), row.rationale) == (first, "Wrong key: 1 2 s u")


def test_keys_that_are_meant_for_something_else_choose_nothing(opened: Callable[..., Window], reader: Reader) -> None:
    """In the box of reasons, with a modifier, on a button, in a part that scrolls."""
    one = opened("is careful")
    before = asked(one)
    for keys in ("Control+1", "Alt+2", "Meta+0", "9", "x", "Enter"):
        one.press(keys)
    one.page.focus(".turn.last")
    one.press("ArrowRight")
    one.page.focus("summary")
    one.press(" ")
    assert one.page.locator("details.criteria").get_attribute("open") is not None, "space opens what has the focus"
    one.press("r")
    one.page.keyboard.type("120 su")
    assert one.page.input_value("#reason") == "120 su"
    assert asked(one) == before
    assert stored(reader, "is careful") == []


def test_a_key_that_is_held_chooses_once(opened: Callable[..., Window], reader: Reader) -> None:
    one = opened("holds")
    for _ in range(8):
        one.page.keyboard.down("1")
    one.wait(SAVED)
    one.page.keyboard.up("1")
    one.wait(DONE)
    assert len(stored(reader, "holds")) == 1


def test_while_the_store_is_away_a_choice_is_kept_even_over_a_reload(
    opened: Callable[..., Window], reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = opened("waits for it")
    insert, first = Writer.insert, asked(one)

    def away(*_: object) -> None:
        raise StoreUnavailable("labels_human: connection refused")

    monkeypatch.setattr(Writer, "insert", away)
    one.press("r")
    one.page.keyboard.type("Typed while it was away.")
    one.press("Escape")
    one.press("1")
    one.wait("#trouble:not([hidden])")
    said = one.text("#trouble")
    assert re.search(r"The store has not answered since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", said)
    assert "Your choice is kept here" in said
    assert "labels_human: connection refused" in said
    assert one.text("#said") == "Not stored yet; it is tried again", "it is seen wherever one has scrolled to"
    assert one.page.get_attribute("#trouble", "role") == "alert"
    one.press("2")
    assert asked(one) == first, "one thing after the other"
    assert one.page.input_value("#reason") == "Typed while it was away."
    assert one.page.locator(".chosen").get_attribute("data-choice") == "first"
    one.page.reload()
    one.wait("#trouble:not([hidden])")
    assert one.page.input_value("#reason") == "Typed while it was away."
    monkeypatch.setattr(Writer, "insert", insert)
    one.wait(SAVED)
    one.wait(DONE)
    assert one.page.is_hidden("#trouble")
    (row,) = stored(reader, "waits for it")
    assert (str(row.request_id), row.rationale) == (first, "Typed while it was away.")
    assert number_of_rows(reader, "waits for it") == 1


def test_an_answer_that_is_lost_on_its_way_makes_no_second_label(opened: Callable[..., Window], reader: Reader) -> None:
    """The label is stored, and the browser does not hear of it; it sends the same again."""
    one = opened("is cut off")
    lost: list[int] = []

    def lose(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().status)
        route.abort()

    one.page.route("**/label/answers", lose)
    one.press("2")
    one.wait(SAVED)
    assert lost == [200]
    assert number_of_rows(reader, "is cut off") == 1
    assert one.text("#progress-text").startswith("1 of 13")


def test_a_dashboard_that_starts_again_is_waited_for(
    browser: Browser, served: Served, opened: Callable[..., Window], reader: Reader
) -> None:
    one = opened("outlives it")
    served.stop()
    one.press("0")
    one.wait("#trouble:has-text('the dashboard does not answer')")
    served.start_again()
    one.wait(SAVED)
    assert len(stored(reader, "outlives it")) == 1


def test_hostile_texts_are_shown_and_do_nothing(opened: Callable[..., Window]) -> None:
    """Their own markup is text; the page keeps its title, its head, its direction and its width."""
    one = opened("fears nothing", "sage", viewport=PHONE)
    seen = ""
    for number in range(len(HOSTILE)):
        seen += one.text(".task")
        assert one.page.title() == "Label · shadowbench"
        assert one.page.locator("#forged, main script, main img, main style").count() == 0
        assert one.page.locator("h1").all_inner_texts() == ["Which answer is better?"]
        assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no page wider than the screen"
        assert one.page.evaluate("getComputedStyle(document.querySelector('#choices')).direction") == "ltr"
        one.press("s")
        one.wait(f"#progress-text:has-text('{number + 1} skipped')")
        one.wait(DONE)
    for text in ("<script>document.title='owned'</script>", "{{ 7 * 7 }}{% raw %}", "bell ␇, escape ␛[31m", "👩‍👩‍👧‍👦"):
        assert seen.count(text) >= 3, text
    assert "characters of the middle are not shown" in seen
    one.page.click("#show-skipped")
    one.wait(".task")


def test_right_to_left_texts_run_from_right_to_left(opened: Callable[..., Window]) -> None:
    one = opened("reads Arabic", "sage")
    skip_to(one, "مرحبا")
    assert one.page.eval_on_selector(".answer .prose", "node => getComputedStyle(node).unicodeBidi") == "plaintext"
    assert one.page.eval_on_selector(".answer .prose", "node => node.matches(':dir(rtl)')") is True
    assert one.page.eval_on_selector(".answer h2", "node => node.matches(':dir(ltr)')") is True


def test_a_phone_has_room_for_fingers(opened: Callable[..., Window], reader: Reader) -> None:
    one = opened("taps", viewport=PHONE, has_touch=True)
    for choice in ("first", "tie", "second"):
        box = one.page.locator(f"[data-choice={choice}]").bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["y"] + box["height"] <= PHONE["height"]
    answers = [one.page.locator(f"#answer-{n}").bounding_box() for n in (1, 2)]
    assert answers[0] is not None
    assert answers[1] is not None
    assert answers[0]["y"] < answers[1]["y"], "one below the other"
    one.page.tap("[data-choice=first]")
    one.wait(SAVED)
    assert len(stored(reader, "taps")) == 1
    assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_end_of_a_long_answer_is_not_hidden_behind_the_buttons(opened: Callable[..., Window]) -> None:
    one = opened("scrolls", "sage")
    skip_to(one, "A very long answer.")
    one.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    end, bar = one.page.locator(".answers").bounding_box(), one.page.locator("#choices").bounding_box()
    assert end is not None
    assert bar is not None
    assert end["y"] + end["height"] <= bar["y"]
    skip(one)
    top = one.page.locator("#task").bounding_box()
    assert top is not None
    assert 0 <= top["y"] < DESKTOP["height"] / 2, "the next pair is shown from its begin"


def test_another_candidate_is_one_choice_away(opened: Callable[..., Window]) -> None:
    one = opened("changes")
    one.page.select_option("select[name=candidate]", "quick")
    one.wait("h2:has-text('Nothing to label yet')")
    assert "candidate=quick" in one.page.url
    one.page.select_option("select[name=candidate]", "sage")
    one.wait(DONE)
    assert one.page.get_attribute("#task", "data-rubric") == RUBRIC


def test_the_overview_keeps_itself_fresh_and_says_when_it_is_not(
    browser: Browser, pages_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "REFRESH_S", 0.3)
    monkeypatch.setattr(overview, "_FRESH_S", 0.0)
    with Served(site_of(pages_store)) as served, window(browser) as one:
        one.page.goto(f"{served.url}/judging")
        one.page.evaluate("document.getElementById('live').dataset.kept = 'yes'")
        first = one.page.get_attribute(".title-row time", "datetime")
        one.wait(f".title-row time:not([datetime='{first}'])", state="attached")
        assert one.page.get_attribute("#live", "data-kept") == "yes", "the page was not loaded anew"
        served.stop()
        one.wait("#stale:not([hidden])")
        assert "this page has lost its server" in one.text(".title-row")
        served.start_again()
        one.wait("#stale", state="hidden")


def test_the_theme_follows_the_system_until_it_is_chosen(browser: Browser, served: Served) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with window(browser, color_scheme="dark") as one:
        one.page.goto(f"{served.url}/judging")
        dark = one.page.evaluate(ground)
        one.page.click("#theme")
        assert one.text("#theme-now") == "light"
        light = one.page.evaluate(ground)
        assert light != dark
        one.page.goto(f"{served.url}/label")
        assert one.page.evaluate(ground) == light, "remembered"
        one.page.click("#theme")
        assert (one.text("#theme-now"), one.page.evaluate(ground)) == ("dark", dark)


def test_logging_in_leads_to_what_was_wanted(browser: Browser, pages_store: Store) -> None:
    with Served(site_of(pages_store, dashboard={"token": "secret"})) as served, window(browser) as one:
        one.page.goto(f"{served.url}/label?candidate=sage")
        one.page.fill("#token", "guess")
        one.press("Enter")
        one.wait("#fault")
        one.page.fill("#token", "secret")
        one.press("Enter")
        one.page.fill("#name", "Ada")
        one.press("Enter")
        one.wait("#choices")
        one.page.click("text=Log out")
        one.wait("#token")


@pytest.mark.parametrize(
    "path", ["/judging", "/label", "/label?candidate=swift", "/label?candidate=quick", "/none", "/login"]
)
def test_every_page_can_be_heard(browser: Browser, pages_store: Store, path: str) -> None:
    """What a screen reader needs: language, title, landmarks, one first heading, names, labels, captions."""
    values = {"dashboard": {"token": "secret"}} if path == "/login" else {}
    with Served(site_of(pages_store, **values)) as served, window(browser) as one:
        if "?" in path:
            one.page.goto(f"{served.url}/label")
            one.page.fill("#name", "Listener")
            one.page.click("button.main")
        one.page.goto(f"{served.url}{path}")
        page = one.page
        assert page.get_attribute("html", "lang") == "en"
        assert page.title().endswith(" · shadowbench")
        assert [page.locator(tag).count() for tag in ("main", "h1", "header", "nav")] == [1, 1, 1, 1]
        assert page.evaluate("document.querySelector('a, button, input').textContent") == "Skip to the content"
        ids = page.eval_on_selector_all("[id]", "nodes => nodes.map(node => node.id)")
        assert len(ids) == len(set(ids))
        nameless = "nodes => nodes.filter(n => !(n.textContent.trim() || n.ariaLabel)).length"
        assert page.eval_on_selector_all("button, a, summary", nameless) == 0
        unlabelled = "nodes => nodes.filter(n => n.type !== 'hidden' && !n.labels.length).length"
        assert page.eval_on_selector_all("input, select, textarea", unlabelled) == 0
        assert page.eval_on_selector_all("table", "nodes => nodes.filter(n => !n.caption).length") == 0
        levels = page.eval_on_selector_all("h1, h2, h3", "nodes => nodes.map(n => Number(n.tagName[1]))")
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
        named_by = "nodes => nodes.flatMap(n => n.getAttribute('aria-labelledby').split(' '))"
        assert set(page.eval_on_selector_all("[aria-labelledby]", named_by)) <= set(ids)
