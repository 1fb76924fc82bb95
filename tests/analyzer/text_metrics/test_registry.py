"""From `judge.metrics` to metrics."""

from collections.abc import Sequence

import pytest

from analyzer.entry_points import PluginError
from analyzer.text_metrics.built_in import BUILT_IN
from analyzer.text_metrics.declared import Scores, TextMetric, Texts, Vector
from analyzer.text_metrics.registry import TextMetricError, text_metrics
from config.judge import Judge
from tests.analyzer.text_metrics.making import metric


def names(judge: Judge, *others: TextMetric) -> list[str]:
    return [m.name for m in text_metrics(judge, lambda: others)]


def test_what_is_asked_for_in_its_order_and_once() -> None:
    assert names(Judge()) == ["rouge_l", "token_f1"]
    assert names(Judge(metrics=("token_f1", "rouge_l", "token_f1"))) == ["token_f1", "rouge_l"]
    assert names(Judge(metrics=())) == []


def test_settings_make_the_two_that_need_them() -> None:
    judge = Judge.model_validate(
        {
            "metrics": ["regex_match", "embedding_similarity"],
            "patterns": {"must": ["yes"]},
            "embeddings": {"url": "http://localhost:1", "model": "m"},
        }
    )
    by_pattern, by_vector = text_metrics(judge)
    assert by_pattern.score is not None
    assert by_pattern.score(Texts("{}", "yes", "no")) == Scores(1.0, 0.0)
    assert by_vector.needs_vectors
    assert not by_pattern.needs_vectors


def test_other_packages_are_asked_only_when_the_project_has_no_such_metric() -> None:
    def broken() -> Sequence[TextMetric]:
        raise PluginError("the entry point x cannot be loaded")

    assert len(text_metrics(Judge(), broken)) == 2
    with pytest.raises(TextMetricError, match="the entry point x cannot be loaded"):
        text_metrics(Judge(metrics=("length",)), broken)
    assert names(Judge(metrics=("length", "rouge_l")), metric("length")) == ["length", "rouge_l"]


def test_a_metric_of_vectors_needs_somebody_who_makes_them() -> None:
    def by_vectors(primary: Vector, candidate: Vector) -> Scores:
        return Scores(None, 1.0)

    near = metric("near", joint=True, score_vectors=by_vectors)
    with pytest.raises(TextMetricError, match="near needs embeddings: add embedding_similarity, and `embeddings`"):
        names(Judge(metrics=("near",)), near)
    settings = {"embeddings": {"url": "http://localhost:1", "model": "m"}}
    judge = Judge.model_validate({"metrics": ["near", "embedding_similarity"], **settings})
    assert names(judge, near) == ["near", "embedding_similarity"]


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(TextMetricError) as raised:
        text_metrics(Judge(metrics=("rouge_L".lower().replace("_", ""),)), tuple)
    assert str(raised.value) == "there is no metric of texts 'rougel'; did you mean 'rouge_l'?"
    with pytest.raises(TextMetricError) as raised:
        text_metrics(Judge(metrics=("bleu",)), lambda: [metric("tone")])
    assert str(raised.value).endswith("'bleu'; known here: rouge_l, token_f1, regex_match, embedding_similarity, tone")


def test_each_of_the_projects_own_says_what_it_is() -> None:
    for own in BUILT_IN:
        assert own.title
        assert own.margin > 0
        assert own.bounds is not None
        assert own.joint == (own.name != "regex_match")
