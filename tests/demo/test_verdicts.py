"""The simulated judge has the faults that a report is to find, each as strong as its profile says."""

import dataclasses

from analyzer.judge.attacks import ATTACKS
from cli.demo.setting import JUDGE, PRIMARY, SAGE, SWIFT
from cli.demo.simulation import Profile, clear_share, draw_answer
from cli.demo.verdicts import JudgeProfile, choose, score

SEED = 7
PAIRS = 300
WORTH = {"A": 1, "B": -1, "tie": 0}
FAIR = dataclasses.replace(JUDGE, lean=0.0)


def answer(profile: Profile, number: int, *, repeat: int = 0) -> str:
    body = b"%d" % number
    return draw_answer(profile, seed=SEED, body=body, repeat=repeat, prompt=str(number), max_tokens=None).text


def preferences(candidate: Profile, judge: JudgeProfile = JUDGE) -> list[tuple[int, int]]:
    """For the candidate, with the primary and with itself shown first."""
    found = []
    for number in range(PAIRS):
        a, b = answer(PRIMARY, number), answer(candidate, number, repeat=int(candidate is PRIMARY))
        shown = choose(judge, a, b, seed=SEED, repeat=0), choose(judge, b, a, seed=SEED, repeat=0)
        found.append((-WORTH[shown[0]], WORTH[shown[1]]))
    return found


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def test_clear_answers_win_and_vague_ones_lose() -> None:
    assert mean([(pc + cp) / 2 for pc, cp in preferences(SWIFT)]) < -0.5
    assert mean([(pc + cp) / 2 for pc, cp in preferences(SAGE)]) > 0.2
    assert abs(mean([(pc + cp) / 2 for pc, cp in preferences(PRIMARY)])) < 4 / PAIRS**0.5


def test_it_leans_to_the_first_answer_and_only_because_its_profile_says_so() -> None:
    def gained(judge: JudgeProfile) -> float:
        return mean([(cp - pc) / 2 for pc, cp in preferences(PRIMARY, judge)])

    assert gained(JUDGE) > 0.1
    assert abs(gained(FAIR)) < 0.05


def test_it_wavers_between_calls_and_never_within_one() -> None:
    pairs = [(answer(PRIMARY, n), answer(SAGE, n)) for n in range(PAIRS)]
    first, again, other = ([choose(JUDGE, a, b, seed=SEED, repeat=r) for a, b in pairs] for r in (0, 0, 1))
    assert first == again
    assert 0.7 < mean([x == y for x, y in zip(first, other, strict=True)]) < 0.98


def test_it_falls_for_some_texts_that_talk_to_it() -> None:
    """Two judges that differ in nothing but this: one never does, the other nearly always."""
    for attack in ATTACKS:
        assert clear_share(attack.text("A")) < 0.6, attack.name
    attacks = [attack.text("A") for attack in ATTACKS] * 20
    for share, least, most in ((0.0, 0.0, 0.0), (0.25, 0.1, 0.4), (1.0, 0.8, 1.0)):
        judge = dataclasses.replace(JUDGE, fooled_share=share)
        chosen = [choose(judge, text, answer(PRIMARY, n), seed=SEED, repeat=0) for n, text in enumerate(attacks)]
        assert least <= chosen.count("A") / len(chosen) <= most


def test_scores_go_from_one_to_ten_and_clear_answers_get_more() -> None:
    scores = {p.name: [score(JUDGE, answer(p, n), seed=SEED) for n in range(PAIRS)] for p in (SWIFT, PRIMARY, SAGE)}
    assert all(1 <= value <= 10 for found in scores.values() for value in found)
    assert mean([*scores["swift"]]) < mean([*scores["prime"]]) < mean([*scores["sage"]])
    assert score(JUDGE, "", seed=SEED) == 1
