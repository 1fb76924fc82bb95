"""What a window holds to be judged, and how preferences have varied."""

from datetime import timedelta
from random import Random

import pytest

from store.judging import survey
from store.judging.due import Listed
from store.judging.survey import Due, Spread, count_due, spreads
from tests.store.judging.conftest import BEGIN, NOW, RUBRIC, UNTIL, Filled, judgement, pair, score, settled


def size_of(one: Listed, side: str) -> int:
    return len(f"{side} says {one.request_id}")


def test_pairs_texts_and_judgements_are_counted_by_candidate(filled: Filled) -> None:
    mine = filled.pairs(*(pair(BEGIN + timedelta(seconds=n)) for n in range(5)), texts=False)
    filled.texts(mine[:3])
    filled.texts(mine[3:4], sides=("primary",))
    filled.pairs(pair(candidate="qwen"), pair(candidate="qwen", candidate_outcome="timeout"), texts=False)
    filled.pairs(pair(candidate="nobody"))
    filled.write(judgement(mine[0]), judgement(mine[0], judge="judge-b"), judgement(mine[1], rubric="other@1"))
    filled.write(judgement(mine[0]), settled(mine[2]))
    found = count_due(filled.reader, BEGIN, UNTIL, ["llama", "qwen", "away"], RUBRIC)
    request = len(f'{{"of":"{mine[0].request_id}"}}')
    primary, candidate = size_of(mine[0], "primary") + len("[]"), size_of(mine[0], "llama")
    assert found == {
        "llama": Due(5, 3, 1, 1, False, request, primary, candidate),
        "qwen": Due(1, 0, 0, 0, False, request, primary, None),
    }
    assert found["llama"].prompt_bytes == request + primary + candidate
    assert found["qwen"].prompt_bytes is None
    assert count_due(filled.reader, UNTIL, UNTIL, ["llama"], RUBRIC) == {}


def test_of_many_pairs_a_sample_of_their_requests_is_counted(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    """One request in eight is looked at: of 800 that is within five standard errors of the truth."""
    monkeypatch.setattr(survey, "COUNTED_EXACTLY", 100)
    made = filled.pairs(*(pair() for _ in range(800)), texts=False)
    filled.texts(made[:400])
    filled.write(*(judgement(one) for one in made[:200]), *(settled(one) for one in made[200:300]))
    due = count_due(filled.reader, BEGIN, UNTIL, ["llama"], RUBRIC)["llama"]
    assert due.pairs == 800
    assert due.is_estimate
    for found, true in ((due.with_texts, 400), (due.judged, 200), (due.settled, 100)):
        assert abs(found - true) <= 5 * (true * 7) ** 0.5
        assert found % 8 == 0


def test_spreads_are_those_of_the_newest_preferences_by_likeness(filled: Filled) -> None:
    """Beside sums made here; edges belong to the stratum above them."""
    chance = Random(5)
    f1 = [0.0, 0.1, 0.25, 0.4, 0.5, 0.75, 0.9, 1.0, None]
    made = filled.pairs(*(pair() for _ in f1), texts=False)
    expected: dict[int, list[float]] = {}
    for one, value in zip(made, f1, strict=True):
        for judge in ("judge-a", "judge-b"):
            preference = chance.choice([-1.0, -0.5, 0.0, 0.25, 1.0])
            filled.write(judgement(one, judge=judge, preference=preference))
            if value is not None:
                expected.setdefault(min(int(value * 4), 3), []).append(preference)
        filled.write(score(one, "token_f1", 0.99, scored_at=NOW - timedelta(hours=1)))
        filled.write(score(one, "token_f1", value), score(one, "rouge_l", 0.6))
    filled.write(
        judgement(made[0], judge="pointwise", preference=None),
        judgement(made[0], judge="never drawn", inclusion_probability=0.0),
        judgement(made[0], judge="before", judged_at=NOW - timedelta(days=2)),
        settled(made[0]),
    )
    (unscored,) = filled.pairs(pair(), texts=False)
    filled.write(judgement(unscored))
    found = spreads(filled.reader, NOW - timedelta(days=1))
    assert set(found) == set(expected)
    for stratum, some in expected.items():
        sums = (len(some), sum(some), sum(p * p for p in some), len(some) / 0.2)
        assert tuple(found[stratum]) == pytest.approx(sums)
    assert spreads(filled.reader, UNTIL) == {}


def test_a_judgement_that_was_made_again_counts_once_and_as_it_is_now(filled: Filled) -> None:
    (one,) = filled.pairs(pair(), texts=False)
    filled.write(score(one, "token_f1", 0.5))
    for n, preference in enumerate((1.0, -1.0)):
        filled.write(judgement(one, preference=preference, judged_at=NOW + timedelta(seconds=n)))
    assert spreads(filled.reader, NOW - timedelta(days=1)) == {2: Spread(1, -1.0, 1.0, 5.0)}
