"""Normal forms of Unicode in bounded time, against the library's own."""

import unicodedata
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analyzer.normal_form import MAX_PIECE_CHARS, normal_form

_ODD = "e\u0301\u0323\u0315A\u030a\u212b\u1100\u1161\u11a8\u304b\u3099\u3001\u0958\ufb01 \n.x"
_FORMS: tuple[Literal["NFC", "NFKC"], ...] = ("NFC", "NFKC")


@given(st.text(max_size=200) | st.text(_ODD, max_size=200))
@example("e\u0301")
@example("a\u0315\u0300")
def test_it_is_the_librarys_for_texts_as_people_write_them(text: str) -> None:
    for form in _FORMS:
        assert normal_form(text, form) == unicodedata.normalize(form, text)


def test_long_texts_of_any_script_are_as_the_librarys() -> None:
    """Longer than a piece, with marks everywhere: cut only where nothing is joined."""
    for text in (
        "Ça va\u0301? " * 2_000,
        "\u304b\u3099\u304d\u3099\u3001" * 2_000,  # Japanese without spaces, marks apart, sentences short
        "\u4e2d\u6587" * 5_000,
    ):
        assert len(text) > 10 * MAX_PIECE_CHARS
        assert normal_form(text, "NFC") == unicodedata.normalize("NFC", text)


@given(st.text("e\u0301\u0323\u0315\u0300", min_size=300, max_size=900))
def test_no_two_texts_are_made_equal_that_are_not(text: str) -> None:
    """Cut or not, the result is canonically equivalent to the text (UAX 15: both have the same NFD)."""
    assert unicodedata.normalize("NFD", normal_form(text, "NFC")) == unicodedata.normalize("NFD", text)


@pytest.mark.parametrize("marks", ["\u0315\u0300", "\u0315" * 60 + "\u0323" * 60])
def test_runs_of_marks_cost_no_more_than_their_length(marks: str) -> None:
    """Half a million marks: the library would sort them for minutes."""
    text = "a" + marks * (500_000 // len(marks))
    assert len(normal_form(text, "NFC")) <= len(text)
