"""What the judge's benchmark makes of its rounds: rates per pair, and a bill that is compared to the last digit."""

from decimal import Decimal
from random import Random

import pytest

from bench.judge import KINDS, Answering, Rounds, figures_of, requests, section_of
from bench.judge_recorded import Line, _moves
from bench.measured import Measured
from tests.fakes.judge import Call, Reply
from tests.judged.recordings import Published


def _rounds() -> Rounds:
    return Rounds(
        KINDS[0],
        pairs_per_s=[99.0, 101.0, 100.0],
        role_ms=[3.0, 3.5, 3.2],
        store_ms=[6.0, 7.0, 6.5],
        memory_mib=[150.0, 151.0, 149.0],
        most_in_flight=[64, 64, 63],
        calls=600,
        judged=300,
        bill_usd=Decimal("2.25"),
        known_usd=Decimal("2.24"),
        committed_usd=Decimal("2.30"),
        unpriced_usd=Decimal("0.01"),
    )


def test_dollars_are_per_thousand_judged_pairs_and_a_difference_of_the_bill_would_show() -> None:
    figures = figures_of([_rounds()])
    assert figures["usd_per_1000_well"].value == pytest.approx(2.24 / 300 * 1000)
    assert figures["bill_minus_accounts_usd_well"].value == 0.0
    text = section_of([_rounds()], Measured("now", "python -m bench.judge", "a machine", {}, figures), "")
    assert "| every call answered | 100.0 (99.0 to 101.0) | 64 (63 to 64) |" in text
    assert "| 600 | 7.4667 | 2.240000 | 0.010000 | 2.250000 | 0.000000 | 2.300000 |" in text


def test_faults_come_as_often_as_is_said_one_kind_after_the_other() -> None:
    answering, replies = Answering(0.1, Random(1)), list[Reply]()
    call = Call(1, "openai", "m", None, "", "", {}, 0.0)
    replies += [answering(call) for _ in range(1000)]
    assert 70 < answering.faults < 130
    assert {reply.status for reply in replies} == {200, 429, 503}
    assert {reply.after_s for reply in replies} == {0.3}


def test_every_pair_of_the_benchmark_has_texts_of_its_own() -> None:
    made = requests(50, seed=1)
    assert len({one.request_id for one in made}) == len({one.primary for one in made}) == 50
    assert all(one.primary not in one.answers.values() for one in made)


def test_length_control_is_compared_by_its_direction_where_the_published_one_moves_enough() -> None:
    def line(raw: float, theirs: float | None, ours: float) -> Line:
        return Line(Published("gpt4", "m", "r", raw, raw, theirs, None), 805, raw, raw, ours, None)

    assert _moves(line(90.0, 80.0, 70.0)) is True
    assert _moves(line(90.0, 80.0, 95.0)) is False
    assert _moves(line(90.0, 89.0, 70.0)) is None
    assert _moves(line(90.0, None, 70.0)) is None
