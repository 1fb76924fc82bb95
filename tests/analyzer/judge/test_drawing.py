"""Which pairs are judged, and with which probability."""

import math
from uuid import UUID

import numpy as np
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.judge.attacks import ATTACKS
from analyzer.judge.drawing import LEAST, MOST, PSEUDO_PAIRS, Drawing, shares, uniform
from config.judge import Judge
from record.pair import CONTROL
from store.judging.survey import Spread
from tests.analyzer.judge.made import pair

MANY = [UUID(int=(0x01970000_0000_7000_8000 << 48) + n * 0x9E37_79B9 % 2**48) for n in range(4_000)]
TEXTS = {0: ("a b c d", "e f g h"), 1: ("a b c d", "a f g h"), 2: ("a b", "a c"), 3: ("a b c d", "a b c e")}
"""By stratum: answers with a token F1 of 0, 1/4, 1/2 and 3/4."""


def test_the_hash_is_the_published_one() -> None:
    request_id, seed = MANY[7], 2**63 - 1
    digest = xxhash.xxh3_64(request_id.bytes + seed.to_bytes(8, "little") + b"draw").intdigest()
    assert uniform(request_id, seed, "draw") == pytest.approx(digest / 2**64, abs=2**-53)


@settings(deadline=None)
@given(st.uuids(), st.integers(0, 2**63 - 1), st.text(max_size=10))
def test_it_is_never_one(request_id: UUID, seed: int, purpose: str) -> None:
    assert 0 <= uniform(request_id, seed, purpose) < 1


def test_shares_are_as_asked_for_and_purposes_do_not_hang_together() -> None:
    """Within five standard errors; of 4,000 draws."""
    drawn = np.array([[uniform(i, 0, p) < 0.2 for p in ("draw", "order", "canary")] for i in MANY])
    assert np.all(np.abs(drawn.mean(axis=0) - 0.2) < 5 * math.sqrt(0.2 * 0.8 / len(MANY)))
    assert np.all(np.abs(np.corrcoef(drawn.T) - np.eye(3)) < 5 / math.sqrt(len(MANY)))


def test_all_candidates_are_judged_on_the_same_requests() -> None:
    drawing = Drawing(Judge(sample=0.3))
    for request_id in MANY[:500]:
        one, other = (pair(request_id=request_id, name=name) for name in ("a", "b"))
        assert drawing.is_drawn(one) == drawing.is_drawn(other)
        assert drawing.forms(one) == drawing.forms(other)


def test_a_larger_share_keeps_all_that_were_drawn() -> None:
    smaller, larger = Drawing(Judge(sample=0.2)), Drawing(Judge(sample=0.4))
    pairs = [pair(request_id=request_id) for request_id in MANY[:1_000]]
    kept = [larger.is_drawn(p) for p in pairs if smaller.is_drawn(p)]
    assert kept
    assert all(kept)
    assert sum(map(larger.is_drawn, pairs)) > len(kept)


def test_nobody_pays_for_judging_the_control() -> None:
    assert Drawing(Judge(sample=1)).is_drawn(pair())
    assert not Drawing(Judge(sample=1)).is_drawn(pair(name=CONTROL))
    assert not Drawing(Judge(sample=0)).is_drawn(pair())


def test_forms_are_those_of_the_mode() -> None:
    both, scores = ("pairwise_pc", "pairwise_cp"), ("pointwise_primary", "pointwise_candidate")
    for judge, forms, chance in (
        (Judge(), both, None),
        (Judge(mode="pointwise"), scores, None),
        (Judge(mode="pointwise", orders="random"), scores, None),
        (Judge(mode="both"), (*both, *scores), None),
    ):
        drawing = Drawing(judge)
        assert drawing.forms(pair()) == forms
        assert drawing.order_probability is chance


def test_a_random_order_is_each_half_of_the_time_and_says_so() -> None:
    drawing = Drawing(Judge(orders="random"))
    asked = [drawing.forms(pair(request_id=request_id)) for request_id in MANY]
    assert set(asked) == {("pairwise_pc",), ("pairwise_cp",)}
    assert abs(asked.count(("pairwise_pc",)) / len(MANY) - 0.5) < 5 * 0.5 / math.sqrt(len(MANY))
    assert drawing.order_probability == 0.5
    assert Drawing(Judge(orders="random", mode="both")).forms(pair())[1:] == (
        "pointwise_primary",
        "pointwise_candidate",
    )


def test_repeats_and_canaries_come_as_often_as_asked_for() -> None:
    drawing = Drawing(Judge(repeats=0.1, canaries=0.5))
    pairs = [pair(request_id=request_id) for request_id in MANY]
    repeated = sum(map(drawing.repeats, pairs)) / len(MANY)
    canaries = [canary for canary in map(drawing.canary, pairs) if canary is not None]
    assert abs(repeated - 0.1) < 5 * math.sqrt(0.09 / len(MANY))
    assert abs(len(canaries) / len(MANY) - 0.5) < 5 * 0.5 / math.sqrt(len(MANY))
    # Every attack in every place, equally often.
    seen = [(canary.form, canary.attack.name) for canary in canaries]
    assert len(set(seen)) == 2 * len(ATTACKS)
    expected = len(seen) / len(set(seen))
    assert sum((seen.count(kind) - expected) ** 2 / expected for kind in set(seen)) < 45  # chi-square, 15 df: p = 1e-4
    assert Drawing(Judge(canaries=0)).canary(pair()) is None
    assert not Drawing(Judge(repeats=0)).repeats(pair())


def test_checks_of_the_judge_differ_between_candidates() -> None:
    """One request, two candidates: the same attack on the same answer twice would tell nothing new."""
    drawing = Drawing(Judge(repeats=0.5, canaries=1))
    pairs = [[pair(request_id=request_id, name=name) for name in ("a", "b")] for request_id in MANY[:200]]
    assert 60 < sum(drawing.repeats(one) != drawing.repeats(other) for one, other in pairs) < 140
    assert sum(drawing.canary(one) != drawing.canary(other) for one, other in pairs) > 150


def test_a_canary_speaks_for_the_place_where_it_stands() -> None:
    drawing = Drawing(Judge(canaries=1))
    found = [drawing.canary(pair(request_id=request_id)) for request_id in MANY[:50]]
    for canary in found:
        assert canary is not None
        assert canary.text == canary.attack.text("A" if canary.form == "canary_first" else "B")


def test_without_verdicts_all_pairs_are_drawn_alike() -> None:
    for judge, spreads in (
        (Judge(sample=0.2, draw="spread"), {}),
        (Judge(sample=0.2), {0: Spread(50, 0, 50, 250), 3: Spread(50, 50, 50, 250)}),
        (Judge(sample=0.2, draw="spread"), {0: Spread(50, 0, 0, 250), 3: Spread(50, 0, 0, 250)}),
    ):
        drawing = Drawing(judge, spreads)
        assert [drawing.probability(pair(*TEXTS[place])) for place in TEXTS] == pytest.approx([0.2] * 4)


def test_probabilities_go_by_the_spread() -> None:
    """Closed form: two strata of equal size, standard deviations 1 and 1/2, so many verdicts that nothing shrinks."""
    n = 10**9
    drawing = Drawing(Judge(sample=0.3, draw="spread"), {0: Spread(n, 0, n, n), 2: Spread(n, 0, n / 4, n)})
    assert drawing.probability(pair(*TEXTS[0])) == pytest.approx(0.4)
    assert drawing.probability(pair(*TEXTS[2])) == pytest.approx(0.2)
    assert drawing.probability(pair(*TEXTS[1])) == 0.3  # never seen: as if nothing were known
    assert drawing.probability(pair("", "...")) == 0.3


def test_few_verdicts_say_little_about_a_spread() -> None:
    """One verdict of 1, and a thousand that are half 1 and half -1: the one's spread is nearly theirs."""
    found = shares(0.2, {0: Spread(1, 1, 1, 5), 1: Spread(1_000, 0, 1_000, 5_000)})
    overall = (1_001 - 1 / 1_001) / 1_001
    sds = {0: math.sqrt(PSEUDO_PAIRS * overall / (1 + PSEUDO_PAIRS)), 1: math.sqrt((1_000 + 20 * overall) / 1_020)}
    assert found[0] / found[1] == pytest.approx(sds[0] / sds[1])


def test_no_stratum_is_given_up_or_taken_too_often() -> None:
    """One pair in a hundred is worth judging; the others get what is left, or what nobody goes below."""
    found = shares(0.2, {0: Spread(10**6, 0, 10**6, 10**6), 3: Spread(10**6, 0, 0, 99 * 10**6)})
    assert found == pytest.approx({0: MOST * 0.2, 3: (0.2 - 0.01 * MOST * 0.2) / 0.99})
    assert shares(0.5, {0: Spread(10**6, 0, 10**6, 1), 3: Spread(10**6, 0, 1, 99)})[0] == 1
    most = shares(0.2, {0: Spread(10**6, 0, 10**6, 99), 3: Spread(10**9, 0, 0, 1)})
    assert most == pytest.approx({0: (0.2 - 0.01 * LEAST * 0.2) / 0.99, 3: LEAST * 0.2})


spreads = st.dictionaries(
    st.integers(0, 3),
    st.tuples(st.integers(0, 10_000), st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1)),
    max_size=4,
)


@settings(deadline=None)
@given(st.floats(0.001, 1), spreads)
def test_the_share_of_all_pairs_stays_as_asked_for(
    sample: float, said: dict[int, tuple[int, float, float, float]]
) -> None:
    made = {
        place: Spread(n, n * mean, n * (mean**2 + spread * (1 - mean**2)), n * (1 + 9 * more))
        for place, (n, mean, spread, more) in said.items()
    }
    found = shares(sample, made)
    assert set(found) <= set(made)
    known = {place: made[place].pairs for place in found if made[place].n}
    for place in known:
        assert LEAST * sample * (1 - 1e-9) <= found[place] <= min(1, MOST * sample) * (1 + 1e-9)
    if known:
        mean = math.fsum(found[place] * pairs for place, pairs in known.items()) / math.fsum(known.values())
        assert mean == pytest.approx(sample)


def test_weighted_means_stay_unbiased_and_become_narrower() -> None:
    """4,000 pairs whose verdicts vary in one stratum only; the mean, weighted by 1 / probability, over 300 seeds."""
    rng = np.random.default_rng(6)
    places = rng.integers(0, 4, len(MANY))
    verdicts = np.where(places == 0, rng.choice([-1.0, 1.0], len(MANY), p=[0.3, 0.7]), 0.0)
    n, total, squares = 10**6, 400_000.0, 1_000_000.0
    said = {0: Spread(n, total, squares, n), **{k: Spread(n, 0, 0, n) for k in (1, 2, 3)}}
    errors: dict[str, list[float]] = {"even": [], "spread": []}
    us = np.array([[uniform(i, seed, "draw") for i in MANY] for seed in range(100)])
    for draw, found in errors.items():
        made = Drawing(Judge(sample=0.2, draw=draw), said)
        chances = np.array([made.probability(pair(*TEXTS[k])) for k in range(4)])[places]
        for row in us:
            weights = (row < chances) / chances
            found.append(float((weights * verdicts).sum() / weights.sum() - verdicts.mean()))
    for found in errors.values():
        assert abs(np.mean(found)) < 4 * np.std(found) / math.sqrt(len(found))
    assert np.std(errors["spread"]) < 0.8 * np.std(errors["even"])
