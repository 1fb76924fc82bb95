"""The report that is one file: it needs nothing else, and nothing of others is more than text in it."""

from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from analyzer.answering import Answer, Question, answer
from analyzer.metrics import METRICS
from analyzer.plan import Plan
from analyzer.report.html_form import as_html
from analyzer.report.json_form import as_json
from analyzer.results import Study
from analyzer.source import Window
from tests.analyzer.fake_source import FakeSource
from tests.analyzer.report.studies import HOSTILE, POLICY, hostile, made
from tests.analyzer.rows import START, random_rows

VOID = {"meta", "br", "img", "input", "link", "hr", "line", "path", "rect", "circle"}
ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "footer", "section", "h1", "h2", "h3", "p"),
    *("ul", "li", "a", "span", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "details", "summary"),
    *("figure", "figcaption", "svg", "line", "path", "rect", "circle", "text"),
}


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


def page(study: Study | Answer, *, everything: bool = False) -> _Page:
    if isinstance(study, Study):
        window = Window(START, START + timedelta(hours=1))
        figures = answer(FakeSource([]), Question(None, window, (), "anytime", None, METRICS), window.until).figures
        study = Answer(figures, Plan(window, ()), study)
    found = _Page()
    found.feed(as_html(study, version="1.2.3", everything=everything))
    assert not found.open
    return found


@pytest.fixture(scope="module")
def answered() -> Answer:
    window = Window(START - timedelta(hours=1), START + timedelta(hours=2))
    rows = [
        *random_rows(800, seed=5),
        *random_rows(800, seed=5, candidate="control", experiment="c", speed=1.0, cost=1.0),
    ]
    return answer(FakeSource(rows), Question(None, window, (), "anytime", POLICY, METRICS), window.until)


@pytest.mark.parametrize("everything", [False, True])
def test_a_real_study_is_one_whole_file_without_scripts(answered: Answer, everything: bool) -> None:
    found = page(answered, everything=everything)
    assert set(found.tags) <= ALLOWED
    assert not [value for name, value in found.attributes if name in {"src", "srcset", "data", "action"}]
    assert all((value or "").startswith("#") for name, value in found.attributes if name == "href")
    assert found.tags.count("svg") > 8
    assert "swift against the primary" in found.text


def test_what_the_study_says_is_what_the_page_says(answered: Answer) -> None:
    found = page(answered)
    (candidate,) = answered.study.candidates
    for check in candidate.checks:
        assert check.sentence in found.text
    assert candidate.reasons[0] in found.text
    assert f"report {as_json(answered.study, version='1.2.3')['id']}" in found.text


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_others_is_more_than_text(text: str) -> None:
    found = page(hostile(text), everything=True)
    assert set(found.tags) <= ALLOWED
    assert not [name for name, _ in found.attributes if name.startswith("on") or name == "style"]


def test_every_table_has_a_caption_and_every_plot_a_label(answered: Answer) -> None:
    found = page(answered)
    assert found.tags.count("caption") == found.tags.count("table")
    plots = [v for n, v in found.attributes if n == "role" and v == "img"]
    assert len(plots) == len([1 for n, v in found.attributes if n == "aria-label" and v])


def test_ids_are_unique(answered: Answer) -> None:
    ids = [value for name, value in page(answered).attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_nothing_to_report_is_said() -> None:
    assert "Nothing to report" in page(replace(made(), candidates=(), control=None, between=(), segments=())).text


def test_a_study_with_everything_in_it_is_shown() -> None:
    said = page(made(), everything=True).text
    for text in ("cost_usd: at least $0.10 worse", "exploratory", "3,400 more pairs, $12.4"):
        assert text in said
