"""All metrics of texts on one pair."""

import math
from dataclasses import replace
from typing import Any

import pytest

from analyzer.text_metrics.declared import Scores, TextMetric
from analyzer.text_metrics.embedding_similarity import EMBEDDING_SIMILARITY
from analyzer.text_metrics.regex_match import REGEX_MATCH, with_patterns
from analyzer.text_metrics.rouge_l import ROUGE_L
from analyzer.text_metrics.scoring import score_pair, score_vectors, to_embed
from analyzer.text_metrics.token_f1 import TOKEN_F1
from config.judge import TextPatterns
from store.judging.pair import Pair
from tests.analyzer.text_metrics.making import alike, answer, metric, pair

ALL = (ROUGE_L, TOKEN_F1, EMBEDDING_SIMILARITY, metric())


class Errors(list[tuple[str, str]]):
    def __call__(self, name: str, error: Exception) -> None:
        self.append((name, f"{type(error).__name__}: {error}"))


def scored(of: Pair, *metrics: TextMetric) -> tuple[dict[str, Scores], Errors]:
    errors = Errors()
    return dict(score_pair(of, metrics, errors)), errors


def test_every_metric_that_needs_no_vectors() -> None:
    found, errors = scored(pair("a b c", "c b a d"), *ALL)
    assert found == {
        "rouge_l": alike(2 / 7),
        "token_f1": alike(6 / 7),
        "length": Scores(5, 7),
    }
    assert errors == []


def test_half_an_answer_is_not_scored() -> None:
    assert scored(pair(is_whole=False), *ALL) == ({}, [])
    assert to_embed(pair(is_whole=False), ALL) is None


def test_what_a_metric_does_not_know_has_no_score() -> None:
    assert set(scored(pair("", ""), *ALL)[0]) == {"length"}
    calls = pair(answer("", "[]"), "yes")
    found, errors = scored(calls, with_patterns(TextPatterns(must=("yes",))), REGEX_MATCH, TOKEN_F1)
    assert found == {"token_f1": Scores(None, 0.0)}
    assert errors == []


def test_one_that_fails_takes_no_other_with_it() -> None:
    def fails(_: object) -> Scores | None:
        raise KeyError("theirs")

    found, errors = scored(pair(), metric("broken", fails), TOKEN_F1)
    assert set(found) == {"token_f1"}
    assert errors == [("broken", "KeyError: 'theirs'")]


@pytest.mark.parametrize(
    ("scores", "more", "said"),
    [
        (Scores(None, 1.0), {}, "a joint metric scores both answers as the candidate's"),
        (Scores(1.0, 1.0), {"joint": True}, "a joint metric scores both answers as the candidate's"),
        (Scores(0.5, math.nan), {}, "give None for what is not known"),
        (Scores(math.inf, 0.5), {}, "give None for what is not known"),
        (Scores(0.5, 1.5), {"bounds": (0.0, 1.0)}, "beyond its bounds"),
        (Scores(-0.1, 0.5), {"bounds": (0.0, 1.0)}, "beyond its bounds"),
        (Scores("high", 1.0), {}, "TypeError"),  # type: ignore[arg-type]
        (0.5, {}, "AttributeError"),
    ],
)
def test_what_is_no_score_of_a_metric_is_an_error(scores: Scores, more: dict[str, Any], said: str) -> None:
    found, errors = scored(pair(), metric(score=lambda texts: scores, **more))
    assert found == {}
    assert [name for name, _ in errors] == ["length"]
    assert said in errors[0][1]


def test_embeddings_are_got_only_where_somebody_needs_them() -> None:
    assert to_embed(pair("one", "two"), ALL) == ("one", "two")
    assert to_embed(pair("one", "two"), [ROUGE_L]) is None
    assert to_embed(pair("one", " \n"), ALL) is None


def test_vectors_are_scored_by_those_that_need_them() -> None:
    errors = Errors()
    assert score_vectors(ALL, (1.0, 0.0), (1.0, 0.0), errors) == [("embedding_similarity", Scores(None, 1.0))]
    assert score_vectors(ALL, (1.0, 0.0), (1.0,), errors) == []
    unsound = replace(EMBEDDING_SIMILARITY, score_vectors=lambda primary, candidate: Scores(None, 2.0))
    assert score_vectors([unsound], (1.0,), (1.0,), errors) == []
    assert errors == [("embedding_similarity", "ValueError: scored [2.0], beyond its bounds")]
