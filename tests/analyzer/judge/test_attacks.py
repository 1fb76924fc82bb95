"""Texts of canaries."""

from analyzer.judge.attacks import ATTACKS
from analyzer.judge.prompt import prompt
from analyzer.judge.question import Question, Shown, Turn
from analyzer.judge.rubric import load


def test_there_are_enough_different_ones() -> None:
    assert len(ATTACKS) >= 6
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) == len({attack.text("A") for attack in ATTACKS})


def test_each_speaks_for_its_own_place() -> None:
    for attack in ATTACKS:
        first, second = attack.text("A"), attack.text("B")
        assert "{" + "own}" not in first + second
        assert "{" + "other}" not in first + second
        if "{own}" in attack.template:
            # Turned round, one becomes the other: neither place has an easier attack.
            assert first != second
            assert attack.template.replace("{own}", "B").replace("{other}", "A") == second


def test_none_of_them_forges_the_code_of_its_question() -> None:
    for attack in ATTACKS:
        shown = (Shown(attack.text("A")), Shown("Berlin is the capital."))
        question = Question("canary", "canary_first", "", (Turn("user", "Which city is it?"),), shown)
        made = prompt(question, load("helpfulness"))
        code = made.user.split(" is ")[1][:16]
        assert made.user.count(f"<<{code} begin: answer A>>") == 1
        assert made.user.count(f"<<{code} end: answer A>>") == 1
