"""Pairs and metrics for tests of metrics of texts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from analyzer.text_metrics.declared import Scores, TextMetric, Texts
from store.judging.pair import Answer, Pair

START = datetime(2026, 11, 1, tzinfo=UTC)


def answer(text: str, calls: str = "") -> Answer:
    return Answer(text, calls, "m", None)


def pair(primary: str | Answer = "a b c", candidate: str | Answer = "a b d", /, **more: Any) -> Pair:
    made = Pair(
        UUID(int=7),
        START,
        "swift",
        "e1",
        START,
        3,
        {},
        "chat/completions",
        True,
        '{"messages":[]}',
        *(x if isinstance(x, Answer) else answer(x) for x in (primary, candidate)),
    )
    return replace(made, **more)


def alike(score: float) -> Scores:
    """Of a joint metric, but for rounding."""
    near: Any = pytest.approx(score)
    return Scores(None, near)


def metric(name: str = "length", score: Callable[[Texts], Scores | None] | None = None, **more: Any) -> TextMetric:
    """Of another package: the length of each answer."""
    values: dict[str, Any] = {
        "title": "answer length",
        "unit": "characters",
        "better": None,
        "joint": False,
        "kind": "mean",
        "margin": 5.0,
        "score": score or (lambda texts: Scores(len(texts.primary), len(texts.candidate))),
    }
    return TextMetric(name, **(values | more))
