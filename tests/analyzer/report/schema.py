"""Design section 9 (schema_version 1) as a JSON schema, written by hand: names are fixed, lists may grow.

Required are the fields that users were promised; more may stand beside them.
"""

from typing import Any

NUMBER: dict[str, Any] = {"type": ["number", "null"]}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
TEXT: dict[str, Any] = {"type": "string"}
TEXTS: dict[str, Any] = {"type": "array", "items": TEXT}
MOMENT: dict[str, Any] = {"type": ["string", "null"], "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
P_VALUE: dict[str, Any] = {"type": ["number", "null"], "minimum": 0, "maximum": 1}


def entries(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def maybe(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def listed(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": schema}


FINDING = {"enum": ["passed", "failed", "open"]}
METRIC = entries(
    metric=TEXT,
    estimand={"enum": ["mean", "log_ratio", "p50", "p95", "p99", "rate", "ratio", "win_rate", "corrected"]},
    unit=TEXT,
    better={"enum": ["lower", "higher", None]},
    n=COUNT,
    blocks=COUNT,
    design_effect=NUMBER,
    primary=NUMBER,
    candidate=NUMBER,
    difference=NUMBER,
    relative=NUMBER,
    interval=maybe(entries(kind={"enum": ["anytime", "fixed"]}, level={"type": "number"}, low=NUMBER, high=NUMBER)),
    bound=maybe(entries(side={"enum": ["upper", "lower"]}, level={"type": "number"}, value=NUMBER)),
    margin=NUMBER,
    p_value=P_VALUE,
    p_adjusted=P_VALUE,
    verdict={"enum": ["better", "worse", "not_worse", "equivalent", "undecided"]},
    pairs_needed={"type": ["integer", "null"]},
    usd_needed=NUMBER,
    eta_seconds=NUMBER,
    method={"type": ["string", "null"]},
    role={"enum": ["primary", "guardrail", "other"]},
    require={"enum": ["not_worse", "better", "equivalent", None]},
    worst=maybe(entries(low=NUMBER, high=NUMBER)),
    reason={"type": ["string", "null"]},
)
CANDIDATE = entries(
    name=TEXT,
    experiment={"type": ["string", "null"]},
    pairs=COUNT,
    states={"type": "object", "additionalProperties": COUNT},
    integrity=entries(
        sample_ratio=entries(expected=NUMBER, observed=NUMBER, p_value=P_VALUE),
        control=maybe(
            entries(
                pairs=COUNT, checks=listed(entries(metric=TEXT, limit=NUMBER, low=NUMBER, high=NUMBER, finding=FINDING))
            )
        ),
        missing=entries(by_design=COUNT, candidate=COUNT, ours=COUNT, ours_share=NUMBER),
        warnings=TEXTS,
        obstacles=TEXTS,
    ),
    metrics=listed(METRIC),
    checks=listed(entries(metric=TEXT, role=TEXT, finding=FINDING, p_value=P_VALUE, sentence=TEXT)),
    score=maybe(entries(value=NUMBER, low=NUMBER, high=NUMBER, parts={"type": "array"})),
    score_reason={"type": ["string", "null"]},
    interference={"type": ["object", "null"]},
    fairness={"type": ["object", "null"]},
    drift={"type": ["object", "null"]},
    quality={"type": ["object", "null"]},
    decision={"enum": ["promote", "reject", "wait"]},
    reasons=TEXTS,
)
REPORT = entries(
    schema_version={"const": 1},
    id={"type": "string", "pattern": "^[0-9a-f]{32}$"},
    generated_at=MOMENT,
    window=entries(since=MOMENT, until=MOMENT, watermark=MOMENT),
    versions=entries(shadowbench=TEXT, store=TEXT),
    kind={"enum": ["anytime", "fixed"]},
    candidates=listed(CANDIDATE),
    control=maybe(CANDIDATE),
    between=listed(entries(first=TEXT, second=TEXT, metrics=listed(METRIC))),
    segments=listed({"allOf": [METRIC, entries(name=TEXT, label=TEXT, value=TEXT, exploratory={"const": True})]}),
    notes=TEXTS,
)
