"""A latency difference is parted into what caches explain and what is left, pair by pair alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.surroundings.fairness import fairness
from analyzer.surroundings.figures import Alike, Surroundings
from analyzer.surroundings.results import Fairness, Split


def _of_pairs(
    step: np.ndarray, cache: np.ndarray, us: np.ndarray, connection: np.ndarray | None = None
) -> Surroundings:
    """Single pairs as rows; a source would have them added up, which changes nothing."""
    n = len(step)
    reused = np.ones(n, dtype=int) if connection is None else connection
    times, caches, connections, ones, sums = (
        tuple(int(x) for x in column) for column in (step * 60, cache, reused, np.ones(n), us)
    )
    return Surroundings(alike=Alike(1, times, caches, connections, ones, sums, (0,) * n, (0,) * n))


def _known(s: Surroundings) -> Fairness:
    found = fairness(s, 0.95)
    assert found is not None
    return found


def _only_split(s: Surroundings) -> Split:
    (split,) = _known(s).splits
    return split


def test_the_rest_is_kitagawas_with_differences_within_pairs() -> None:
    """By hand: 60 cold pairs +10 ms, 40 warm +30, 80 with a warm primary +100, 20 with a warm candidate -50.

    The primary was warm in 120 of 200, the candidate in 60: on average 0.45. Rest 0.55 * 10 + 0.45 * 30 = 19.
    """
    cache = np.repeat([0, 1, 2, 3], [60, 40, 80, 20])
    us = np.repeat([10, 30, 100, -50], [60, 40, 80, 20]) * 1000
    split = _only_split(_of_pairs(np.arange(200) % 20, cache, us))
    assert (split.metric, split.by) == ("total_ms", "cache")
    assert split.difference_ms == pytest.approx((600 + 1200 + 8000 - 1000) / 200)
    assert split.rest_ms == pytest.approx(19)
    assert split.explained_ms == pytest.approx(44 - 19)
    named = {s.name: (s.n, s.difference_ms) for s in split.strata}
    assert named == {
        "both cold": (60, 10),
        "both warm": (40, 30),
        "primary warm only": (80, 100),
        "candidate warm only": (20, -50),
    }


def test_pairs_of_unknown_caches_are_shown_and_not_split() -> None:
    cache = np.repeat([0, 2, 4], [100, 50, 70])
    split = _only_split(_of_pairs(np.arange(220) % 11, cache, np.repeat([10, 40, 999], [100, 50, 70]) * 1000))
    assert split.difference_ms == pytest.approx(20)
    assert split.rest_ms == pytest.approx(10)
    assert {s.name: s.n for s in split.strata} == {"both cold": 100, "primary warm only": 50, "unknown": 70}


def _simulated(rng: np.random.Generator, steps: int = 60, per: int = 40) -> tuple[Surroundings, float]:
    """Load that lasts over steps; long prompts are warm in the primary and take longer in both arms. The candidate is
    5 ms slower at equal warmth, and warmth saves 40 ms in either arm. (surroundings, 5)"""
    step = np.repeat(np.arange(steps), per)
    load = rng.normal(size=steps)[step] * 2
    is_long = rng.random(len(step)) < 0.5
    warm_p = rng.random(len(step)) < np.where(is_long, 0.9, 0.2)
    warm_c = rng.random(len(step)) < np.where(is_long, 0.3, 0.1)
    base = np.where(is_long, 500, 100) + rng.normal(size=len(step)) * 30
    noise = rng.normal(size=len(step)) * 20 + load
    difference = (base + 5 - 40 * warm_c + noise) - (base - 40 * warm_p)
    cache = np.select([warm_p & warm_c, warm_p, warm_c], [1, 2, 3], 0)
    return _of_pairs(step, cache, np.rint(difference * 1000)), 5.0


def test_intervals_hold_what_is_left_between_equally_warm_arms() -> None:
    """300 simulated windows, true rest 5 ms: 95 % of intervals hold it, within 3 standard errors of that count.

    What caches explain is 40 ms times the difference of the shares of warm answers: 40 (0.55 - 0.20) = 14 ms.
    """
    rng = np.random.default_rng(2)
    held, explained, rests = 0, 0, []
    for _ in range(300):
        made, truth = _simulated(rng)
        split = _only_split(made)
        assert split.rest_interval is not None
        held += split.rest_interval.low <= truth <= split.rest_interval.high
        assert split.explained_interval is not None
        explained += split.explained_interval.low <= 14 <= split.explained_interval.high
        rests.append(split.rest_ms)
    assert abs(held - 285) <= 3 * np.sqrt(300 * 0.95 * 0.05)
    assert abs(explained - 285) <= 3 * np.sqrt(300 * 0.95 * 0.05)
    assert abs(np.mean(rests) - 5) <= 4 * np.std(rests) / np.sqrt(300)


def test_the_sentence_says_how_much_is_left() -> None:
    made, _ = _simulated(np.random.default_rng(4))
    (sentence,) = _known(made).sentences
    assert _known(made).notable == (sentence,)
    assert sentence.startswith("Time to last byte: of +")
    assert "come from prompt caches" in sentence
    assert "between equally warm arms +" in sentence
    assert "95 % interval" in sentence


def test_one_step_in_many_is_said() -> None:
    made, _ = _simulated(np.random.default_rng(4))
    assert made.alike is not None
    drawn = Alike(20, *(getattr(made.alike, name) for name in made.alike.__slots__[1:]))
    assert _known(Surroundings(alike=drawn)).sentences[-1] == "This is from one time step in 20, drawn at random."


def test_arms_that_are_equally_warm_owe_nothing_to_caches() -> None:
    cache = np.tile([0, 1], 100)
    found = _known(_of_pairs(np.arange(200) % 20, cache, np.arange(200) * 1000))
    assert found.splits[0].explained_ms == pytest.approx(0)
    assert found.notable == (), "nothing is explained: nobody needs to read of it"
    assert found.sentences == (
        "50 % of the answers of either arm were read from a prompt cache: it explains nothing of the difference.",
    )


def test_too_few_alike_pairs_are_no_ground_for_a_split() -> None:
    """The primary is always warm, the candidate nearly never: nothing says what equal warmth would give."""
    found = _known(_of_pairs(np.arange(300) % 20, np.repeat([2, 1], [290, 10]), np.arange(300) * 1000))
    assert found.splits == ()
    (sentence,) = found.sentences
    assert "Only 10 pairs of 300 had both alike" in sentence


def test_connections_are_split_as_caches_are() -> None:
    connection = np.repeat([1, 2], [100, 100])
    us = np.repeat([10_000, 60_000], 100)
    split = _only_split(_of_pairs(np.arange(200) % 20, np.full(200, 4), us, connection))
    assert split.by == "connection"
    assert (split.difference_ms, split.rest_ms, split.explained_ms) == pytest.approx((35, 10, 25))
    assert {s.name for s in split.strata} == {"both connections reused", "primary's reused only"}


def test_where_all_pairs_are_alike_there_is_nothing_to_split() -> None:
    assert fairness(Surroundings(), 0.95) is None
    assert fairness(_of_pairs(np.arange(99), np.zeros(99), np.arange(99)), 0.95) is None
    assert fairness(_of_pairs(np.arange(99), np.full(99, 4), np.arange(99)), 0.95) is None


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 4), st.integers(0, 3), st.integers(-(10**9), 10**9)), max_size=150
    )
)
def test_parts_always_add_up(rows: list[tuple[int, int, int, int]]) -> None:
    """Whatever is missing: explained and rest make the difference, and every interval holds its estimate."""
    step, cache, connection, us = (np.array([row[i] for row in rows], dtype=np.int64) for i in range(4))
    found = fairness(_of_pairs(step, cache, us, connection), 0.95)
    for split in found.splits if found is not None else ():
        assert split.explained_ms + split.rest_ms == pytest.approx(split.difference_ms, abs=1e-6)
        for estimate, interval in [
            (split.rest_ms, split.rest_interval),
            *((s.difference_ms, s.interval) for s in split.strata),
        ]:
            assert interval is None or interval.low < estimate < interval.high


def test_shares_that_move_make_the_rest_uncertain_too() -> None:
    """Within either stratum nothing varies; how many are warm does, from step to step."""
    cache = np.repeat([0, 1], [120, 80])
    step = np.concatenate([np.arange(120) % 20, np.arange(80) % 13])
    split = _only_split(_of_pairs(step, cache, np.repeat([10, 30], [120, 80]) * 1000))
    assert split.rest_ms == pytest.approx(0.6 * 10 + 0.4 * 30)
    assert [s.interval for s in split.strata] == [None, None]
    assert split.rest_interval is not None
    assert split.rest_interval.low < 18 < split.rest_interval.high
