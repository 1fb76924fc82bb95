"""Does a judge prefer its own maker's models? Only set against people, or against judges of other makers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from analyzer.figures import Compared
from analyzer.quality.families import Makers, bias, judge_maker, makers, self_preference
from analyzer.quality.figures import JudgeFigures, JudgePair, QualityFigures
from analyzer.quality.results import SelfPreference
from analyzer.surroundings.figures import Named, Surroundings
from tests.analyzer.integrity.making import compared
from tests.analyzer.quality.making import ANYTIME, FIXED, One, weighted

GPT = (("gpt-4o-2024-08-06", 100),)
CLAUDE = (("claude-sonnet-4", 100),)


def against_people(gap: float, n: int = 300, seed: int = 1) -> list[One]:
    """A judge that is kinder to the candidate than people by `gap`."""
    rng = np.random.default_rng(seed)
    human = rng.choice([-1.0, 0.0, 1.0], n)
    return [
        One(float(h + gap + e), float(h), 1.0, 1 + i % 30, i % 60)
        for i, (h, e) in enumerate(zip(human, rng.normal(0, 0.3, n), strict=True))
    ]


def candidate(
    *judges: JudgeFigures, primary: str = "llama-3", model: str = "gpt-4o", between: Sequence[JudgePair] = ()
) -> Compared:
    names = tuple(Named(arm, name, (0,), (50,)) for arm, name in (("primary", primary), ("candidate", model)) if name)  # type: ignore[arg-type]
    figures = QualityFigures("helpfulness@12345678", judges=judges, between=tuple(between))
    return replace(compared(), surroundings=Surroundings(models=names), quality=figures)


def judge(
    name: str = "a", models: tuple[tuple[str, int], ...] = GPT, gap: float | None = None, seed: int = 1
) -> JudgeFigures:
    return JudgeFigures(name, models, against_people=None if gap is None else weighted(against_people(gap, seed=seed)))


def asked(of: JudgeFigures, given: Mapping[str, Compared]) -> SelfPreference:
    return self_preference(of, "swift", given, FIXED)


def test_makers_are_those_of_most_answers() -> None:
    names = (
        Named("primary", "gpt-4o", (0, 3600), (3, 4)),
        Named("primary", "my-finetune", (0,), (900,)),
        Named("candidate", "claude-3-haiku", (0,), (5,)),
        Named("candidate", "gemini-2.0-flash", (0,), (9,)),
    )
    assert makers(replace(compared(), surroundings=Surroundings(models=names))) == Makers("openai", "google")
    assert judge_maker(JudgeFigures("j", (("unknown-1", 90), ("claude-3", 2)))) == "anthropic"
    assert judge_maker(JudgeFigures("gpt-4o-judge")) == "openai"
    assert judge_maker(JudgeFigures("j")) is None


@pytest.mark.parametrize(
    ("primary", "model", "models", "own"),
    [
        ("llama-3", "gpt-4o", CLAUDE, "neither"),
        ("gpt-4o-mini", "gpt-4o", GPT, "both"),
        ("gpt-4o", "", CLAUDE, "unknown"),
        ("llama-3", "gpt-4o", (), "unknown"),
        ("gpt-4o", "", GPT, "primary"),
        ("", "gpt-4o", GPT, "candidate"),
    ],
)
def test_whose_kin_the_judge_is(primary: str, model: str, models: tuple[tuple[str, int], ...], own: str) -> None:
    mine = judge("j", models)
    found = asked(mine, {"swift": candidate(mine, primary=primary, model=model)})
    assert (found.own, found.level) == (own, None)
    assert found.reason


def test_kin_without_anybody_to_set_it_against() -> None:
    mine = judge(gap=0.4)
    found = asked(mine, {"swift": candidate(mine)})
    assert (found.own, found.how, found.level) == ("candidate", None, None)
    assert found.reason == (
        "it takes a judge of another maker on the same pairs, or labels by people on this candidate and on one of "
        "another maker"
    )
    alone = asked(judge(), {"swift": candidate(judge(), primary="gpt-4o", model="llama-3")})
    assert alone.reason == "it takes a judge of another maker on the same pairs"


def test_against_people_the_judges_general_kindness_is_taken_off() -> None:
    """It is kinder than people by 0.4 to its maker's model and by 0.1 to another's: 0.3 are kinship."""
    mine, other = judge(gap=0.4), judge(gap=0.1, seed=2)
    given = {"swift": candidate(mine), "sage": candidate(other, model="mistral-large")}
    found = asked(mine, given)
    assert (found.own, found.how) == ("candidate", "people")
    assert found.level is not None
    gaps = [np.mean([p.a - p.b for p in against_people(gap, seed=seed)]) for gap, seed in ((0.4, 1), (0.1, 2))]
    assert found.level.value == pytest.approx(gaps[0] - gaps[1])
    assert found.level.interval is not None
    assert 0.2 < found.level.interval.low < 0.3 < found.level.interval.high < 0.4


def test_candidates_that_saw_the_same_pairs_are_compared_group_by_group() -> None:
    """What moves both alike cancels: the same gaps plus a constant leave no error at all."""
    shared = against_people(0.0)
    moved = ([replace(p, a=p.a + by) for p in shared] for by in (0.5, 0.2))
    kin, stranger = (replace(judge(), against_people=weighted(pairs)) for pairs in moved)
    given = {"swift": candidate(kin), "sage": candidate(stranger, model="mistral-large")}
    found = asked(kin, given)
    assert found.level is not None
    assert found.level.value == pytest.approx(0.3)
    assert found.level.interval is None
    assert found.level.reason is not None
    assert "no spread" in found.level.reason


def test_candidates_of_the_same_maker_do_not_count_as_others() -> None:
    mine, other = judge(gap=0.4), judge(gap=0.1)
    assert asked(mine, {"swift": candidate(mine), "sage": candidate(other, model="gpt-5")}).how is None
    few = replace(other, against_people=weighted(against_people(0.1, n=50)))
    assert asked(mine, {"swift": candidate(mine), "sage": candidate(few, model="mistral-large")}).how is None


def panel(first: str, second: str, gap: float, seed: int = 3) -> JudgePair:
    """The first prefers the candidate more, by `gap`."""
    rng = np.random.default_rng(seed)
    pairs = [One(float(x + gap), float(x), 1.0, 1 + i % 30, i % 60) for i, x in enumerate(rng.normal(0, 0.5, 400))]
    noisy = [replace(p, b=p.b + float(e)) for p, e in zip(pairs, rng.normal(0, 0.2, 400), strict=True)]
    return JudgePair(first, second, weighted(noisy))


def test_against_a_panel_of_other_makers() -> None:
    """Two strangers on the same pairs: the mean of both differences, whichever way a pair of judges was read."""
    judges = judge("gpt"), judge("c", CLAUDE), judge("m", (("mistral-large", 9),))
    pairs = panel("c", "gpt", -0.3), panel("gpt", "m", 0.5, seed=4), panel("c", "m", 9.0)
    found = asked(judges[0], {"swift": candidate(*judges, between=pairs)})
    assert (found.own, found.how) == ("candidate", "panel")
    assert found.level is not None
    assert found.level.value == pytest.approx(0.4, abs=0.05)
    assert found.level.interval is not None
    assert found.level.interval.low > 0.3


def test_kin_of_the_primary_is_turned_round() -> None:
    """A judge that prefers the candidate less than strangers do is kind to the primary."""
    judges = judge("gpt"), judge("c", CLAUDE)
    given = {"swift": candidate(*judges, primary="gpt-4o", model="llama-3", between=[panel("c", "gpt", 0.3)])}
    found = asked(judges[0], given)
    assert (found.own, found.how) == ("primary", "panel")
    assert found.level is not None
    assert found.level.value == pytest.approx(0.3, abs=0.05)


def test_a_relative_of_an_arm_is_no_stranger() -> None:
    judges = judge("gpt"), judge("l", (("llama-3.1-70b", 5),))
    found = asked(judges[0], {"swift": candidate(*judges, between=[panel("gpt", "l", 0.3)])})
    assert found.how is None


def test_kindness_beside_people() -> None:
    """With an interval over labels: 300 of them are enough, whatever number of pairs was planned."""
    found = bias(judge(gap=0.25), ANYTIME)
    assert found is not None
    assert found.n == 300
    assert found.value == pytest.approx(0.25, abs=0.05)
    assert found.interval is not None
    assert bias(judge(), ANYTIME) is None
    few = bias(replace(judge(), against_people=weighted(against_people(0.2, n=40))), ANYTIME)
    assert few is not None
    assert few.interval is None
