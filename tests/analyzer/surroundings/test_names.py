"""Names of models: one that vanishes and one that comes are a change, anything less is not."""

from analyzer.surroundings.figures import Named
from analyzer.surroundings.names import Arm, Renamed, renamed

HOUR = 3600


def _named(model: str, hours: dict[int, int], arm: Arm = "primary") -> Named:
    return Named(arm, model, tuple(h * HOUR for h in hours), tuple(hours.values()))


def test_one_name_in_place_of_another_is_a_change_with_its_hour() -> None:
    models = (_named("old", dict.fromkeys(range(10), 30)), _named("new", dict.fromkeys(range(10, 20), 30)))
    assert renamed(models) == [Renamed("primary", "old", 9 * HOUR, "new", 10 * HOUR)]


def test_a_slow_change_begins_with_the_first_new_answer() -> None:
    """For three hours both names are seen."""
    models = (_named("old", dict.fromkeys(range(12), 30)), _named("new", dict.fromkeys(range(9, 20), 30)))
    assert renamed(models) == [Renamed("primary", "old", 11 * HOUR, "new", 9 * HOUR)]


def test_arms_are_looked_at_one_by_one() -> None:
    """The primary's name goes, the candidate's comes: neither is a change of one's name."""
    steady = _named("same", dict.fromkeys(range(20), 30))
    models = (
        steady,
        _named("old", dict.fromkeys(range(10), 30)),
        _named("new", dict.fromkeys(range(10, 20), 30), "candidate"),
    )
    assert renamed(models) == []


def test_names_that_come_and_go_are_no_change() -> None:
    """A mix of models, one that is only new, one that is only gone, one for a rare use."""
    always = dict.fromkeys(range(20), 500)
    assert renamed((_named("a", always), _named("b", dict.fromkeys(range(20), 40)))) == []
    assert renamed((_named("a", always), _named("new", dict.fromkeys(range(10, 20), 40)))) == []
    assert renamed((_named("a", always), _named("old", dict.fromkeys(range(10), 40)))) == []
    rare = _named("rare", {3: 1, 9: 1}), _named("rarer", {10: 1, 15: 1})
    assert renamed((_named("a", always), *rare)) == []


def test_a_change_within_a_mix_is_found() -> None:
    """A tenth of the answers: (1 - 0.1)^5000 is no chance."""
    always = _named("a", dict.fromkeys(range(20), 450))
    models = (always, _named("old", dict.fromkeys(range(10), 50)), _named("new", dict.fromkeys(range(10, 20), 50)))
    assert renamed(models) == [Renamed("primary", "old", 9 * HOUR, "new", 10 * HOUR)]


def test_what_is_days_apart_has_nothing_to_do_with_each_other() -> None:
    always = _named("a", dict.fromkeys(range(200), 450))
    models = (always, _named("old", dict.fromkeys(range(50), 50)), _named("new", dict.fromkeys(range(120, 200), 50)))
    assert renamed(models) == []


def test_few_answers_say_nothing() -> None:
    assert renamed(()) == []
    assert renamed((_named("old", {0: 5}), _named("new", {1: 5}))) == []
