"""What stands out, in a sentence that one can read aloud."""

from decimal import Decimal

import pytest

from analyzer.dashboard.pairs.sentence import sentence
from analyzer.dashboard.pairs.verdicts import in_short
from store.browsing.pairs import Arm, BrowsedPair
from tests.analyzer.dashboard.pairs.arms import arm, browsed, failed
from tests.store.judging.conftest import judgement, label, listed_of, settled
from tests.store.judging.conftest import pair as row_of

ONE = listed_of(row_of())
PRIMARY = arm(total_ms=812.1, cost_usd=Decimal("0.0042"))


def fast(**values: object) -> Arm:
    return arm(**{"total_ms": 640.3, "cost_usd": Decimal("0.0011"), **values})


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (
            browsed(PRIMARY, fast()),
            "swift answered in 640 ms, 172 ms faster than the primary, and cost $0.0011, $0.0031 less.",
        ),
        (
            browsed(fast(), PRIMARY),
            "swift answered in 812 ms, 172 ms slower than the primary, and cost $0.0042, $0.0031 more.",
        ),
        (browsed(PRIMARY, PRIMARY), "swift answered in 812 ms, as fast as the primary, and cost $0.0042, the same."),
        (browsed(PRIMARY, fast(cost_usd=None)), "swift answered in 640 ms, 172 ms faster than the primary."),
        (browsed(arm(total_ms=None, cost_usd=None), fast()), "swift answered in 640 ms and cost $0.0011."),
        (browsed(PRIMARY, fast(total_ms=None, cost_usd=None)), "swift answered."),
        (browsed(PRIMARY, failed("timeout")), "The primary answered in 812 ms; swift timed out."),
        (
            browsed(failed("http_error", status=429), failed("connect_error")),
            "The primary answered with an HTTP error 429; swift could not be reached.",
        ),
        (
            browsed(arm(total_ms=None), failed("unavailable")),
            "The primary answered; swift was never sent the request: it was not available.",
        ),
        (
            browsed(failed("client_abort"), failed("provider_error")),
            "The primary was left by the client; swift reported an error inside its answer.",
        ),
        (browsed(failed("made_up"), fast()), "The primary made_up; swift answered in 640 ms."),
        (
            browsed(PRIMARY, fast(), candidate="a\x1bb"),
            "a␛b answered in 640 ms, 172 ms faster than the primary, and cost $0.0011, $0.0031 less.",
        ),
    ],
)
def test_times_costs_and_failures(pair: BrowsedPair, said: str) -> None:
    assert sentence(pair, None) == said


def verdict(*rows: object) -> str:
    judgements = [row for row in rows if hasattr(row, "judge")]
    labels = [row for row in rows if hasattr(row, "labeler")]
    said = sentence(browsed(PRIMARY, fast(total_ms=None, cost_usd=None)), in_short(judgements, labels))  # type: ignore[arg-type]
    return said.removeprefix("swift answered. ")


def test_verdicts() -> None:
    assert verdict(judgement(ONE)) == "judge-a preferred the candidate's answer."
    assert verdict(judgement(ONE, preference=-1.0, preference_pc=None, preference_cp=None)) == (
        "judge-a preferred the primary's answer."
    )
    assert verdict(judgement(ONE, preference=0.0, preference_pc=-1.0, preference_cp=1.0)) == (
        "judge-a saw a tie (orders disagree)."
    )
    other = judgement(ONE, judge="judge-b", preference=-1.0, preference_pc=None, preference_cp=None)
    assert verdict(judgement(ONE), other) == "Taken together, 2 judges saw a tie (judges disagree)."
    assert verdict(label(ONE)) == "1 person preferred the primary's answer."
    assert verdict(label(ONE, preference=None, score_primary=10.0)) == "1 person: primary 10 of 10."
    assert verdict(settled(ONE)) == "Both gave the same answer."
