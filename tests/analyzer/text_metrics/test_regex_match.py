"""Answers against the patterns of `judge.patterns`."""

import pytest

from analyzer.text_metrics.declared import Scores, Texts
from analyzer.text_metrics.matcher import PatternsTooSlow
from analyzer.text_metrics.regex_match import REGEX_MATCH, with_patterns
from analyzer.text_metrics.tokens import MAX_CHARS
from config.judge import TextPatterns

CALLS = '[{"name":"f","arguments":{}}]'


def test_each_arm_is_scored_by_itself() -> None:
    metric = with_patterns(TextPatterns(must=("(?i)order",), must_not=("sorry",)))
    assert metric.score is not None
    assert metric.score(Texts("{}", "Your order is here", "Your ORDER, sorry")) == Scores(1.0, 0.0)
    assert metric.score(Texts("{}", "", "order")) == Scores(0.0, 1.0)
    assert metric.score(Texts("{}", "order", "order", CALLS, CALLS)) == Scores(1.0, 1.0)


def test_what_cannot_be_matched_has_no_score() -> None:
    metric = with_patterns(TextPatterns(must=("a",)))
    assert metric.score is not None
    assert metric.score(Texts("{}", "", "a", primary_calls=CALLS)) is None
    assert metric.score(Texts("{}", "a", "", candidate_calls=CALLS)) is None
    assert metric.score(Texts("{}", "a", "a" * (MAX_CHARS + 1))) is None


def test_patterns_that_take_too_long_are_an_error_not_a_score() -> None:
    metric = with_patterns(TextPatterns(must_not=(r"(x|x)+y",)))
    assert metric.score is not None
    with pytest.raises(PatternsTooSlow):
        metric.score(Texts("{}", "fine", "x" * 200))
    assert metric.score(Texts("{}", "fine", "xxy")) == Scores(1.0, 0.0)


def test_without_patterns_there_is_nothing_to_score_by() -> None:
    assert REGEX_MATCH.score is None
    assert not REGEX_MATCH.needs_vectors
    assert with_patterns(TextPatterns(must=("a",))).name == REGEX_MATCH.name
