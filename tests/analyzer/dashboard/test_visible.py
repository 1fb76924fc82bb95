"""Stored texts as pages show them: nothing is invisible, nothing is without bound."""

import time
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from analyzer.dashboard.visible import MAX_BLOCKS, Block, blocks, visible


def test_controls_become_symbols_and_lines_end_alike() -> None:
    assert visible("a\x00b\x1b[31m\x7f\x85") == "a␀b␛[31m␡�"
    assert visible("one\r\ntwo\rthree\tend") == "one\ntwo\nthree\tend"
    assert visible("half \ud800 of a character") == "half ? of a character"
    assert visible("👩‍👩‍👧 مرحبا") == "👩‍👩‍👧 مرحبا", "what joins emoji is not a control"


def test_fenced_code_is_told_from_prose() -> None:
    text = "Before\n\n```python\nx = 1\n\ny = `z`\n```\nafter\n~~~\nraw ``` here\n~~~~\n"
    assert blocks(text) == (
        Block("prose", "Before"),
        Block("code", "x = 1\n\ny = `z`"),
        Block("prose", "after"),
        Block("code", "raw ``` here"),
    )


def test_a_fence_that_is_not_closed_runs_to_the_end_and_inline_marks_are_no_fence() -> None:
    assert blocks("a\n```\ncode\nmore") == (Block("prose", "a"), Block("code", "code\nmore"))
    assert blocks("see ```this``` and `that`") == (Block("prose", "see ```this``` and `that`"),)
    assert blocks("```not a fence``` at all\ntext") == (Block("prose", "```not a fence``` at all\ntext"),)
    assert blocks("````\n```\ninner\n```\n````") == (Block("code", "```\ninner\n```"),)
    assert blocks("") == blocks(" \n\n") == ()


def test_the_middle_of_a_text_that_is_too_long_is_left_out_and_counted() -> None:
    text = "a" * 75 + "b" * 900 + "c" * 25
    assert blocks(text, max_chars=100) == (Block("prose", "a" * 75), Block("cut", "900"), Block("prose", "c" * 25))
    assert blocks("a" * 100, max_chars=100) == (Block("prose", "a" * 100),)


def test_fences_without_end_make_no_page_without_end() -> None:
    text = "```\nx\n```\ny\n" * 5_000
    found = blocks(text)
    assert len(found) <= MAX_BLOCKS + 2
    assert found[-1] == Block("prose", found[-1].text)
    assert found[-1].text.endswith("y")


def test_a_line_made_to_be_slow_is_not() -> None:
    """Far less than the square of its length: ten times the text, about ten times the work."""
    for line in ("```" + " " * 60_000 + "`", "`" * 100_000 + " `", "~~~" + "x" * 100_000 + "`", "   ```" * 30_000):
        began = time.process_time()
        blocks(line)
        assert time.process_time() - began < 1.0


@given(st.text())
def test_every_text_can_be_shown(text: str) -> None:
    shown = visible(text)
    assert not {c for c in shown if unicodedata.category(c) == "Cc"} - {"\n", "\t"}
    shown.encode()
    found = blocks(text)
    assert all(block.text in shown for block in found)
    fences = sum(line.lstrip(" ").startswith(("```", "~~~")) for line in shown.split("\n"))
    kept = sum(len("".join(block.text.split())) for block in found)
    if not fences:
        assert kept == len("".join(shown.split()))
