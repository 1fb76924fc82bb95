"""Patterns are matched in a process that a text cannot keep busy."""

import gc
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.text_metrics import matching
from analyzer.text_metrics.matcher import Matcher, PatternsTooSlow
from config.judge import TextPatterns
from tests.store.owners import ROOT, eventually


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def is_gone(pid: int) -> bool:
    """Ended, whether or not somebody has asked how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def pid_of(matcher: Matcher) -> int:
    assert matcher._process is not None
    return matcher._process.pid


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thank you, SKU-12 is here", True),
        ("thank you, sku-12 is here", False),
        ("SKU-12. As an AI language model", False),
        ("", False),
    ],
)
def test_all_of_must_and_none_of_must_not(text: str, expected: bool) -> None:
    must, must_not = [re.compile(r"SKU-\d+"), re.compile("(?i)thank|here|ai")], [re.compile("As an AI")]
    assert matching.matches(text, must, must_not) is expected


@settings(deadline=None)
@given(st.lists(st.text(max_size=60), max_size=8))
def test_one_answer_a_text_whatever_it_holds(texts: list[str]) -> None:
    asked = {"must": ["a|\u4e2d"], "must_not": ["\n"], "limit_s": 60}
    lines = b"".join(json.dumps(x).encode() + b"\n" for x in (asked, *texts))
    answers = io.BytesIO()
    matching.serve(io.BytesIO(lines), answers)
    expected = [bool(re.search("a|\u4e2d", text)) and "\n" not in text for text in texts]
    assert answers.getvalue().split() == [b"1" if found else b"0" for found in expected]


def test_a_process_answers_and_ends_with_its_owner() -> None:
    matcher = Matcher(TextPatterns(must=("b",)))
    assert [matcher.matches(text) for text in ("abc", "xyz", "\ud800 b \u2028\r\n", "")] == [True, False, True, False]
    pid = pid_of(matcher)
    assert is_alive(pid)
    assert matcher.matches("é" * 399_999 + "b"), "more than a pipe holds"
    assert pid_of(matcher) == pid
    del matcher
    gc.collect()
    assert not is_alive(pid)


def test_a_text_that_never_ends_is_given_up_and_the_next_is_answered() -> None:
    matcher = Matcher(TextPatterns(must=(r"^(a+)+$|b",)), limit_s=0.05)
    assert matcher.matches("aaa")
    stuck = pid_of(matcher)
    with pytest.raises(PatternsTooSlow, match=r"judge.patterns took more than 0.05 s .* a text of 61 characters"):
        matcher.matches("a" * 60 + "c")
    assert not is_alive(stuck)
    assert matcher.matches("b")
    assert pid_of(matcher) != stuck
    matcher.close()
    matcher.close()
    assert matcher.matches("b"), "closing is no end for good"
    matcher.close()


def test_it_does_not_outlive_an_owner_that_is_killed() -> None:
    program = (
        "import sys; from config.judge import TextPatterns; from analyzer.text_metrics.matcher import Matcher; "
        "m = Matcher(TextPatterns(must=('b',))); m.matches('b'); print(m._process.pid, flush=True); sys.stdin.read()"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert owner.stdout is not None
    assert owner.stdin is not None
    with owner.stdin, owner.stdout:
        pid = int(owner.stdout.readline())
        assert is_alive(pid)
        owner.kill()
        owner.wait()
    eventually(lambda: True if is_gone(pid) else None, "the end of the process")


def test_a_process_that_was_killed_is_replaced() -> None:
    matcher = Matcher(TextPatterns(must=("b",)))
    assert matcher.matches("b")
    os.kill(pid_of(matcher), signal.SIGKILL)
    with pytest.raises(PatternsTooSlow):
        matcher.matches("b")
    assert matcher.matches("b")
    matcher.close()
