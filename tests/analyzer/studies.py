"""Candidates and rows as a decision gets them, made of the numbers that a test is about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from analyzer.integrity.results import Integrity, Missing, SampleRatio
from analyzer.metrics import METRICS, Metric, named
from analyzer.results import Bound, CandidateStudy, Comparison
from analyzer.stats.interval import Interval
from config.policy import Policy

START = datetime(2026, 11, 1, tzinfo=UTC)
LEVEL = 0.95


def metric(name: str, estimand: str | None = None) -> Metric:
    found = named(METRICS, name, estimand)  # type: ignore[arg-type]
    assert found is not None
    return found


def policy(*rules: dict[str, Any], **settings: Any) -> Policy:
    """Rules are primary metrics."""
    return Policy.model_validate({"primary_metrics": list(rules), **settings})


def row(
    name: str = "total_ms",
    *,
    worse: tuple[float, float, float] = (-10.0, 0.0, 10.0),
    p_margin: float | None = 0.5,
    margin: float | None = 100.0,
    **fields: Any,
) -> Comparison:
    """How much worse the candidate is: (surely, present, at most); turned where higher is better.

    The two-sided interval is a tenth wider than the bounds.
    """
    asked = fields.pop("metric", None) or metric(name, fields.pop("estimand", None))
    sign = -1.0 if asked.better == "higher" else 1.0
    surely, present, at_most = (sign * value for value in worse)
    low, high = sorted((surely, at_most))
    wider = 0.1 * (high - low)
    values: dict[str, Any] = {
        "kind": "anytime",
        "level": LEVEL,
        "n": 1000,
        "blocks": 40,
        "clusters": 200,
        "require": "not_worse",
        "primary": 1000.0,
        "candidate": 1000.0 + present,
        "difference": present,
        "interval": Interval(low - wider, high + wider),
        "bound": Bound("lower" if sign < 0 else "upper", at_most),
        "surely": surely,
        "margin": margin,
        "p_margin": p_margin,
    }
    return Comparison(asked, **(values | fields))


def integrity(*obstacles: str) -> Integrity:
    return Integrity(
        sample_ratio=SampleRatio(),
        missing=Missing(),
        control=None,
        control_pairs=0,
        skip_bias=(),
        population=None,
        skew=None,
        warnings=(),
        obstacles=obstacles,
    )


def candidate(name: str, *rows: Comparison, **fields: Any) -> CandidateStudy:
    """A thousand pairs of ten days."""
    values: dict[str, Any] = {
        "experiment": f"e-{name}",
        "pairs": 1000,
        "first": START,
        "last": START + timedelta(days=10),
        "states": {},
        "integrity": integrity(),
        "comparisons": rows,
    }
    return CandidateStudy(name, **(values | fields))
