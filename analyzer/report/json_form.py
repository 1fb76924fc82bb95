"""A study as JSON, schema version 1. What is unknown is null."""

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import datetime

from analyzer.comparison import Comparison
from analyzer.integrity import Control
from analyzer.study import CandidateStudy, Study

SCHEMA_VERSION = 1
Json = dict[str, object]


def as_json(study: Study, *, version: str) -> Json:
    """The report.

    Args:
        study: what it says.
        version: of shadowbench.
    """
    body: Json = {
        "window": {
            "since": timestamp(study.window.since),
            "until": timestamp(study.window.until),
            "watermark": timestamp(study.watermark),
        },
        "versions": {"shadowbench": version, "store": study.store_version},
        "candidates": [_candidate(c) for c in study.candidates],
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "id": _digest(body),
        "generated_at": timestamp(study.generated_at),
        **body,
    }


def timestamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def _digest(body: Json) -> str:
    """Equal reports have equal ids, whenever they are made."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _candidate(candidate: CandidateStudy) -> Json:
    facts = candidate.integrity
    return {
        "name": candidate.name,
        "experiment": candidate.experiment,
        "pairs": candidate.pairs,
        "first": timestamp(candidate.first),
        "last": timestamp(candidate.last),
        "states": dict(candidate.states),
        "integrity": {
            "sample_ratio": {
                "expected": _number(facts.sample_ratio.expected),
                "observed": _number(facts.sample_ratio.observed),
                "p_value": _number(facts.sample_ratio.p_value),
            },
            "control": _control(facts.control),
            "missing": {
                "by_design": facts.missing.by_design,
                "candidate": facts.missing.candidate,
                "ours": facts.missing.ours,
                "ours_share": _number(facts.missing.ours_share),
            },
            "warnings": list(facts.warnings),
        },
        "metrics": [metric(row) for row in candidate.comparisons],
        "score": None,
        "decision": candidate.decision,
        "reasons": list(candidate.reasons),
    }


def _control(control: Control | None) -> Json | None:
    if control is None:
        return None
    return {
        "experiment": control.experiment,
        "pairs": control.pairs,
        "differs": list(control.differs),
        "differs_alone": list(control.differs_alone),
        "metrics": [metric(row) for row in control.comparisons],
    }


def metric(row: Comparison) -> Json:
    """One metric of one candidate."""
    return {
        "metric": row.measure.metric,
        "estimand": row.measure.estimand,
        "unit": row.measure.unit,
        "better": row.measure.better,
        "n": row.n,
        "blocks": row.blocks,
        "design_effect": _number(row.design_effect),
        "primary": _number(row.primary),
        "candidate": _number(row.candidate),
        "difference": _number(row.difference),
        "relative": _number(row.relative),
        "interval": _interval(row),
        "bound": _bound(row),
        "margin": _number(row.margin),
        "p_value": _number(row.p_value),
        "p_adjusted": _number(row.p_adjusted),
        "verdict": row.verdict.value,
        "reason": row.reason,
        "pairs_needed": None,
        "usd_needed": None,
        "eta_seconds": None,
        "method": row.method or None,
    }


def _interval(row: Comparison) -> Mapping[str, object] | None:
    if row.interval is None:
        return None
    return {
        "kind": "fixed",
        "level": row.level,
        "low": _number(row.interval.low),
        "high": _number(row.interval.high),
    }


def _bound(row: Comparison) -> Mapping[str, object] | None:
    if row.bound is None:
        return None
    return {"side": row.bound.side, "level": row.level, "value": _number(row.bound.value)}


def _number(value: float | None) -> float | None:
    """JSON has no NaN and no infinity; what is neither is unknown."""
    return value if value is not None and math.isfinite(value) else None
