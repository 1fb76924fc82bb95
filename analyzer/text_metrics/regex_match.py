"""Does an answer match what it has to? All of `judge.patterns.must` are found in it, and none of `must_not`."""

from dataclasses import replace

from analyzer.text_metrics.declared import Scores, TextMetric, Texts
from analyzer.text_metrics.matcher import Matcher
from analyzer.text_metrics.tokens import MAX_CHARS
from config.judge import TextPatterns

REGEX_MATCH = TextMetric(
    "regex_match",
    "answers that match the patterns",
    "share",
    "higher",
    joint=False,
    kind="rate",
    margin=0.01,
    bounds=(0.0, 1.0),
)
"""Not scored by itself: the patterns are settings."""


def with_patterns(patterns: TextPatterns) -> TextMetric:
    """The metric that scores: 1 for an answer that matches, else 0.

    An answer that only called tools has nothing to match, and one longer than `tokens.MAX_CHARS` is not looked at:
    pairs with one have no score. Scoring raises `PatternsTooSlow` where a text takes too long.
    """
    matcher = Matcher(patterns)

    def score(texts: Texts) -> Scores | None:
        if (texts.primary_calls and not texts.primary) or (texts.candidate_calls and not texts.candidate):
            return None
        if max(len(texts.primary), len(texts.candidate)) > MAX_CHARS:
            return None
        return Scores(float(matcher.matches(texts.primary)), float(matcher.matches(texts.candidate)))

    return replace(REGEX_MATCH, score=score)
