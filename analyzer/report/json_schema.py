"""The report's JSON form as a JSON schema (schema version 1): its names are fixed, lists may grow.

What is unknown is null. Differences are candidate minus primary.
"""

from collections.abc import Mapping
from typing import Any, get_args

from analyzer.metrics import Estimand
from analyzer.results import Decision, Kind, Require, Role
from analyzer.verdict import Verdict

Schema = dict[str, Any]
REF = "#/components/schemas/"
"""Where schemas of `schemas` refer to each other: as an OpenAPI document holds them."""


def _text(meaning: str = "", **more: Any) -> Schema:
    return {"type": "string", **_said(meaning), **more}


def _number(meaning: str = "", **more: Any) -> Schema:
    """Every number may be unknown."""
    return {"type": ["number", "null"], **_said(meaning), **more}


def _count(meaning: str = "") -> Schema:
    return {"type": "integer", "minimum": 0, **_said(meaning)}


def _texts(meaning: str = "") -> Schema:
    return {"type": "array", "items": {"type": "string"}, **_said(meaning)}


def _listed(items: Schema, meaning: str = "") -> Schema:
    return {"type": "array", "items": items, **_said(meaning)}


def _maybe(schema: Schema, meaning: str = "") -> Schema:
    return {"anyOf": [schema, {"type": "null"}], **_said(meaning)}


def _enum(names: Any, meaning: str = "") -> Schema:
    return {"enum": list(names), **_said(meaning)}


def _ref(name: str) -> Schema:
    return {"$ref": REF + name}


def _object(meaning: str, **properties: Schema) -> Schema:
    return {"type": "object", **_said(meaning), "properties": properties, "required": list(properties)}


def _free(meaning: str) -> Schema:
    """An object of parts that are not promised one by one."""
    return {"type": ["object", "null"], "description": meaning}


def _said(meaning: str) -> Schema:
    return {"description": meaning} if meaning else {}


_P = {"minimum": 0, "maximum": 1}
_MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}
_FINDING = ("passed", "failed", "open")
_ENDS = {"low": _number("Null: without an end."), "high": _number("Null: without an end.")}

_METRIC: Mapping[str, Schema] = {
    "metric": _text(),
    "estimand": _enum(get_args(Estimand)),
    "unit": _text(),
    "better": _enum(("lower", "higher", None), "Which direction is better; null: neither by itself."),
    "n": _count("Pairs that count."),
    "blocks": _count("Time blocks with such pairs."),
    "clusters": _count("Conversation buckets with such pairs."),
    "design_effect": _number("How much dependence widens the squared error."),
    "primary": _number(),
    "candidate": _number(),
    "difference": _number(),
    "relative": _number("Difference as a share of the primary's value."),
    "interval": _maybe(_object("Two-sided.", kind=_enum(get_args(Kind)), level={"type": "number"}, **_ENDS)),
    "worst": _maybe(_object("", **_ENDS), "If all that is missing were as bad, or as good, as it can be."),
    "bound": _maybe(
        _object("", side=_enum(("upper", "lower")), level={"type": "number"}, value=_number()),
        "The one-sided bound that decides: how much worse it is at most.",
    ),
    "surely": _number("How much worse it is at least."),
    "margin": _number("How much worse is allowed, in the metric's unit."),
    "role": _enum(get_args(Role)),
    "require": _enum((*get_args(Require), None), "What the policy demands; null: nothing."),
    "p_value": _number("Of no difference.", **_P),
    "p_margin": _number("Of worse than the margin.", **_P),
    "p_adjusted": _number("`p_value` after Holm over the candidates.", **_P),
    "verdict": _enum(verdict.value for verdict in Verdict),
    "reason": {"type": ["string", "null"], "description": "Why undecided."},
    "doubt": {
        "type": ["string", "null"],
        "description": "Why nothing may be decided by it although there is an interval.",
    },
    "pairs_needed": {"type": ["integer", "null"], "description": "More than there are."},
    "usd_needed": _number(),
    "eta_seconds": _number(),
    "needed_reason": {"type": ["string", "null"], "description": "Why it cannot be said what is needed."},
    "method": {"type": ["string", "null"]},
}
_INTEGRITY = _object(
    "Was the sample what it should be?",
    sample_ratio=_object(
        "Requests with a pair, of those that could have one.",
        expected=_number(),
        observed=_number(),
        p_value=_number("", **_P),
        kind={"type": ["string", "null"]},
        finding=_enum((*_FINDING, None)),
    ),
    control=_maybe(
        _object(
            "The primary against itself.",
            pairs=_count(),
            checks=_listed(
                _object(
                    "Is it equivalent within part of the margin?",
                    metric=_text(),
                    estimand=_text(),
                    limit=_number(),
                    low=_number(),
                    high=_number(),
                    finding=_enum(_FINDING),
                )
            ),
        )
    ),
    missing=_object(
        "Requests that should have a pair and have none, by why.",
        by_design=_count(),
        candidate=_count(),
        ours=_count(),
        ours_share=_number(),
        by_state={"type": "object", "additionalProperties": {"type": "integer"}},
    ),
    skip_bias=_listed({"type": "object"}, "Whether skipped requests differ from kept ones, by reason."),
    population=_free("How much of the requests the report speaks of."),
    skew=_free("How much later candidates' copies started."),
    warnings=_texts(),
    obstacles=_texts("Why nothing may be decided."),
)
_SCORE = _object(
    "Everything weighed together: 0.5 is as good as the primary.",
    value=_number(),
    low=_number(),
    high=_number(),
    parts=_listed(_object("", part=_text(), weight=_number(), score=_number())),
)
_CANDIDATE = _object(
    "One candidate against the primary.",
    name=_text(),
    experiment={"type": ["string", "null"], "description": "Null: the window holds no pair."},
    pairs=_count(),
    first=_MOMENT,
    last=_MOMENT,
    states={"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}},
    integrity=_ref("Integrity"),
    metrics=_listed(_ref("Metric")),
    checks=_listed(
        _object(
            "One rule of the policy.",
            metric=_text(),
            estimand={"type": ["string", "null"]},
            role=_text(),
            require={"type": ["string", "null"]},
            margin={},
            finding=_enum(_FINDING),
            p_value=_number("", **_P),
            sentence=_text("In words, with the numbers that decide."),
        )
    ),
    score=_maybe(_ref("Score")),
    score_reason={"type": ["string", "null"]},
    interference=_free("What copying does to the primary itself."),
    fairness=_free("Differences by caches and connections."),
    drift=_free("Moments at which something changed."),
    quality=_free("What judges and people said (docs/judging.md); null: no judge was ever asked."),
    decision=_enum(get_args(Decision)),
    reasons=_texts("In words, at least one."),
)
_WINDOW = _object(
    "What the estimates are about.",
    since=_MOMENT,
    until=_MOMENT,
    watermark=_MOMENT | _said("All requests that started before it have ended; null: not known."),
    asked=_object("The window that was asked for.", since=_MOMENT, until=_MOMENT),
)
_REPORT = _object(
    "A report: the same object as `shadowbench report --format json`, `watch --json` and pages have.",
    schema_version={"const": 1},
    id=_text("Equal reports have equal ids, whenever they are made.", pattern="^[0-9a-f]{32}$"),
    generated_at=_MOMENT,
    window=_WINDOW,
    versions=_object("", shadowbench=_text(), store=_text()),
    kind=_enum(get_args(Kind)),
    level={"type": "number"},
    planned_pairs={"type": "integer"},
    policy=_free("What decides; null: nothing does."),
    candidates=_listed(_ref("Candidate")),
    control=_maybe(_ref("Candidate"), "The primary against itself."),
    between=_listed(
        _object("Two candidates on the same requests.", first=_text(), second=_text(), metrics=_listed(_ref("Metric")))
    ),
    segments=_listed(
        {
            "allOf": [
                _ref("Metric"),
                _object(
                    "One value of a label: found by search.",
                    name=_text("Of the candidate."),
                    label=_text(),
                    value=_text(),
                    exploratory={"const": True},
                    is_found={"type": "boolean", "description": "It stands out after the correction for the search."},
                    q_value=_number("", **_P),
                ),
            ]
        }
    ),
    notes=_texts(),
)


def schemas() -> dict[str, Schema]:
    """By name; they refer to each other under `REF`."""
    return {
        "Report": _REPORT,
        "Candidate": _CANDIDATE,
        "Metric": _object("One metric of one candidate.", **_METRIC),
        "Integrity": _INTEGRITY,
        "Score": _SCORE,
    }
