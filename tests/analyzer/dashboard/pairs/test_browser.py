"""The pairs browser in a real browser: keys, marks, filters, phones, without scripts, hostile texts."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.analyzer.dashboard.browsing import DESKTOP, PHONE, Window, chromium, window
from tests.analyzer.dashboard.conftest import Served
from tests.analyzer.dashboard.pairs.conftest import PairsStore


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def served(pairs: PairsStore) -> Iterator[Served]:
    with Served(pairs.site()) as one:
        yield one


@pytest.fixture
def opened(browser: Browser, served: Served) -> Iterator[Callable[..., Window]]:
    """`opened("/pairs")`: a window with a page."""
    contexts = []

    def open_at(path: str, **more: Any) -> Window:
        context = window(browser, **more)
        one = context.__enter__()
        contexts.append(context)
        one.page.goto(f"{served.url}{path}")
        return one

    yield open_at
    for context in contexts:
        context.__exit__(None, None, None)


def heading(one: Window) -> str:
    return one.text("h1")


def is_marked(one: Window) -> bool:
    """Does a mark look like one?"""
    ground: str = one.page.evaluate("getComputedStyle(document.querySelector('.text mark')).backgroundColor")
    return ground != "rgba(0, 0, 0, 0)"


def overflow(one: Window) -> int:
    """By how many pixels the page is wider than its window."""
    wide: int = one.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wide


def test_from_the_list_to_a_pair_and_its_neighbours_and_back(opened: Callable[..., Window]) -> None:
    one = opened("/pairs?outcome=failed")
    questions = [link.inner_text() for link in one.page.query_selector_all(".asked .question")]
    one.page.click(".asked a")
    one.wait("#answers")
    assert questions[0] in one.text("main")
    one.press("ArrowRight")
    one.wait(f"main:has-text('{questions[1]}')")
    one.page.click("text=Next")
    one.wait(f"main:has-text('{questions[2]}')")
    assert one.page.query_selector("#after") is None
    one.press("ArrowRight")
    one.press("ArrowLeft")
    one.wait(f"main:has-text('{questions[1]}')")
    one.page.click(".back")
    one.wait(".looks")
    assert [link.inner_text() for link in one.page.query_selector_all(".asked .question")] == questions


def test_arrows_belong_to_who_reads_code(opened: Callable[..., Window], pairs: PairsStore) -> None:
    one = opened(pairs.address("code"))
    before = one.page.url
    one.page.focus("pre.code")
    one.press("ArrowRight")
    one.page.focus("#marks")
    one.press("ArrowLeft")
    one.page.wait_for_timeout(100)
    assert one.page.url == before
    one.page.focus("#after")
    one.press("ArrowLeft")
    one.page.wait_for_url(lambda url: url != before)


def test_marks_are_switched_by_a_key(opened: Callable[..., Window], pairs: PairsStore) -> None:
    one = opened(pairs.address("code"))
    assert is_marked(one)
    assert "4 words only here" in one.text(".answer.candidate")
    one.page.focus("#marks")
    one.press("Space")
    assert not is_marked(one)
    one.press("Space")
    assert is_marked(one)
    assert one.page.inner_text(".toggle") == "Mark what differs"


def test_texts_that_share_little_are_marked_when_asked(opened: Callable[..., Window], pairs: PairsStore) -> None:
    one = opened(pairs.address("other"))
    assert not is_marked(one)
    one.page.check("#marks")
    assert is_marked(one)


def test_filters_are_a_form(opened: Callable[..., Window]) -> None:
    one = opened("/pairs")
    one.page.click("text=Filter and sort")
    one.page.select_option("[name=candidate]", "swift")
    one.page.select_option("[name=outcome]", "failed")
    one.page.fill("[name='label.tenant']", "acme")
    one.page.click("button:has-text('Show')")
    one.wait(".chosen")
    assert one.text(".looked").startswith("3 of ")
    one.page.click(".chosen li:has-text('outcome') a")
    one.wait(".chosen:not(:has-text('outcome'))")
    assert one.page.input_value("[name='label.tenant']") == "acme"
    one.page.click("th:has-text('Cost') a")
    one.wait("th[aria-sort]")
    assert "largest difference first" in one.text("thead")
    assert "Which is slow?" in one.text("tbody tr:first-child")


def test_looks_and_windows_are_one_press(opened: Callable[..., Window]) -> None:
    one = opened("/pairs")
    one.page.click(".looks >> text=Judged worse")
    one.wait(".looks [aria-current]:has-text('Judged worse')")
    assert one.page.locator("tbody tr").count() == 2
    one.page.click(".windows >> text=30d")
    one.wait(".windows [aria-current]:has-text('30d')")
    assert one.text(".looks [aria-current]") == "Judged worse"
    one.page.click(".looks >> text=All")
    one.page.click("text=Next page")
    one.wait("text=Previous page")
    assert one.text(".windows [aria-current]") == "own"


def test_a_request_id_is_looked_up(opened: Callable[..., Window], pairs: PairsStore) -> None:
    one = opened("/pairs")
    one.page.fill("#request", str(pairs.made.named["judged"]["request_id"]))
    one.press("Enter")
    one.wait("#judged")
    one.page.goto(one.page.url.partition("/pairs")[0] + "/pairs")
    one.page.fill("#request", "nothing")
    one.press("Enter")
    assert "no id of a request" in one.text("[role=alert]")
    assert one.page.get_attribute("#request", "aria-describedby") == "not-found"


def test_everything_works_without_scripts(opened: Callable[..., Window], pairs: PairsStore) -> None:
    one = opened("/pairs?answer=refused", java_script_enabled=False)
    one.page.click(".asked a")
    one.wait("#answers")
    one.page.uncheck("#marks")
    one.page.click("summary:has-text('Everything that is recorded')")
    assert str(pairs.made.named["refused"]["request_id"]) in one.text(".recorded")


@pytest.mark.parametrize(("viewport", "scheme"), [(DESKTOP, "dark"), (PHONE, "light")], ids=["desktop", "phone"])
def test_nothing_is_wider_than_its_window(
    opened: Callable[..., Window], pairs: PairsStore, viewport: dict[str, int], scheme: str
) -> None:
    names = ["code", "judged", "timeout", "tools", *(name for name in pairs.made.named if name.startswith("hostile"))]
    one = opened("/pairs?candidate=sage", viewport=viewport, color_scheme=scheme)
    assert overflow(one) <= 0
    url = one.page.url.partition("/pairs")[0]
    one.page.click("text=Filter and sort")
    assert overflow(one) <= 0
    for name in names:
        one.page.goto(f"{url}{pairs.address(name)}")
        one.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        assert overflow(one) <= 0, name
        assert one.page.title().endswith("shadowbench")
        assert one.page.query_selector("#forged") is None


def test_right_to_left_texts_stand_right_and_end_with_themselves(
    opened: Callable[..., Window], pairs: PairsStore
) -> None:
    one = opened(pairs.address("hostile 2"))
    align = "getComputedStyle(document.querySelector('.answer.primary .prose')).direction"
    assert one.page.evaluate(align) == "rtl"
    assert one.page.evaluate("getComputedStyle(document.querySelector('.compare h2')).direction") == "ltr"
    label = one.page.evaluate("getComputedStyle(document.querySelector('.when bdi:last-of-type')).unicodeBidi")
    assert label == "isolate"


def test_what_screen_readers_are_told(opened: Callable[..., Window], pairs: PairsStore) -> None:
    one = opened(pairs.address("code"))
    image = one.page.get_attribute(".timeline", "aria-label")
    assert image is not None
    assert image.startswith("From the request's last byte to the answer's: the primary 812 ms (")
    levels: list[int] = one.page.eval_on_selector_all("h1,h2,h3,h4", "all => all.map((h) => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    unlabelled = one.page.eval_on_selector_all(
        "section, nav",
        "all => all.filter((e) => !e.getAttribute('aria-label') && !e.getAttribute('aria-labelledby')).length",
    )
    assert unlabelled == 0
    targets = one.page.eval_on_selector_all(
        "[aria-labelledby]",
        "all => all.filter((e) => !document.getElementById(e.getAttribute('aria-labelledby'))).length",
    )
    assert targets == 0


def test_times_tell_the_viewers_clock(opened: Callable[..., Window], pairs: PairsStore) -> None:
    one = opened(pairs.address("code"), timezone_id="Asia/Tokyo", locale="en-GB")
    title = one.page.get_attribute("time", "title")
    shown = one.text("time")
    assert title is not None
    assert title.endswith("by your clock")
    hour = (int(shown[11:13]) + 9) % 24
    assert f"{hour:02d}:{shown[14:19]}" in title


def test_a_million_characters_can_be_scrolled_with_keys(opened: Callable[..., Window], pairs: PairsStore) -> None:
    one = opened(pairs.address("long"))
    one.page.focus(".answer.primary .text")
    one.press("PageDown")
    one.page.wait_for_function("document.querySelector('.answer.primary .text').scrollTop > 0")
    assert one.text("main").count("characters of the middle are not shown") == 2
