"""Promote, reject or wait: who passes everything, who surely breaks a rule, and what is still open."""

import math
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.decision import NO_PAIRS, NO_POLICY, decide
from analyzer.results import CandidateStudy, Comparison, Needed
from analyzer.stats.interval import Interval
from config.policy import Policy
from record.pair import CONTROL
from tests.analyzer.stats.reference import reference_case
from tests.analyzer.studies import LEVEL, START, candidate, integrity, policy, row

RULE = {"metric": "total_ms", "margin": 100}
PASSES: dict[str, Any] = {"worse": (-30.0, 0.0, 30.0), "p_margin": 0.001}
FAILS: dict[str, Any] = {"worse": (120.0, 150.0, 180.0), "p_margin": 1.0}
OPEN: dict[str, Any] = {"worse": (60.0, 90.0, 120.0), "p_margin": 0.3}


def decided(declared: Policy, *candidates: CandidateStudy) -> list[CandidateStudy]:
    return decide(candidates, declared, level=LEVEL, kind="anytime")


def one(declared: Policy, *rows: Comparison, **fields: Any) -> CandidateStudy:
    (found,) = decided(declared, candidate("a", *rows, **fields))
    return found


@pytest.mark.parametrize(("given_row", "decision"), [(PASSES, "promote"), (FAILS, "reject"), (OPEN, "wait")])
@pytest.mark.parametrize("name", ["total_ms", "tokens_per_second"])
def test_one_rule_decides_in_either_direction_of_better(name: str, given_row: dict[str, Any], decision: str) -> None:
    found = one(policy({"metric": name, "margin": 100}), row(name, **given_row))
    assert found.decision == decision
    assert len(found.reasons) == 1
    (check,) = found.checks
    assert check.finding == {"promote": "passed", "reject": "failed", "wait": "open"}[decision]


@pytest.mark.parametrize("findings", list(product("pfo", repeat=3)))
def test_promoted_is_who_passes_all_rejected_who_fails_any_and_all_else_waits(findings: tuple[str, ...]) -> None:
    """Two primary metrics and a guardrail, each passed, failed or open: all 27 combinations."""
    kinds = {"p": PASSES, "f": FAILS, "o": OPEN}
    names = ("total_ms", "ttft_ms", "itl_ms")
    declared = policy(
        {"metric": names[0], "margin": 100},
        {"metric": names[1], "margin": 100},
        guardrails=[{"metric": names[2], "margin": 100}],
    )
    found = one(declared, *(row(name, **kinds[f]) for name, f in zip(names, findings, strict=True)))
    words = {"p": "passed", "f": "failed", "o": "open"}
    assert [check.finding for check in found.checks] == [words[f] for f in findings]
    assert [check.role for check in found.checks] == ["primary", "primary", "guardrail"]
    expected = "reject" if "f" in findings else "wait" if "o" in findings else "promote"
    assert found.decision == expected


def test_the_gate_is_the_intersection_of_its_rules() -> None:
    """Four guardrails, no correction for their number: the largest p-value is the gate's (Berger 1982)."""
    case = reference_case("iut_gate")
    names = ("total_ms", "ttft_ms", "itl_ms", "cost_usd")
    rows = [row(n, p_margin=p) for n, p in zip(names, case.inputs["p_noninferiority"], strict=True)]
    found = one(policy(*({"metric": n, "margin": 100} for n in names)), *rows)
    assert max(check.p_value for check in found.checks if check.p_value is not None) == case.expected["p_overall"]
    assert (found.decision == "promote") is case.expected["go"]


def test_several_candidates_share_the_chance_of_a_false_promotion() -> None:
    """Holm (1979) by hand: 0.01, 0.02, 0.04 become 0.03, 0.04, 0.04; 0.03 beside two others fails as 0.06."""
    declared = policy(RULE)
    rows = {name: row(p_margin=p) for name, p in {"a": 0.01, "b": 0.02, "c": 0.04}.items()}
    found = decided(declared, *(candidate(name, r) for name, r in rows.items()))
    assert [c.checks[0].p_value for c in found] == pytest.approx([0.03, 0.04, 0.04])
    assert [c.decision for c in found] == ["promote", "promote", "promote"]
    found = decided(declared, *(candidate(n, row(p_margin=p)) for n, p in {"a": 0.01, "b": 0.03, "c": 0.04}.items()))
    assert [c.checks[0].p_value for c in found] == pytest.approx([0.03, 0.06, 0.06])
    assert [c.decision for c in found] == ["promote", "wait", "wait"]
    assert "not among 3 candidates (p = 0.06 after Holm)" in found[1].reasons[0]


def test_the_correction_is_of_the_whole_gate_guardrails_and_all() -> None:
    """A candidate is falsely promoted past a guardrail as easily as past a primary metric."""
    declared = policy(RULE, guardrails=[{"metric": "ttft_ms", "margin": 100}])
    found = decided(
        declared,
        candidate("a", row(p_margin=0.001), row("ttft_ms", p_margin=0.04)),
        candidate("b", row(p_margin=0.2), row("ttft_ms", p_margin=0.9)),
    )
    assert [check.p_value for check in found[0].checks] == pytest.approx([0.002, 0.08])
    assert found[0].decision == "wait"


@given(st.lists(st.lists(st.floats(1e-6, 1), min_size=2, max_size=2), min_size=1, max_size=5))
def test_who_is_promoted_is_who_holms_step_down_rejects(p_values: list[list[float]]) -> None:
    """Against the procedure as Holm wrote it: from the smallest on, while p <= alpha / (candidates left)."""
    declared = policy(RULE, {"metric": "ttft_ms", "margin": 100})
    found = decided(
        declared,
        *(candidate(f"c{i}", row(p_margin=p), row("ttft_ms", p_margin=q)) for i, (p, q) in enumerate(p_values)),
    )
    gates = {f"c{i}": max(pair) for i, pair in enumerate(p_values)}
    expected = set()
    for rank, name in enumerate(sorted(gates, key=lambda name: gates[name])):
        if gates[name] > (1 - LEVEL) / (len(gates) - rank):
            break
        expected.add(name)
    assert {c.name for c in found if c.decision == "promote"} == expected


def test_a_candidate_without_pairs_takes_no_chance_from_the_others() -> None:
    absent = candidate("b", experiment=None, pairs=0, first=None, last=None)
    found = decided(policy(RULE), candidate("a", row(p_margin=0.04)), absent)
    assert [c.decision for c in found] == ["promote", "wait"]
    assert found[1].reasons == (NO_PAIRS,)
    assert found[1].checks == ()


def test_the_control_leg_is_no_candidate() -> None:
    found = decided(policy(RULE), candidate(CONTROL, row(p_margin=0.5)), candidate("a", row(p_margin=0.04)))
    assert [(c.name, c.decision) for c in found] == [(CONTROL, "wait"), ("a", "promote")]
    assert "no candidate" in found[0].reasons[0]


def test_without_a_policy_nothing_is_decided() -> None:
    rows = [candidate("a", row(**PASSES)), candidate("b", pairs=0, first=None, last=None)]
    found = decide(rows, None, level=LEVEL, kind="anytime")
    assert [c.decision for c in found] == ["wait", "wait"]
    assert found[0].reasons == (NO_POLICY,)
    assert found[1].reasons == (NO_PAIRS, NO_POLICY)


@pytest.mark.parametrize("given_row", [PASSES, FAILS])
def test_an_obstacle_of_integrity_keeps_from_promoting_and_from_rejecting(given_row: dict[str, Any]) -> None:
    found = one(policy(RULE), row(**given_row), integrity=integrity("the sample is not a random one"))
    assert found.decision == "wait"
    assert found.reasons[0] == "the sample is not a random one"


@pytest.mark.parametrize(
    ("fields", "blocks", "clusters", "said"),
    [
        ({"pairs": 499}, 40, 200, "499 of the 500 pairs that a decision needs"),
        ({}, 19, 200, "19 of the 20 time blocks with total_ms that a decision needs"),
        ({}, 40, 19, "19 of the 20 groups of conversations with total_ms that a decision needs"),
        ({"last": START + timedelta(days=6)}, 40, 200, "pairs of 6.0 of the 7 days that a decision needs"),
    ],
)
@pytest.mark.parametrize("given_row", [PASSES, FAILS])
def test_below_the_minimum_nothing_is_decided(
    fields: dict[str, Any], blocks: int, clusters: int, said: str, given_row: dict[str, Any]
) -> None:
    declared = policy(RULE, minimum={"pairs": 500, "days": 7})
    found = one(declared, row(**given_row, blocks=blocks, clusters=clusters), **fields)
    assert found.decision == "wait"
    assert found.reasons[0] == said


def test_at_the_minimum_a_decision_is_made() -> None:
    declared = policy(RULE, minimum={"pairs": 500, "days": 7})
    last = START + timedelta(days=7)
    assert one(declared, row(**PASSES, blocks=20, clusters=20), pairs=500, last=last).decision == "promote"


def test_a_window_of_seven_days_holds_pairs_of_a_little_less() -> None:
    """From its first pair to the watermark."""
    declared = policy(RULE, minimum={"days": 7})
    assert one(declared, row(**PASSES), last=START + timedelta(days=6.8)).decision == "promote"
    assert one(declared, row(**PASSES), last=START + timedelta(days=6.7)).decision == "wait"


def test_twenty_blocks_are_needed_however_few_the_policy_asks_for() -> None:
    declared = policy(RULE, minimum={"blocks": 10, "clusters": 10})
    assert (
        one(declared, row(**PASSES, blocks=19)).reasons[0]
        == "19 of the 20 time blocks with total_ms that a decision needs"
    )


def test_blocks_and_clusters_are_those_of_the_metric_that_has_fewest() -> None:
    declared = policy(RULE, {"metric": "win_rate", "margin": 0.05})
    judged = row("win_rate", worse=(-0.03, 0.0, 0.03), margin=0.05, p_margin=0.01, blocks=12, n=90)
    assert one(declared, row(**PASSES), judged).reasons == (
        "12 of the 20 time blocks with win_rate that a decision needs",
    )


def test_a_quantile_among_failures_hides_no_broken_rule_behind_groups_that_nobody_counted() -> None:
    """Of such a quantile nothing is counted by block, so one group stands there; the failures themselves decide."""
    declared = policy(
        {"metric": "total_ms", "estimand": "p95", "margin": 100}, {"metric": "error_rate", "margin": 0.02}
    )
    lost = replace(
        row(estimand="p95", blocks=1, clusters=1),
        difference=None,
        interval=None,
        bound=None,
        p_margin=None,
        reason="p95 lies among failures",
    )
    broken = row("error_rate", worse=(0.04, 0.05, 0.06), margin=0.02, p_margin=1.0)
    found = one(declared, lost, broken)
    assert found.decision == "reject"
    assert not any("time blocks" in reason or "groups" in reason for reason in found.reasons)
    assert one(declared, lost, replace(broken, blocks=12)).decision == "wait"


@pytest.mark.parametrize(
    ("worse", "decision"),
    [((-30.0, -20.0, -1.0), "promote"), ((1.0, 20.0, 40.0), "reject"), ((-30.0, -5.0, 20.0), "wait")],
)
def test_better_is_held_against_no_difference_and_not_against_a_margin(
    worse: tuple[float, float, float], decision: str
) -> None:
    """Passed when surely better, failed when surely worse; a candidate that is as good stays open."""
    p_margin = 0.01 if decision == "promote" else 0.6
    declared = policy({"metric": "cost_usd", "require": "better"})
    assert one(declared, row("cost_usd", worse=worse, p_margin=p_margin, require="better")).decision == decision


EQUIVALENCES = [(-9, 9, 0.01, "promote"), (12, 30, 1.0, "reject"), (-30, -12, 1.0, "reject"), (5, 30, 0.7, "wait")]


@pytest.mark.parametrize(("low", "high", "p_margin", "decision"), EQUIVALENCES)
@pytest.mark.parametrize("name", ["total_ms", "tokens_per_second", "output_tokens"])
def test_equivalent_lies_inside_both_margins_and_fails_beyond_either(
    name: str, low: float, high: float, p_margin: float, decision: str
) -> None:
    """Also where neither direction is better, so that there are no bounds and the interval stands for them."""
    made = row(name, worse=(low, (low + high) / 2, high), p_margin=p_margin, margin=10.0, require="equivalent")
    if name == "output_tokens":
        made = replace(made, bound=None, surely=None, interval=Interval(low, high))
    declared = policy({"metric": name, "require": "equivalent", "margin": 10})
    assert one(declared, made).decision == decision


@pytest.mark.parametrize(("down", "up", "decision"), [(0.9, 0.9, "promote"), (1.1, 0, "wait"), (0, 1.1, "wait")])
def test_missing_pairs_can_turn_an_equivalence_on_either_side(down: float, up: float, decision: str) -> None:
    made = row(worse=(-9, 0, 9), p_margin=0.01, margin=10.0, require="equivalent")
    assert made.interval is not None
    worst = Interval(made.interval.low - down, made.interval.high + up)
    declared = policy({"metric": "total_ms", "require": "equivalent", "margin": 10})
    assert one(declared, replace(made, worst=worst)).decision == decision


@pytest.mark.parametrize("name", ["total_ms", "tokens_per_second"])
@pytest.mark.parametrize(("shift", "decision"), [(69.0, "promote"), (71.0, "wait")])
def test_a_rule_that_missing_pairs_could_turn_is_open(name: str, shift: float, decision: str) -> None:
    """At most 30 worse, 100 allowed: it passes while they could move the difference by less than 70."""
    made = row(name, **PASSES)
    assert made.interval is not None
    worst = Interval(made.interval.low - shift, made.interval.high + shift)
    found = one(policy({"metric": name, "margin": 100}), replace(made, worst=worst))
    assert found.decision == decision
    if decision == "wait":
        assert "could turn it" in found.reasons[0]


@pytest.mark.parametrize("name", ["total_ms", "tokens_per_second"])
@pytest.mark.parametrize(("shift", "decision"), [(19.0, "reject"), (21.0, "wait")])
def test_a_failure_that_missing_pairs_could_turn_is_open(name: str, shift: float, decision: str) -> None:
    """At least 120 worse, 100 allowed."""
    made = row(name, **FAILS)
    assert made.interval is not None
    worst = Interval(made.interval.low - shift, made.interval.high + shift)
    assert one(policy({"metric": name, "margin": 100}), replace(made, worst=worst)).decision == decision


def test_only_missing_pairs_on_the_side_that_hurts_count() -> None:
    made = row(**PASSES)
    assert made.interval is not None
    worst = Interval(made.interval.low - 1000, made.interval.high)
    assert one(policy(RULE), replace(made, worst=worst)).decision == "promote"


def test_among_several_candidates_missing_pairs_are_held_against_the_bound_of_all() -> None:
    """At 95 % it lies 30 away, so at 97.5 % at least 30 * 1.960 / 1.645 = 35.7: 66 more than that are too much."""
    made = row(**PASSES)
    assert made.interval is not None
    worst = Interval(made.interval.low, made.interval.high + 66)
    assert one(policy(RULE), replace(made, worst=worst)).decision == "promote"
    found = decided(policy(RULE), candidate("a", replace(made, worst=worst)), candidate("b", row(**PASSES)))
    assert [c.decision for c in found] == ["wait", "promote"]


def test_what_is_in_doubt_decides_nothing() -> None:
    for given_row in (PASSES, FAILS):
        found = one(policy(RULE), row(**given_row, doubt="estimates are too coarse"))
        assert found.decision == "wait"
        assert "estimates are too coarse" in found.reasons[0]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"interval": None, "reason": "12 pairs count; a verdict needs 200", "p_margin": None}, "12 pairs count"),
        ({"p_margin": None, "reason": None}, "not known yet"),
        ({"margin": None, "p_margin": None}, "write it in the metric's unit"),
    ],
)
def test_what_is_not_known_is_open_and_says_why(fields: dict[str, Any], said: str) -> None:
    found = one(policy(RULE), replace(row(), **fields))
    assert found.decision == "wait"
    assert said in found.reasons[0]
    assert found.checks[0].p_value is None


def test_a_share_of_a_share_is_not_taken_for_percentage_points() -> None:
    made = row("error_rate", margin=None, p_margin=None)
    said = one(policy({"metric": "error_rate", "margin": "1%"}), made).reasons[0]
    assert said.startswith("error_rate not worse by 1 % of the primary's or more: not known, its margin is a share")


def test_years_are_told_in_days_without_an_exponent() -> None:
    made = row(p_margin=0.3, worse=(60.0, 90.0, 120.0), needed=Needed(10**6, None, 2500.4 * 86400))
    assert "about 1,000,000 more pairs, 2,500 days at the present rate" in one(policy(RULE), made).reasons[0]


def test_a_reason_is_given_once() -> None:
    why = "p95 of the candidate lies among failures"
    made = replace(row(), interval=None, p_margin=None, reason=why, needed=Needed(None, None, None, why))
    assert one(policy(RULE), made).reasons[0].count(why) == 1


def test_a_metric_that_the_report_has_not_is_open() -> None:
    found = one(policy({"metric": "of_a_plugin"}), row())
    assert found.reasons == ("of_a_plugin: this report has no such metric",)


def test_a_rule_without_an_estimand_asks_the_metrics_first() -> None:
    rows = (row(**PASSES), row(estimand="p95", **FAILS))
    assert one(policy(RULE), *rows).decision == "promote"
    assert one(policy(RULE | {"estimand": "p95"}), *rows).decision == "reject"


@pytest.mark.parametrize("name", ["exact_match", "tool_call_agreement"])
def test_an_agreement_without_a_control_leg_says_nothing(name: str) -> None:
    """However high it is: nobody knows how far the primary agrees with itself."""
    alone = row(name, worse=(-0.9, -0.9, -0.8), margin=0.05, p_margin=0.0, primary=None, candidate=0.9)
    found = one(policy({"metric": name, "margin": 0.05}), alone)
    assert found.decision == "wait"
    assert "turn the control leg on" in found.reasons[0]


def test_an_agreement_is_held_against_the_controls_own() -> None:
    beside = row("exact_match", worse=(0.06, 0.1, 0.14), margin=0.05, p_margin=1.0, primary=0.9, candidate=0.8)
    assert one(policy({"metric": "exact_match", "margin": 0.05}), beside).decision == "reject"


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (row(**PASSES), "total_ms mean: at most 30 ms worse, 100 ms allowed"),
        (row(**PASSES | {"worse": (-90.0, -60.0, -30.0)}), "total_ms mean: at least 30 ms better, 100 ms allowed"),
        (row(**FAILS), "total_ms mean: at least 120 ms worse, 100 ms allowed"),
        (
            row(**OPEN, needed=Needed(1234, 5.678, 7200.0)),
            (
                "total_ms mean: at most 120 ms worse, 100 ms allowed; not known well enough; about 1,234 more pairs, "
                "2 h at the present rate, $5.68"
            ),
        ),
        (
            row(**OPEN, needed=Needed(None, None, None, "more pairs would not help")),
            "total_ms mean: at most 120 ms worse, 100 ms allowed; not known well enough; more pairs would not help",
        ),
    ],
)
def test_a_check_says_the_numbers_that_decide(made: Comparison, said: str) -> None:
    assert one(policy(RULE), made).checks[0].sentence == said


def test_shares_are_told_in_percentage_points_and_money_by_the_thousand() -> None:
    rate = row("error_rate", worse=(0.0, 0.001, 0.0021), margin=0.005, p_margin=0.01)
    cost = row("cost_usd", worse=(-2e-4, -1e-4, -5e-5), p_margin=0.01, require="better")
    found = one(policy({"metric": "cost_usd", "require": "better"}, guardrails=[{"metric": "error_rate"}]), rate, cost)
    assert [check.sentence for check in found.checks] == [
        "cost_usd (cost of 1,000 requests): at least $0.05 better",
        "error_rate: at most 0.21 percentage points worse, 0.5 percentage points allowed",
    ]


def test_two_declared_metrics_are_both() -> None:
    rate = row("error_rate", worse=(0.0, 0.001, 0.0021), margin=0.005, p_margin=0.01)
    cost = row("cost_usd", worse=(-2e-4, -1e-4, -5e-5), p_margin=0.01, require="better")
    asked = policy({"metric": "cost_usd", "require": "better"}, guardrails=[{"metric": "error_rate"}])
    assert one(asked, rate, cost).reasons == ("both declared metrics pass",)


def test_a_log_ratio_is_told_as_a_share() -> None:
    """exp(0.0488) - 1 is 5 %, exp(-0.0513) - 1 is -5 %."""
    made = row(estimand="log_ratio", worse=(-0.2, -0.1, math.log(0.95)), margin=math.log(1.05), p_margin=0.01)
    (check,) = one(policy({"metric": "total_ms", "estimand": "log_ratio", "margin": "5%"}), made).checks
    assert check.sentence == "total_ms log_ratio: at least 5 % better, 5 % allowed"


@pytest.mark.parametrize(("kind", "said"), [("anytime", False), ("fixed", True)])
def test_a_promotion_from_one_look_says_so(kind: Any, said: bool) -> None:
    (found,) = decide([candidate("a", row(**PASSES))], policy(RULE), level=LEVEL, kind=kind)
    assert ("one look" in found.reasons[0]) is said


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["total_ms", "tokens_per_second", "output_tokens", "exact_match", "error_rate"]),
            st.sampled_from(["not_worse", "better", "equivalent"]),
            st.tuples(*[st.floats(-1e3, 1e3)] * 3),
            st.one_of(st.none(), st.floats(0, 1)),
            st.one_of(st.none(), st.floats(0, 1e3)),
            st.booleans(),
        ),
        max_size=5,
        unique_by=lambda made: made[0],
    )
)
def test_whatever_the_rows_say_there_is_a_decision_with_reasons(made: list[Any]) -> None:
    """And never a promotion with a rule that is not surely passed."""
    rows = []
    for name, require, worse, p_margin, margin, is_missing in made:
        built = row(name, worse=tuple(sorted(worse)), p_margin=p_margin, margin=margin, require=require)
        assert built.interval is not None
        wide = Interval(built.interval.low - 5, built.interval.high + 5)
        rows.append(replace(built, worst=wide if is_missing else None))
    declared = policy(
        *({"metric": name, "require": require} for name, require, *_ in made), guardrails=[{"metric": "x"}]
    )
    found = one(declared, *rows)
    assert found.reasons
    assert found.decision in {"wait", "reject"}
    for check in found.checks:
        if check.finding == "passed":
            assert check.p_value is not None
            assert check.p_value <= 1 - LEVEL
