"""What is measured of a pair: each measure declared once, with what it takes from a pair and which pairs count.

`metrics` says what is estimated of each (mean, quantiles, rates), and what of it decides.

A value is written twice, side by side: as SQL over the columns of `pairs` (`store.tables.PAIRS`) and as Python over a
row of the same columns (a pairs file has no SQL). A test feeds both the same rows.

A failure is an outcome, not missing data: it counts in the rates, and a copy that was never sent because of the
candidate (`unavailable`) counts like one that failed. Only a client that went away says nothing about either arm.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from analyzer.text_metrics.built_in import BUILT_IN
from analyzer.text_metrics.declared import TextMetric
from record.finish import CUT_SHORT

Row = Mapping[str, object]
"""Columns of one pair by name; a missing column is unknown, as None is."""
Arm = Literal["primary", "candidate"]
Better = Literal["lower", "higher"]
Kind = Literal["mean", "rate", "ratio"]
"""Of values, of yes and no, of sums over sums."""
Origin = Literal["rollups", "judgements", "scores", "pairs"]
"""Where its sums are read: kept as pairs arrive, from judgements, from metrics of texts (`text_scores`), or from the
pairs themselves (plug-ins)."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Which pairs count."""

    sql: str
    holds: Callable[[Row], bool]

    def __and__(self, other: "Condition") -> "Condition":
        return Condition(f"({self.sql}) AND ({other.sql})", lambda row: self.holds(row) and other.holds(row))


@dataclass(frozen=True, slots=True)
class Value:
    """A number that one arm of a pair has; NULL and None are unknown."""

    template: str
    """SQL with `{arm}` in place of the arm."""
    of: Callable[[Row, Arm], float | None]

    def sql(self, arm: Arm) -> str:
        """The expression for one arm."""
        return self.template.format(arm=arm)


@dataclass(frozen=True, slots=True)
class Shown:
    """How people read the numbers: a request costs $0.0004, which nobody can see; a thousand cost $0.40."""

    title: str
    """Without the unit."""
    unit: str
    times: float = 1.0
    """Shown numbers are this many times as large as the metric's."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric."""

    metric: str
    shown: Shown
    unit: str
    better: Better | None
    """None: neither direction is better by itself."""
    kind: Kind
    value: Value
    counts: Condition
    per: Value | None = None
    """Denominator of a ratio of sums."""
    joint: bool = False
    """One value for both arms together (an agreement): it has a level, and no difference."""
    origin: Origin = "rollups"
    bounds: tuple[float, float] | None = None
    """Smallest and largest value that one arm can have, where neither its kind nor its name says it."""

    def taken(self, row: Row) -> tuple[float, ...] | None:
        """What the metric takes from a pair, None when the pair does not count.

        (candidate, primary); of a ratio (x_c, y_c, x_p, y_p); of an agreement (value, 0).
        """
        if not self.counts.holds(row):
            return None
        arms: tuple[Arm, ...] = ("candidate",) if self.joint else ("candidate", "primary")
        parts = (self.value,) if self.per is None else (self.value, self.per)
        numbers = [part.of(row, arm) for arm in arms for part in parts]
        if any(number is None or not math.isfinite(number) for number in numbers):
            return None
        return tuple(number for number in numbers if number is not None) + ((0.0,) if self.joint else ())

    def taken_sql(self) -> tuple[str, ...]:
        """The same as expressions, in the same order; the pair counts where `counts.sql` holds and all are finite."""
        if self.joint:
            return (self.value.sql("candidate"), "0.")
        arms: tuple[Arm, ...] = ("candidate", "primary")
        parts = (self.value,) if self.per is None else (self.value, self.per)
        return tuple(part.sql(arm) for arm in arms for part in parts)


def _number(value: object) -> float | None:
    """Numbers, booleans and decimals as they come from files and clients."""
    return None if value is None else float(value)  # type: ignore[arg-type]


def _column(name: str) -> Value:
    return Value(f"toFloat64({{arm}}_{name})", lambda row, arm: _number(row.get(f"{arm}_{name}")))


def _outcome_in(*outcomes: str) -> Value:
    names = ", ".join(f"'{outcome}'" for outcome in outcomes)
    return Value(
        f"toFloat64({{arm}}_outcome IN ({names}))", lambda row, arm: float(row.get(f"{arm}_outcome") in outcomes)
    )


def _outcomes_in(*outcomes: str) -> Condition:
    names = ", ".join(f"'{outcome}'" for outcome in outcomes)
    return Condition(
        f"primary_outcome IN ({names}) AND candidate_outcome IN ({names})",
        lambda row: row.get("primary_outcome") in outcomes and row.get("candidate_outcome") in outcomes,
    )


_BOTH_OK = _outcomes_in("ok")
# A request for several answers is copied for one: times, tokens and costs are not alike.
_ONE_ANSWER = Condition("NOT has(changed, 'n')", lambda row: "n" not in _changed(row))
_CLIENT_STAYED = Condition(
    "primary_outcome NOT IN ('client_abort', '') AND candidate_outcome NOT IN ('client_abort', '')",
    lambda row: not {row.get("primary_outcome") or "", row.get("candidate_outcome") or ""} & {"client_abort", ""},
)
# A slow client held the primary, or a response cache answered for it: neither is the primary's own time.
_TIMED = (
    _BOTH_OK
    & _ONE_ANSWER
    & Condition(
        "held_ms = 0 AND NOT gateway_cache", lambda row: not row.get("held_ms") and not row.get("gateway_cache")
    )
)
# Our estimate of tokens against a provider's count would measure the estimator.
_SAME_COUNTING = Condition(
    "primary_tokens_estimated = candidate_tokens_estimated",
    lambda row: bool(row.get("primary_tokens_estimated")) == bool(row.get("candidate_tokens_estimated")),
)
_PRICED = _CLIENT_STAYED & _ONE_ANSWER & _SAME_COUNTING
_FREE = ("http_error", "connect_error", "unavailable")
"""Nobody is charged for an error or for what was never answered."""


def _changed(row: Row) -> Sequence[str]:
    changed = row.get("changed")
    return changed if isinstance(changed, list | tuple) else ()


def _charged(row: Row, arm: Arm) -> float | None:
    """The cost; 0 of a failure that nobody charges for."""
    cost = _number(row.get(f"{arm}_cost_usd"))
    is_free = row.get(f"{arm}_outcome") in _FREE and row.get(f"{arm}_output_tokens") is None
    return 0.0 if cost is None and is_free else cost


def _output_tokens(row: Row, arm: Arm) -> float | None:
    """As reported; where an arm does not report, both by our estimator: it is never held against a provider's count."""
    estimated = row.get("primary_tokens_estimated") or row.get("candidate_tokens_estimated")
    return _number(row.get(f"{arm}_estimated_output_tokens" if estimated else f"{arm}_output_tokens"))


def _tokens_per_second(row: Row, arm: Arm) -> float | None:
    tokens, total_ms = _output_tokens(row, arm), _number(row.get(f"{arm}_total_ms"))
    return None if tokens is None or not total_ms else tokens / (total_ms / 1000)


def _cut(row: Row, arm: Arm) -> float | None:
    reason = str(row.get(f"{arm}_finish_reason") or "").lower()
    return float(row.get(f"{arm}_outcome") in {"truncated", "too_large"} or reason in CUT_SHORT)


def _valid_json(row: Row, arm: Arm) -> float | None:
    """An answer that failed is not valid JSON."""
    return _number(row.get(f"{arm}_valid_json")) if row.get(f"{arm}_outcome") == "ok" else 0.0


def _kilotokens(row: Row, arm: Arm) -> float | None:
    tokens = _number(row.get(f"{arm}_input_tokens")), _number(row.get(f"{arm}_output_tokens"))
    return None if tokens[0] is None or tokens[1] is None else (tokens[0] + tokens[1]) / 1000


_COUNTED_SQL = (
    "if(primary_tokens_estimated OR candidate_tokens_estimated, {arm}_estimated_output_tokens, {arm}_output_tokens)"
)
_COST = _column("cost_usd")
_SUCCESS = _outcome_in("ok")
_CUT_REASONS_SQL = ", ".join(f"'{reason}'" for reason in CUT_SHORT)


def _judged(name: str) -> Value:
    """What a judge said; such rows come from files of pairs. A store's judgements have a table of their own."""
    return Value(name, lambda row, arm: _number(row.get(name.format(arm=arm))))


_JUDGED = Condition("isNotNull(preference)", lambda row: row.get("preference") is not None)
_SCORED = Condition(
    "isNotNull(score_primary) AND isNotNull(score_candidate)",
    lambda row: row.get("score_primary") is not None and row.get("score_candidate") is not None,
)


def of_texts(metric: TextMetric) -> Measure:
    """A metric of texts. Its scores have a table of their own; rows in memory may hold them under the metric's name,
    of each arm alone with `_primary` and `_candidate` behind it."""
    name = metric.name
    return Measure(
        name,
        Shown(metric.title, "%", 100) if metric.unit == "share" else Shown(metric.title, metric.unit),
        metric.unit,
        metric.better,
        metric.kind,
        Value("score_{arm}", lambda row, arm: _number(row.get(name if metric.joint else f"{name}_{arm}"))),
        Condition("true", lambda row: True),
        joint=metric.joint,
        origin="scores",
        bounds=metric.bounds,
    )


MEASURES: tuple[Measure, ...] = (
    Measure("total_ms", Shown("time to last byte", "ms"), "ms", "lower", "mean", _column("total_ms"), _TIMED),
    Measure("ttft_ms", Shown("time to first token", "ms"), "ms", "lower", "mean", _column("ttft_ms"), _TIMED),
    Measure("itl_ms", Shown("time between tokens", "ms"), "ms", "lower", "mean", _column("itl_ms"), _TIMED),
    Measure(
        "tokens_per_second",
        Shown("output speed", "tokens/s"),
        "tokens/s",
        "higher",
        "mean",
        Value(f"toFloat64({_COUNTED_SQL}) / nullIf({{arm}}_total_ms / 1000, 0)", _tokens_per_second),
        _TIMED,
    ),
    Measure(
        "output_tokens",
        Shown("output length", "tokens"),
        "tokens",
        None,
        "mean",
        Value(f"toFloat64({_COUNTED_SQL})", _output_tokens),
        _BOTH_OK & _ONE_ANSWER,
    ),
    Measure("cost_usd", Shown("cost of 1,000 requests", "$", 1000), "USD", "lower", "mean", _COST, _PRICED),
    Measure(
        "cost_per_1k_tokens",
        Shown("cost of 1M tokens", "$", 1000),
        "USD",
        "lower",
        "ratio",
        _COST,
        _PRICED,
        per=Value("(toFloat64({arm}_input_tokens) + toFloat64({arm}_output_tokens)) / 1000", _kilotokens),
    ),
    Measure(
        "cost_per_success",
        Shown("cost of 1,000 successes", "$", 1000),
        "USD",
        "lower",
        "ratio",
        Value(
            "if(isNull({arm}_cost_usd) AND {arm}_outcome IN ('http_error', 'connect_error', 'unavailable')"
            " AND isNull({arm}_output_tokens), 0., toFloat64({arm}_cost_usd))",
            _charged,
        ),
        _PRICED,
        per=_SUCCESS,
    ),
    Measure(
        "error_rate",
        Shown("failed requests", "%", 100),
        "share",
        "lower",
        "rate",
        Value("toFloat64({arm}_outcome != 'ok')", lambda row, arm: float(row.get(f"{arm}_outcome") != "ok")),
        _CLIENT_STAYED,
    ),
    Measure(
        "timeout_rate", Shown("timeouts", "%", 100), "share", "lower", "rate", _outcome_in("timeout"), _CLIENT_STAYED
    ),
    Measure("refusal_rate", Shown("refusals", "%", 100), "share", "lower", "rate", _column("refusal"), _BOTH_OK),
    Measure(
        "truncation_rate",
        Shown("answers cut short", "%", 100),
        "share",
        "lower",
        "rate",
        Value(
            "toFloat64({arm}_outcome IN ('truncated', 'too_large')"
            f" OR lower(ifNull({{arm}}_finish_reason, '')) IN ({_CUT_REASONS_SQL}))",
            _cut,
        ),
        _outcomes_in("ok", "truncated", "too_large"),
    ),
    Measure(
        "valid_json_rate",
        Shown("valid JSON if asked for", "%", 100),
        "share",
        "higher",
        "rate",
        Value("if({arm}_outcome = 'ok', toFloat64({arm}_valid_json), 0.)", _valid_json),
        _CLIENT_STAYED
        & Condition(
            "isNotNull(primary_valid_json) OR isNotNull(candidate_valid_json)",
            lambda row: row.get("primary_valid_json") is not None or row.get("candidate_valid_json") is not None,
        ),
    ),
    Measure(
        "exact_match",
        Shown("same text in both arms", "%", 100),
        "share",
        "higher",
        "rate",
        Value("toFloat64(exact_match)", lambda row, arm: _number(row.get("exact_match"))),
        _BOTH_OK,
        joint=True,
    ),
    Measure(
        "tool_call_agreement",
        Shown("same tool calls in both arms", "%", 100),
        "share",
        "higher",
        "mean",
        Value("toFloat64(tool_call_agreement)", lambda row, arm: _number(row.get("tool_call_agreement"))),
        _BOTH_OK,
        joint=True,
    ),
    *map(of_texts, BUILT_IN),
    Measure(
        "judge_preference",
        Shown("judges prefer the candidate", "-1 to 1"),
        "preference",
        "higher",
        "mean",
        _judged("preference"),
        _JUDGED,
        origin="judgements",
    ),
    Measure(
        "win_rate",
        Shown("wins against the primary", "%", 100),
        "share",
        "higher",
        "rate",
        _judged("preference"),
        _JUDGED,
        origin="judgements",
    ),
    Measure(
        "judge_score",
        Shown("judges' score", "points"),
        "points",
        "higher",
        "mean",
        _judged("score_{arm}"),
        _SCORED,
        origin="judgements",
    ),
)

BY_NAME: Mapping[str, Measure] = {m.metric: m for m in MEASURES}
