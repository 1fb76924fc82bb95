"""A gate that is asked after every block: wrong passes at the margin, and how long right ones take."""

import math
from dataclasses import replace

import numpy as np

from analyzer.inference import Asked
from analyzer.metrics import Metric
from analyzer.stats.estimate import Estimate
from analyzer.stats.power import pairs_for_fixed
from analyzer.verdict import Verdict
from config.policy import Margin, MetricRule
from tests.calibration import traffic
from tests.calibration.ledgers import Ledger, MeanLedger, RateLedger
from tests.calibration.looking import DECIDING_BLOCKS, LEVEL, PLANNED, first_look, may_pass, metric, row
from tests.calibration.replicated import Outcome, Results, Run
from tests.calibration.tables import Bar, Section, Share, Table, count, median
from tests.calibration.traffic import Pairs, Rng

PAIRS = 20_000
MARGIN, SD = 0.05, 1.1
"""Of a judge's score: differences vary by `SD`."""
POWER = 0.8
PASSING = {Verdict.BETTER, Verdict.NOT_WORSE, Verdict.EQUIVALENT}
SCORE = metric("judge_score", "mean")
_Z = 1.6448536269514722
FIXED_PAIRS = pairs_for_fixed(MARGIN, SD, alpha=1 - LEVEL, power=POWER, sides="one") or math.nan


def asked(margin: float, planned: int = PLANNED) -> Asked:
    """A guardrail: not worse by more than a margin."""
    rule = MetricRule(metric="judge_score", margin=Margin(value=margin))
    return Asked("anytime", LEVEL, planned, "guardrail", rule)


def passes(of: Metric, estimate: Estimate | None, guardrail: Asked) -> bool:
    """The row's verdict is one that a guardrail accepts."""
    rule = guardrail.rule
    if estimate is None or rule is None or rule.margin is None:
        return False
    margin = rule.margin.value * (abs(estimate.primary or 0.0) if rule.margin.relative else 1.0)
    if not may_pass(estimate, margin, is_lower_better=of.better == "lower"):
        return False
    return row(of, estimate, guardrail).verdict in PASSING


def scores(rng: Rng, n: int, difference: float) -> Pairs:
    """Scores of both arms in single turns."""
    at = traffic.singles(rng, n)
    primary = rng.normal(7.0, 1.0, n)
    return at.pairs(primary, primary + rng.normal(difference, SD, n), rng)


def replicate(rng: Rng, difference: float, planned: int) -> Outcome:
    """Pairs at the first pass; nan: never. `naive` is the one-sided normal bound of independent pairs, at all looks."""
    ledger = MeanLedger(scores(rng, PAIRS, difference))
    guardrail = asked(MARGIN, planned)
    passed = first_look(ledger, lambda estimate: passes(SCORE, estimate, guardrail))
    naive = first_look(
        ledger, lambda e: e.independent_error is not None and e.difference - _Z * e.independent_error > -MARGIN
    )
    return {"passed": math.nan if passed is None else passed, "naive": math.nan if naive is None else naive}


def several(rng: Rng, at_margin: int) -> Outcome:
    """Four guardrails, the first ones at their margin, the others without a difference: all must pass at once."""
    ledgers = [MeanLedger(scores(rng, PAIRS, -MARGIN if i < at_margin else 0.0)) for i in range(4)]
    guardrail = asked(MARGIN)
    blocks = min(ledger.blocks for ledger in ledgers)

    def all_pass(k: int) -> bool:
        return all(passes(SCORE, ledger.at(k), guardrail) for ledger in ledgers)

    return {"passed": float(any(all_pass(k) for k in range(DECIDING_BLOCKS, blocks + 1)))}


def failing(rng: Rng, only_candidate: float, only_primary: float, margin: float) -> Outcome:
    """A guardrail on failures."""
    ledger: Ledger = RateLedger(traffic.failures(only_candidate=only_candidate, only_primary=only_primary)(rng, PAIRS))
    of, guardrail = (
        metric("error_rate", "rate"),
        replace(asked(margin), rule=MetricRule(metric="error_rate", margin=margin)),
    )
    passed = first_look(ledger, lambda estimate: passes(of, estimate, guardrail))
    return {"passed": math.nan if passed is None else passed}


def slower(rng: Rng, name: str, n: int) -> Outcome:
    """A guardrail on the mean time of loaded and clustered traffic, exactly at its margin of 5 %."""
    ledger = MeanLedger(traffic.LATENCIES[name][1](rng, n).scaled(1.05))
    of = metric("total_ms", "mean")
    # Absolute: a share of an estimated level is a ratio, and is at the margin only in the limit.
    margin = 0.05 * traffic.TYPICAL_MS * math.exp(traffic.Shape().sd_log ** 2 / 2)
    guardrail = replace(asked(margin), rule=MetricRule(metric="total_ms", margin=Margin(value=margin)))
    passed = first_look(ledger, lambda estimate: passes(of, estimate, guardrail))
    return {"passed": math.nan if passed is None else passed}


def overhead(rng: Rng, n: int) -> Outcome:
    """A candidate that is slower by a constant 5 % of the primary's true mean, with a margin of `5%`.

    The difference is known well, and the margin, a share of an estimated mean, is not.
    """
    drawn = traffic.LATENCIES["iid"][1](rng, n)
    limit = 0.05 * traffic.TYPICAL_MS * math.exp(traffic.Shape().sd_log ** 2 / 2)
    candidate = drawn.primary + limit + rng.normal(0.0, limit / 4, n)
    ledger = MeanLedger(replace(drawn, candidate=candidate))
    rule = MetricRule(metric="total_ms", margin=Margin(value=0.05, relative=True))
    of, guardrail = metric("total_ms", "mean"), replace(asked(limit), rule=rule)
    passed = first_look(ledger, lambda estimate: passes(of, estimate, guardrail))
    return {"passed": math.nan if passed is None else passed}


_PLANS = (2000, 5000, 20_000)
_TIMES = ("iid", "load-95", "straddling")
RUNS = (
    *(Run(f"gate at margin {planned}", replicate, (-MARGIN, planned), 0.5) for planned in _PLANS),
    *(Run(f"gate equal {planned}", replicate, (0.0, planned), 0.5) for planned in _PLANS),
    *(Run(f"gate several {k}", several, (k,), 0.25) for k in (1, 4)),
    *(Run(f"gate time {name}", slower, (name, PAIRS), 0.5) for name in _TIMES),
    Run("gate overhead", overhead, (PAIRS,), 0.5),
    Run("gate failures at margin", failing, (0.015, 0.01, 0.005), 0.5),
    Run("gate failures rare", failing, (0.0052, 0.0002, 0.005), 0.5),
    Run("gate failures equal", failing, (0.001, 0.001, 0.005), 0.5),
)


def section(results: Results) -> Section:
    """Tables and bars."""
    rows, bars = [], []
    for planned in _PLANS:
        wrong, right = (results[f"gate {case} {planned}"] for case in ("at margin", "equal"))
        said, naive = (Share.where(~np.isnan(wrong[key])) for key in ("passed", "naive"))
        in_time = Share.where(right["passed"] <= 3 * FIXED_PAIRS)
        stop = median(right["passed"])
        rows.append([f"{planned:,}", str(said), str(naive), str(in_time), count(stop), f"{stop / FIXED_PAIRS:.2f}"])
        bars.append(Bar(f"at the margin, n* {planned:,}: at most 5 % pass", f"{said} %", said.value <= 0.05))
        if planned == PLANNED:
            bars.append(
                Bar("no difference: 95 % pass within 3 times the fixed pairs", f"{in_time} %", in_time.value >= 0.95)
            )
            bars.append(
                Bar(
                    "median stop at most 1.4 times the fixed pairs",
                    f"{stop / FIXED_PAIRS:.2f}",
                    stop <= 1.4 * FIXED_PAIRS,
                )
            )
    others = []
    for name, words, bound in (
        ("several 1", "four guardrails, one at its margin", True),
        ("several 4", "four guardrails, all at their margin", True),
        ("time iid", "mean time 5 % slower with a margin of 5 %, independent pairs", True),
        ("time load-95", "the same under load AR(1) 0.95", True),
        ("time straddling", "the same with conversations over about 5 blocks", True),
        ("overhead", "a constant 5 % of the mean slower, margin `5%` of the mean measured", True),
        ("failures at margin", "failures 1.5 % to 1 % more, margin 0.5 points", True),
        ("failures rare", "failures 0.52 % to 0.02 %, margin 0.5 points", True),
        ("failures equal", "failures equal (0.1 % in each arm alone), margin 0.5 points", False),
    ):
        passed = results[f"gate {name}"]["passed"]
        share = Share.where(passed if name.startswith("several") else ~np.isnan(passed))
        others.append([words, str(share), "" if name.startswith("several") else count(median(passed))])
        if bound:
            bars.append(Bar(f"{words}: at most 5 % pass", f"{share} %", share.value <= 0.05))
    return Section(
        "Gate: not worse by more than a margin",
        f"A guardrail on a score whose differences have a standard deviation of {SD}, margin {MARGIN}, asked after "
        f"every block from {DECIDING_BLOCKS} on, up to {PAIRS:,} pairs. One look would need {FIXED_PAIRS:,.0f} pairs "
        "for a power of 80 %. `naive` passes when the one-sided normal bound of independent pairs does.",
        (
            Table(
                [
                    "n*",
                    "wrong pass, %",
                    "naive wrong pass, %",
                    "right pass in time, %",
                    "median stop, pairs",
                    "of fixed",
                ],
                rows,
            ),
            Table(["guardrails", "pass, %", "median stop, pairs"], others),
        ),
        bars,
    )
