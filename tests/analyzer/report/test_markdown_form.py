"""A comment that says everything, and in which nothing of others means anything."""

import html
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from analyzer.report.markdown_form import MAX_CHARS, as_markdown, escaped, inline
from analyzer.report.printable import clipped
from analyzer.results import Between
from tests.analyzer.report.studies import COMPARISONS, HOSTILE, candidate, empty, hostile, made

RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OURS = {"h3", "h4", "ul", "li", "p", "strong", "table", "thead", "tbody", "tr", "th", "td"}
"""Elements that the form itself makes."""
# What GitHub and GitLab look for in the text of a page, after Markdown.
TRIGGERS = re.compile(
    r"(?<![\w`])@[a-z0-9_-]|#\d|(?<!\w)gh-\d|https?://|www\.|mailto:|xmpp:|[\w.]+@\w+\.\w|!\d|~\w|:[a-z_+]+:|"
    r"\b[0-9a-f]{7,40}\b|%\d",
    re.IGNORECASE,
)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.others = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_comment(self, data: str) -> None:
        self.others += 1

    def handle_data(self, data: str) -> None:
        self.text += data


def page(markdown: str) -> _Page:
    found = _Page()
    found.feed(RENDERER.render(markdown))
    return found


def test_the_decision_comes_first_and_every_rule_has_a_row() -> None:
    text = as_markdown(made(), title="shadowbench gate", everything=True)
    assert text.startswith(
        "### shadowbench gate\n\n* **swift: reject** (1,000 pairs; 1 of 3 rules passed, 1 failed, 1 open)\n"
    )
    found = page(text)
    assert found.tags == OURS
    for sentence in (
        "at least 155 ms better, 200 ms allowed",
        "swift answers as swift-2",
        "900 more pairs",
        "-190 to -154",
    ):
        assert sentence in found.text.replace("\u200b", "")
    assert "anytime-valid" in found.text


def test_the_short_comment_leaves_reasons_to_the_long_one() -> None:
    brief, whole = page(as_markdown(made())).text, page(as_markdown(made(), everything=True)).text
    assert "not known yet: p99 of time to last byte" in brief
    assert "the quantile lies among failures" not in brief
    assert "undecided (the quantile lies among failures): time to last byte, p99" in whole


def test_rows_of_tables_have_the_columns_of_their_head() -> None:
    rows = [line for line in as_markdown(made()).splitlines() if line.startswith("|")]
    widths: list[int] = []
    for row in rows:
        cells = len(re.findall(r"(?<!\\)\|", row)) - 1
        widths.append(cells)
    assert set(widths) == {3, 7, 9}


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_others_means_anything(text: str) -> None:
    """No element, no attribute but alignment, no mention, reference, address or emoji."""
    markdown = as_markdown(hostile(text))
    found = page(markdown)
    assert found.tags <= OURS
    assert found.others == 0
    assert all(name == "style" and value in {"text-align:right"} for name, value in found.attributes)
    ours = page(as_markdown(hostile("x"))).text
    assert not [hit for hit in TRIGGERS.findall(found.text) if hit not in ours]
    assert "$" not in markdown


@given(st.text(alphabet=st.sampled_from([*"@#!~%:`*_[]()<>&|\\$/.-+=1aF \n\t\u2028\x1b\"'gGhHwW{}^"]), max_size=60))
def test_any_text_shows_as_itself_and_means_nothing(text: str) -> None:
    for made_of, before in ((escaped, "* "), (inline, "* x ")):
        found = page(before + made_of(text))
        assert found.tags <= {"ul", "li", "p"}
        assert not TRIGGERS.search(found.text)
        plain = found.text.replace("\u200b", "").strip().removeprefix("x").strip()
        assert " ".join(plain.split()) == " ".join(clipped(text, 1000).split())


@given(st.text(max_size=40))
def test_any_name_is_one_cell_of_a_table(text: str) -> None:
    table = f"| a | b |\n|---|---|\n| {inline(text)} | end |\n"
    rendered = RENDERER.render(table)
    cells = re.findall(r"<td>(.*?)</td>", rendered)
    assert len(cells) == 2
    assert cells[1] == "end"
    assert " ".join(html.unescape(cells[0]).replace("\u200b", "").split()) == " ".join(clipped(text, 1000).split())


def test_a_comment_is_never_longer_than_hosts_take() -> None:
    many = made(*(candidate(name=f"c{i}") for i in range(40)), between=(Between("a", "b", COMPARISONS),) * 100)
    text = as_markdown(many)
    assert len(text) <= MAX_CHARS + 200
    assert "is too long for a comment; see the JSON form" in text
    assert text.count(": reject** (") == 40, "decisions are never left out"


def test_a_window_without_pairs_says_so() -> None:
    text = as_markdown(made(empty(), control=None, between=(), segments=()))
    assert "* **swift: wait** (0 pairs)" in text
    assert "* because no pairs in the window" in text


def test_long_texts_are_cut() -> None:
    assert len(escaped("x" * 10_000)) == 1000
