"""A study as JSON, schema version 1. What is unknown is null."""

import hashlib
import json
import math
from collections.abc import Mapping

from analyzer.report.json_integrity import integrity, surroundings
from analyzer.report.json_quality import quality
from analyzer.report.json_values import Json, interval, number, timestamp
from analyzer.results import Between, CandidateStudy, Check, Comparison, Score, Segment, Study
from analyzer.source import Window

SCHEMA_VERSION = 1


def as_json(study: Study, *, version: str) -> Json:
    """The report.

    Args:
        study: what it says.
        version: of shadowbench.
    """
    body: Json = {
        "window": {**_window(study.window), "watermark": timestamp(study.watermark), "asked": _window(study.asked)},
        "versions": {"shadowbench": version, "store": study.store_version},
        "kind": study.kind,
        "level": study.level,
        "planned_pairs": study.planned_pairs,
        "policy": None if study.policy is None else study.policy.model_dump(mode="json"),
        "candidates": [_candidate(c) for c in study.candidates],
        "control": None if study.control is None else _candidate(study.control),
        "between": [_between(b) for b in study.between],
        "segments": [_segment(s) for s in study.segments],
        "notes": list(study.notes),
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "id": report_id(body),
        "generated_at": timestamp(study.generated_at),
        **body,
    }


def report_id(report: Mapping[str, object]) -> str:
    """Equal reports have equal ids, whenever they are made."""
    body = {name: value for name, value in report.items() if name not in {"schema_version", "id", "generated_at"}}
    return digest(body)[:32]


def digest(values: object) -> str:
    """SHA-256 of plain values in canonical form: sorted keys, no spaces, UTF-8."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _window(window: Window) -> Json:
    return {"since": timestamp(window.since), "until": timestamp(window.until)}


def _candidate(candidate: CandidateStudy) -> Json:
    return {
        "name": candidate.name,
        "experiment": candidate.experiment,
        "pairs": candidate.pairs,
        "first": timestamp(candidate.first),
        "last": timestamp(candidate.last),
        "states": dict(candidate.states),
        "integrity": integrity(candidate.integrity),
        "metrics": [metric(row) for row in candidate.comparisons],
        "checks": [_check(check) for check in candidate.checks],
        "score": _score(candidate.score),
        "score_reason": candidate.score_reason,
        **surroundings(candidate),
        "quality": quality(candidate.quality),
        "decision": candidate.decision,
        "reasons": list(candidate.reasons),
    }


def metric(row: Comparison) -> Json:
    """One metric of one candidate."""
    needed = row.needed
    return {
        "metric": row.metric.name,
        "estimand": row.metric.estimand,
        "unit": row.metric.measure.unit,
        "better": row.metric.better,
        "n": row.n,
        "blocks": row.blocks,
        "clusters": row.clusters,
        "design_effect": number(row.design_effect),
        "primary": number(row.primary),
        "candidate": number(row.candidate),
        "difference": number(row.difference),
        "relative": number(row.relative),
        "interval": _interval(row),
        "worst": interval(row.worst),
        "bound": _bound(row),
        "surely": number(row.surely),
        "margin": number(row.margin),
        "role": row.role,
        "require": row.require,
        "p_value": number(row.p_value),
        "p_margin": number(row.p_margin),
        "p_adjusted": number(row.p_adjusted),
        "verdict": row.verdict.value,
        "reason": row.reason,
        "doubt": row.doubt,
        "pairs_needed": None if needed is None else needed.pairs,
        "usd_needed": None if needed is None else number(needed.usd),
        "eta_seconds": None if needed is None else number(needed.eta_seconds),
        "needed_reason": None if needed is None else needed.reason,
        "method": row.method or None,
    }


def _interval(row: Comparison) -> Json | None:
    """Which kind, and how sure; an end that is infinite is null."""
    ends = interval(row.interval)
    return None if ends is None else {"kind": row.kind, "level": row.level, **ends}


def _bound(row: Comparison) -> Json | None:
    if row.bound is None:
        return None
    return {"side": row.bound.side, "level": row.level, "value": number(row.bound.value)}


def _check(check: Check) -> Json:
    return {
        "metric": check.rule.metric,
        "estimand": check.rule.estimand,
        "role": check.role,
        "require": check.rule.require,
        "margin": None if check.rule.margin is None else check.rule.margin.model_dump(mode="json"),
        "finding": check.finding,
        "p_value": number(check.p_value),
        "sentence": check.sentence,
    }


def _score(score: Score | None) -> Json | None:
    if score is None or not math.isfinite(score.value):
        return None
    return {
        "value": number(score.value),
        "low": number(score.low),
        "high": number(score.high),
        "parts": [{"part": name, "weight": number(weight), "score": number(own)} for name, weight, own in score.parts],
    }


def _between(between: Between) -> Json:
    return {
        "first": between.first,
        "second": between.second,
        "metrics": [metric(row) for row in between.comparisons],
    }


def _segment(segment: Segment) -> Json:
    return {
        "name": segment.candidate,
        "label": segment.label,
        "value": segment.value,
        "exploratory": True,
        "is_found": segment.is_found,
        "q_value": number(segment.q_value),
        **metric(segment.comparison),
    }
