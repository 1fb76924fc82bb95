"""Simulated answers are draws that anybody can repeat, from the distributions that the profile names."""

import dataclasses
import math
import random
from statistics import NormalDist, mean, median, stdev

from hypothesis import given
from hypothesis import strategies as st

from cli.demo.setting import PRIMARY, PROFILES, SWIFT
from cli.demo.simulation import Answer, Failure, Lognormal, Profile, Repeats, SlowSpell, draw_answer, prompt_tokens


def answer(
    profile: Profile = PRIMARY, *, body: bytes = b"{}", repeat: int = 0, max_tokens: int | None = None
) -> Answer:
    return draw_answer(profile, seed=3, body=body, repeat=repeat, prompt="why?", max_tokens=max_tokens)


@given(body=st.binary(max_size=200), repeat=st.integers(0, 10), profile=st.sampled_from(PROFILES))
def test_the_same_request_gets_the_same_answer_in_every_run(body: bytes, repeat: int, profile: Profile) -> None:
    assert answer(profile, body=body, repeat=repeat) == answer(profile, body=body, repeat=repeat)


def test_the_same_body_sent_twice_is_drawn_twice() -> None:
    """The control leg sends the primary the same bytes: equal answers would hide the primary's own noise."""
    first, second = answer(repeat=0), answer(repeat=1)
    assert first.first_token_s != second.first_token_s
    assert first.text != second.text


def test_lognormal_draws_have_the_median_and_spread_that_were_asked_for() -> None:
    """ln X is Normal(ln median, sigma): mean and deviation of 20 000 logs, within four standard errors."""
    rng = random.Random(5)
    logs = [math.log(Lognormal(0.12, 0.35).draw(rng)) for _ in range(20_000)]
    assert abs(mean(logs) - math.log(0.12)) < 4 * 0.35 / math.sqrt(20_000)
    assert abs(stdev(logs) - 0.35) < 4 * 0.35 / math.sqrt(2 * 20_000)


def test_first_tokens_of_many_answers_follow_the_profile() -> None:
    """The sample median of n draws lies within four of its standard errors of the profile's median."""
    n = 4_000
    drawn = [math.log(answer(SWIFT, body=b"%d" % i).first_token_s) for i in range(n)]
    error = SWIFT.first_token_s.sigma / (2 * NormalDist().pdf(0) * math.sqrt(n))
    assert abs(median(drawn) - math.log(SWIFT.first_token_s.median)) < 4 * error


def test_errors_come_as_often_as_the_profile_says_and_in_every_way() -> None:
    n = 6_000
    failures = [a.failure for a in (answer(SWIFT, body=b"%d" % i) for i in range(n)) if a.failure]
    share = SWIFT.error_share
    assert abs(len(failures) / n - share) < 4 * math.sqrt(share * (1 - share) / n)
    assert set(failures) == set(Failure)


@given(body=st.binary(max_size=50), profile=st.sampled_from(PROFILES), limit=st.none() | st.integers(1, 80))
def test_an_answer_is_consistent_with_itself(body: bytes, profile: Profile, limit: int | None) -> None:
    drawn = answer(profile, body=body, max_tokens=limit)
    assert len(drawn.gaps_s) == len(drawn.events) - 1
    assert len(drawn.text.split()) == drawn.output_tokens
    assert limit is None or drawn.output_tokens <= limit
    assert drawn.finish_reason in ({"stop"} if limit is None else {"stop", "length"})
    assert drawn.first_token_s > 0
    assert all(gap > 0 for gap in drawn.gaps_s)


def test_a_prompt_that_makes_one_provider_talk_long_makes_the_others_talk_long_too() -> None:
    """Pairs share the prompt's factor, as answers of real models do: the correlation of log lengths is positive."""
    quiet = [dataclasses.replace(p, error_share=0.0) for p in PROFILES]
    lengths = [
        [
            math.log(draw_answer(p, seed=1, body=b"%d" % i, repeat=0, prompt=f"q{i}", max_tokens=None).output_tokens)
            for p in quiet
        ]
        for i in range(400)
    ]
    ours, theirs = [row[0] for row in lengths], [row[1] for row in lengths]
    covariance = mean((a - mean(ours)) * (b - mean(theirs)) for a, b in zip(ours, theirs, strict=True))
    # Both logs have variance 0.5^2 + 0.3^2 and share 0.5^2 of it, apart from rounding to whole tokens.
    assert abs(covariance / (stdev(ours) * stdev(theirs)) - 0.25 / 0.34) < 0.1


def test_a_slow_spell_begins_ends_and_returns() -> None:
    spell = SlowSpell(every_s=30, at_s=8, length_s=2, factor=3)
    seen = {t: spell.factor_at(t) for t in (0, 7.9, 8, 9.9, 10, 37.9, 38, 40)}
    assert seen == {0: 1, 7.9: 1, 8: 3, 9.9: 3, 10: 1, 37.9: 1, 38: 3, 40: 1}


def test_repeats_are_counted_per_request_and_forgotten_beyond_the_capacity() -> None:
    repeats = Repeats(capacity=2)
    assert [repeats.next(b) for b in (b"a", b"b", b"a", b"a")] == [0, 0, 1, 2]
    repeats.next(b"c")
    assert repeats.next(b"b") == 0, "b was the oldest of three and is forgotten"
    assert repeats.next(b"c") == 1


def test_input_tokens_are_words_and_seven_more() -> None:
    assert prompt_tokens("three little words") == 10
