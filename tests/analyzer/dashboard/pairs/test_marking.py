"""Marks on texts: nothing of a text is lost, marks lie on whole words, and hostile texts stay whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.dashboard.pairs import marking
from analyzer.dashboard.pairs.alignment import aligned
from analyzer.dashboard.pairs.marking import Marked, marked, unmarked
from analyzer.dashboard.visible import Block, blocks

_text = st.text(st.sampled_from(list("ab c.\n`'é中👩‍👧🏽\u0301\u202e<&")) | st.characters(), max_size=60)


def shown(side: Marked) -> str:
    """A text with what is only there in brackets, blocks apart."""
    return "|".join("".join(f"[{run.text}]" if run.is_only_here else run.text for run in b.runs) for b in side.blocks)


def both(left: str, right: str) -> tuple[str, str]:
    found = marked(blocks(left), blocks(right))
    return shown(found.left), shown(found.right)


@given(_text, _text)
def test_texts_stay_as_they_are(left: str, right: str) -> None:
    found = marked(blocks(left), blocks(right))
    for text, side in ((left, found.left), (right, found.right)):
        assert [(b.kind, "".join(run.text for run in b.runs)) for b in side.blocks] == [
            (b.kind, b.text) for b in blocks(text)
        ]
        assert all(run.text for b in side.blocks for run in b.runs)


@given(_text)
def test_equal_texts_have_no_marks(text: str) -> None:
    found = marked(blocks(text), blocks(text))
    assert found.is_same
    assert not any(run.is_only_here for side in (found.left, found.right) for b in side.blocks for run in b.runs)


@pytest.mark.parametrize(
    ("left", "right", "marks"),
    [
        ("It is 4.", "It is 5.", ("It is [4].", "It is [5].")),
        ("the big red house", "the house", ("the [big red] house", "the house")),
        ("same  words\nhere", "same words here", ("same  words\nhere", "same words here")),
        ("Hello, World", "hello, World", ("[Hello], World", "[hello], World")),
        ("don't do it", "do it", ("[don't] do it", "do it")),
        ("naïve cafe\u0301 bar", "naïve cafe bar", ("naïve [cafe\u0301] bar", "naïve [cafe] bar")),
        ("我喜欢红茶。", "我喜欢绿茶。", ("我喜欢[红]茶。", "我喜欢[绿]茶。")),
        ("مرحبا بالعالم الكبير", "مرحبا بالعالم", ("مرحبا بالعالم [الكبير]", "مرحبا بالعالم")),
        ("Well done 👩‍👩‍👧‍👦!", "Well done 👍🏽!", ("Well done [👩‍👩‍👧‍👦]!", "Well done [👍🏽]!")),
        ("Run 1️⃣ now", "Run 2️⃣ now", ("Run [1️⃣] now", "Run [2️⃣] now")),
        ("a_b = 1", "a_c = 1", ("a_[b] = 1", "a_[c] = 1")),
        ("", "words only here", ("", "[words only here]")),
        ("", "", ("", "")),
        ("   \n ", "x", ("", "[x]")),
    ],
)
def test_words_that_the_other_has_not(left: str, right: str, marks: tuple[str, str]) -> None:
    assert both(left, right) == marks


def test_code_stays_code_and_marks_end_with_its_block() -> None:
    left = "Try this:\n```python\nx = 1\ny = 2\n```\nDone."
    right = "Try this:\n```python\nx = 1\n```\nDone now."
    found = marked(blocks(left), blocks(right))
    assert [b.kind for b in found.left.blocks] == ["prose", "code", "prose"]
    assert (shown(found.left), shown(found.right)) == (
        "Try this:|x = 1\n[y = 2]|Done.",
        "Try this:|x = 1|Done [now].",
    )


def test_a_whole_block_that_is_only_here_is_marked_by_itself() -> None:
    found = marked(blocks("one two\n```\nthree\n```\nfour"), blocks("other"))
    assert shown(found.left) == "[one two]|[three]|[four]"


def test_what_was_cut_out_is_not_compared() -> None:
    cut = (Block("prose", "begin"), Block("cut", "1,000"), Block("prose", "end"))
    found = marked(cut, (Block("prose", "begin end"),))
    assert found.is_same
    assert [b.kind for b in found.left.blocks] == ["prose", "cut", "prose"]


def test_words_only_here_are_counted_without_signs() -> None:
    found = marked(blocks("one, two; three."), blocks("one"))
    assert (found.left.only_here, found.right.only_here) == (2, 0)
    assert not found.is_same


def test_a_sign_alone_is_a_difference() -> None:
    found = marked(blocks("Hello."), blocks("Hello!"))
    assert not found.is_same
    assert (found.left.only_here, found.right.only_here) == (0, 0)


def test_marks_help_where_enough_is_common() -> None:
    assert marked(blocks("the same words as there"), blocks("the same words as here")).is_worth_marking
    assert not marked(blocks("nothing at all"), blocks("is common to them")).is_worth_marking
    assert marked((), ()).alike is None
    assert not marked((), ()).is_worth_marking


def test_how_far_was_compared_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marking, "aligned", lambda left, right: aligned(left, right, 10))
    found = marked(blocks("a " * 5 + "b " * 50), blocks("a " * 5 + "c " * 3))
    assert (found.left.compared, found.right.compared) == (15, None)
    assert shown(found.left).endswith("b b b ")


def test_a_text_alone_has_no_marks() -> None:
    found = unmarked(blocks("one\n```\ntwo\n```"))
    assert shown(found) == "one|two"
    assert (found.only_here, found.compared) == (0, None)
