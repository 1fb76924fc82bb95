"""From rows and a policy to promote, reject or wait.

Promoted is who passes every primary metric and every guardrail (intersection-union, Berger 1982: the p-value of "a
rule does not hold" is the largest of all, and no correction is due for their number), with Holm's (1979) correction of
that p-value over the candidates, so that the chance of promoting any that must not be is at most 1 - level. Rejected is
who surely breaks a rule. Neither happens while an obstacle of integrity stands or the policy's minimum is not met; all
else waits, and says for what.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import timedelta

from analyzer.metric_words import demand, label_of
from analyzer.results import CandidateStudy, Check, Comparison, Decision, Kind
from analyzer.rule_words import found, still_needed
from analyzer.ruling import LEAST_BLOCKS, Finding, Ruling, rule_on
from analyzer.stats.multiple import all_hold, holm
from config.policy import Policy
from record.pair import CONTROL

NO_POLICY = "no policy declared: nothing says which metrics decide and how much worse is acceptable"
NO_PAIRS = "no pairs in the window"
_IS_CONTROL = "the control leg is no candidate: it shows how far the primary differs from itself"
EDGES = 0.03
"""Part of the asked days that a window of just that length may lose: before its first pair, and to the watermark."""


def decide(
    candidates: Sequence[CandidateStudy], policy: Policy | None, *, level: float, kind: Kind
) -> list[CandidateStudy]:
    """The same candidates with checks, decision and reasons.

    Args:
        candidates: of one report, in any order; the control leg among them is not decided about.
        policy: what decides; None: nothing does.
        level: of the rows' bounds; rules pass at 1 - level.
        kind: of the rows; it is told where it limits what a decision is good for.
    """
    if policy is None:
        return [_undecided(c, (NO_POLICY,)) for c in candidates]
    judged = [c for c in candidates if c.name != CONTROL and c.pairs > 0]
    rulings = {c.name: _rulings(c, policy, level, len(judged)) for c in judged}
    checks = _checks(rulings, 1 - level)
    return [
        _undecided(c, (_IS_CONTROL,) if c.name == CONTROL else ())
        if c.name not in checks
        else _decided(c, policy, checks[c.name], rulings[c.name], kind)
        for c in candidates
    ]


def _undecided(candidate: CandidateStudy, reasons: tuple[str, ...]) -> CandidateStudy:
    nothing = () if candidate.pairs else (NO_PAIRS,)
    return dataclasses.replace(candidate, checks=(), decision="wait", reasons=(*nothing, *reasons))


def _rulings(candidate: CandidateStudy, policy: Policy, level: float, candidates: int) -> list[Ruling]:
    return [
        rule_on(
            rule,
            "primary" if place[0] == "primary_metrics" else "guardrail",
            candidate.comparisons,
            level=level,
            candidates=candidates,
        )
        for place, rule in policy.rules()
    ]


def _checks(rulings: dict[str, list[Ruling]], alpha: float) -> dict[str, tuple[Check, ...]]:
    """Each rule's p-value as Holm's correction of the whole gate leaves it: the largest of them is the gate's own."""
    gates = {name: all_hold([1.0 if r.p_value is None else r.p_value for r in own]) for name, own in rulings.items()}
    checks = {}
    for at, (name, own) in enumerate(rulings.items()):
        others = list(gates.values())
        adjusted = [None if r.p_value is None else holm([*others[:at], r.p_value, *others[at + 1 :]])[at] for r in own]
        checks[name] = tuple(_check(r, p, alpha, len(rulings)) for r, p in zip(own, adjusted, strict=True))
    return checks


def _check(ruling: Ruling, p_value: float | None, alpha: float, candidates: int) -> Check:
    finding: Finding = "open"
    if ruling.is_failed:
        finding = "failed"
    elif p_value is not None and p_value <= alpha:
        finding = "passed"
    return Check(ruling.rule, ruling.role, finding, p_value, _sentence(ruling, finding, p_value, alpha, candidates))


def _sentence(ruling: Ruling, finding: Finding, p_value: float | None, alpha: float, candidates: int) -> str:
    row = ruling.row
    if row is None:
        return f"{ruling.rule.label}: {ruling.obstacle}"
    if ruling.obstacle is not None or p_value is None:
        asked = demand(ruling.rule, row.metric)
        more = still_needed(row.needed)
        return f"{asked}: not known, {ruling.obstacle}{'' if more == f'; {ruling.obstacle}' else more}"
    said = f"{label_of(row.metric)}: {found(row, is_failed=finding == 'failed')}"
    if finding != "open":
        return said
    if ruling.is_turned_by_missing:
        return f"{said}; it would pass, but {row.reason or 'what is missing or estimated could turn it'}"
    if row.p_margin is not None and row.p_margin <= alpha:
        return f"{said}; it would pass alone, but not among {candidates} candidates (p = {p_value:.2g} after Holm)"
    return f"{said}; not known well enough{still_needed(row.needed)}"


def _decided(
    candidate: CandidateStudy, policy: Policy, checks: tuple[Check, ...], rulings: Sequence[Ruling], kind: Kind
) -> CandidateStudy:
    hindrances = (*candidate.integrity.obstacles, *_too_little(candidate, policy, rulings))
    failed = tuple(check.sentence for check in checks if check.finding == "failed")
    still_open = tuple(check.sentence for check in checks if check.finding == "open")
    decision: Decision = "wait"
    reasons: tuple[str, ...]
    if hindrances:
        reasons = (*hindrances, *failed, *still_open)
    elif failed:
        decision, reasons = "reject", failed
    elif still_open:
        reasons = still_open
    else:
        decision, reasons = "promote", (_all_passed(checks, kind),)
    return dataclasses.replace(candidate, checks=checks, decision=decision, reasons=reasons)


def _all_passed(checks: Sequence[Check], kind: Kind) -> str:
    few = {1: "the one declared metric passes", 2: "both declared metrics pass"}
    number = few.get(len(checks), f"all {len(checks)} declared metrics pass")
    return number if kind == "anytime" else f"{number}; valid for one look at a time chosen beforehand"


def _too_little(candidate: CandidateStudy, policy: Policy, rulings: Sequence[Ruling]) -> Iterator[str]:
    """What of the policy's minimum is not there yet; of blocks and clusters, where there are fewest."""
    least = policy.minimum
    if candidate.pairs < least.pairs:
        yield f"{candidate.pairs:,} of the {least.pairs:,} pairs that a decision needs"
    # Without a difference (a quantile among failures) nothing was counted in groups, and its rule is open anyway.
    rows = [r.row for r in rulings if r.row is not None and r.row.n > 0 and r.row.difference is not None]
    fewest: Comparison | None = min(rows, key=lambda row: row.blocks, default=None)
    if fewest is not None and fewest.blocks < (blocks := max(least.blocks, LEAST_BLOCKS)):
        yield f"{fewest.blocks} of the {blocks} time blocks with {fewest.metric.name} that a decision needs"
    fewest = min(rows, key=lambda row: row.clusters, default=None)
    if fewest is not None and fewest.clusters < least.clusters:
        said = f"{fewest.clusters} of the {least.clusters} groups of conversations with {fewest.metric.name}"
        yield f"{said} that a decision needs"
    yield from _too_short(candidate, least.days)


def _too_short(candidate: CandidateStudy, days: float) -> Iterator[str]:
    if candidate.first is None or candidate.last is None:
        return
    there = (candidate.last - candidate.first) / timedelta(days=1)
    if there < days * (1 - EDGES):
        yield f"pairs of {there:.1f} of the {days:g} days that a decision needs"
