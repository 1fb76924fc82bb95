"""What is judged and how: checked as a whole, and known again by its digest."""

from typing import Any

import pytest

from analyzer.judge.plan import PlanError, plan_of
from config.model import Config
from store.judging.progress import SCORES
from tests.analyzer.judge.desk import configuration

PRICE = {"input_per_mtok": 1, "output_per_mtok": 2}


def model(**settings: Any) -> dict[str, Any]:
    return {"name": "judge-a", "url": "http://judge", "model": "judge-model", "price": PRICE, **settings}


@pytest.mark.parametrize(
    ("models", "judge", "said"),
    [
        ([model(price=None)], {}, "judge.models[0].model: no price of judge-model is known"),
        ([model(max_tokens=65536)], {"budget": {"usd_per_day": "0.1"}}, "lower max_tokens, or raise the budget"),
        ([model()], {"rubric": "missing.yaml"}, "judge.rubric: missing.yaml"),
        ([model()], {"metrics": ["rogue_l"]}, "there is no metric of texts 'rogue_l'; did you mean 'rouge_l'?"),
        ([model(url="https://judge", tls={"ca": "missing.pem"})], {}, "judge: missing.pem: No such file"),
    ],
)
def test_what_nobody_can_judge_by_is_refused_in_one_line(models: Any, judge: Any, said: str) -> None:
    with pytest.raises(PlanError) as refused:
        plan_of(configuration(*models, **judge))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_without_the_section_there_is_no_plan() -> None:
    with pytest.raises(PlanError):
        plan_of(Config.model_validate({"primary": {"url": "http://p"}}))


CHANGES: list[dict[str, Any]] = [
    {"rubric": "factual_consistency"},
    {"mode": "pointwise"},
    {"orders": "random"},
    {"models": [model(name="judge-b")]},
    {"models": [model(model="another")]},
    {"models": [model(), model(name="judge-b")]},
]
SAME: list[dict[str, Any]] = [
    {"sample": 0.5},
    {"seed": 9},
    {"budget": {"usd_per_day": 3}},
    {"metrics": ["token_f1"]},
    {"models": [model(max_in_flight=3, temperature=0.5, url="http://elsewhere")]},
]
"""They change which pairs are taken, or what that costs, and no answer that was given."""


def digest(change: dict[str, Any]) -> str:
    models = change.get("models", [model()])
    judge = {name: value for name, value in change.items() if name != "models"}
    return plan_of(configuration(*models, **judge)).digest


def test_progress_counts_as_long_as_the_same_is_judged_the_same_way() -> None:
    base = digest({})
    digests = [digest(change) for change in CHANGES]
    assert len({base, *digests}) == len(CHANGES) + 1
    assert {digest(change) for change in SAME} == {base}


def test_scores_make_progress_of_their_own() -> None:
    one, two = (plan_of(configuration(model(), metrics=names)) for names in (["token_f1"], ["token_f1", "rouge_l"]))
    assert one.scores_digest.startswith(SCORES)
    assert one.scores_digest != two.scores_digest
    assert one.digest == two.digest


def test_another_rubric_can_be_asked_for() -> None:
    config = configuration(model())
    assert plan_of(config, "instruction_following").rubric.name == "instruction_following"
    assert plan_of(config).rubric.name == "helpfulness"
