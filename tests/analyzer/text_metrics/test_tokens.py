"""Texts as words."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.text_metrics.tokens import MAX_CHARS, tokens


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The quick, brown fox!", ("the", "quick", "brown", "fox")),
        ("can't 3.14 foo_bar --x", ("can", "t", "3", "14", "foo", "bar", "x")),
        ("Straße STRASSE ﬁn Ａ１ Ⅳ", ("strasse", "strasse", "fin", "a1", "iv")),
        ("cafe\u0301 café", ("café", "café")),
        ("हिन्दी में, नमस्ते।", ("हिन्दी", "में", "नमस्ते")),
        ("கணினி", ("கணினி",)),
        ("السَّلَامُ عَلَيْكُم", ("السَّلَامُ", "عَلَيْكُم")),
        ("한국어 텍스트", ("한국어", "텍스트")),
        ("", ()),
        (" \n\t ... --- 😀 \u0301", ()),
    ],
)
def test_words_are_without_case_and_punctuation(text: str, words: tuple[str, ...]) -> None:
    assert tokens(text) == words


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("中文，字 abc漢字x", ("中", "文", "字", "abc", "漢", "字", "x")),
        ("ひらガナ・カ", ("ひ", "ら", "ガ", "ナ", "カ")),
        ("ไทยดี", ("ไ", "ท", "ย", "ดี")),
        ("ខ្មែរ", ("ខ្", "មែ", "រ")),
    ],
)
def test_without_spaces_each_letter_stands_for_itself_with_its_marks(text: str, letters: tuple[str, ...]) -> None:
    assert tokens(text) == letters


@settings(deadline=None)
@given(st.text(alphabet=st.characters(codec="ascii"), max_size=200))
def test_plain_english_is_split_as_the_reference_programme_of_rouge_splits_it(text: str) -> None:
    """Lower case; what is neither letter nor digit divides (rouge-score's tokenizer, without its stemming)."""
    assert list(tokens(text) or ()) == re.sub(r"[^a-z0-9]+", " ", text.lower()).split()


@settings(deadline=None)
@given(st.text(max_size=100))
def test_ascii_takes_a_shorter_way_to_the_same_words(text: str) -> None:
    """A letter that is not ASCII makes it take the longer one."""
    plain = text.encode("ascii", "ignore").decode()
    assert tokens(f"{plain} é") == (*(tokens(plain) or ()), "é")


@settings(deadline=None)
@given(st.text())
def test_any_text_has_words_that_stand_in_it_and_no_others(text: str) -> None:
    folded = unicodedata.normalize("NFKC", text).casefold()
    rest = folded
    for word in tokens(text) or ():
        place = rest.find(word)
        assert place >= 0, "in their order"
        assert not any(c.isalnum() for c in rest[:place]), "no letter or digit is left out"
        rest = rest[place + len(word) :]
    assert not any(c.isalnum() for c in rest)


def test_a_mark_divides_no_word() -> None:
    for code in range(0x20000):  # beyond are variation selectors only, which show nothing
        text = unicodedata.normalize("NFKC", f"a{chr(code)}b").casefold()
        if all(c in "ab" or unicodedata.category(c).startswith("M") for c in text):
            assert tokens(text) == (text,), f"U+{code:04X}"


def test_a_text_beyond_the_bound_has_no_words_to_tell() -> None:
    assert len(tokens("a " * (MAX_CHARS // 2)) or ()) == MAX_CHARS // 2
    assert tokens("a" * (MAX_CHARS + 1)) is None
    assert tokens("é" * (MAX_CHARS + 1)) is None
    assert tokens("\ufdfa" * (MAX_CHARS // 10)) is None, "one sign that stands for eighteen"
