"""What decides: which metrics, how much worse is acceptable, and how much must be known first."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from config.fields import Settings
from config.scalars import Share

Estimand = Literal["mean", "log_ratio", "p50", "p95", "p99", "rate", "ratio", "win_rate", "corrected"]
Require = Literal["not_worse", "better", "equivalent"]


class Margin(Settings):
    """How much worse is still acceptable."""

    value: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(description="In the metric's unit, or a share.")
    relative: bool = Field(default=False, description="A share of the primary's value, not the metric's unit.")


def _margin(value: Any) -> Any:
    """`200` (the metric's unit) or `5%` (of the primary's value)."""
    if isinstance(value, bool):
        raise ValueError("is a number, not a truth value")
    if isinstance(value, int | float):
        return {"value": value}
    if isinstance(value, str):
        try:
            if value.strip().endswith("%"):
                return {"value": float(value.strip()[:-1]) / 100, "relative": True}
            return {"value": float(value)}
        except ValueError:
            raise ValueError("write a margin in the metric's unit, or as a share of the primary's value: 5%") from None
    return value


class MetricRule(Settings):
    """One metric that must pass."""

    metric: str = Field(min_length=1, description="Name of the metric, for example `total_ms`.")
    estimand: Estimand | None = Field(
        default=None, description="Which of its estimands, for example `p95`; unset: the metric's first."
    )
    margin: Annotated[Margin | None, BeforeValidator(_margin)] = Field(
        default=None,
        description="How much worse is acceptable: `200` in the metric's unit, or `5%` of the primary's value; unset: "
        "the metric's default.",
    )
    require: Require = Field(
        default="not_worse",
        description="What must be shown: `not_worse` than the margin; `better`, by however little (it takes no "
        "margin); or `equivalent`: neither worse nor better than the margin.",
    )

    @model_validator(mode="after")
    def _margin_fits(self) -> Self:
        if self.require == "better" and self.margin is not None:
            raise ValueError("`require: better` asks for any improvement beyond chance: leave the margin out")
        if self.require == "equivalent" and self.margin is not None and self.margin.value == 0:
            raise ValueError("nothing is equivalent within 0; write a margin above it")
        return self

    @property
    def label(self) -> str:
        """`total_ms p95`, or the metric alone."""
        return self.metric if self.estimand is None else f"{self.metric} {self.estimand}"


class Minimum(Settings):
    """What must be there before anything is promoted or rejected."""

    pairs: int = Field(default=500, ge=1, description="Pairs.")
    blocks: int = Field(
        default=20, ge=10, description="Time blocks with pairs, of each declared metric; below 20 nothing is decided."
    )
    clusters: int = Field(
        default=20, ge=10, description="Conversation buckets (of 256) with pairs, of each declared metric."
    )
    days: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        default=0.0,
        description="Days from the first to the last pair; 7 covers every day of a week. 3 % less is enough, as a "
        "window loses its edges.",
    )


class Weights(Settings):
    """Parts of the overall score; they add up to 1."""

    quality: Share = Field(default=0.40, description="Of the judges' win rate.")
    cost: Share = Field(default=0.35, description="Of the cost per request.")
    latency: Share = Field(default=0.25, description="Of the time to last byte.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = self.quality + self.cost + self.latency
        if abs(total - 1) > 1e-9:
            each = f"quality {self.quality:g}, cost {self.cost:g}, latency {self.latency:g}"
            raise ValueError(f"the weights add up to {total:g} ({each}); make it 1")
        return self


class ControlRule(Settings):
    """What the control leg (primary against itself) must show before a decision is believed."""

    within: Annotated[Share, Field(gt=0)] = Field(
        default=0.5,
        description="It passes when both arms are equivalent within this part of each declared metric's margin.",
    )
    required: bool = Field(default=False, description="Without a control leg, wait.")


class Policy(Settings):
    """What decides about a candidate; declared before looking."""

    level: Annotated[Share, Field(ge=0.5, le=0.9999)] = Field(
        default=0.95, description="Confidence of intervals and bounds, from 0.5 to 0.9999."
    )
    primary_metrics: tuple[MetricRule, ...] = Field(
        default=(),
        description="Metrics that all must pass (intersection-union). Among several candidates each has to pass at a "
        "level that holds for all of them together (Holm).",
    )
    guardrails: tuple[MetricRule, ...] = Field(
        default=(), description="Metrics that must not get worse; they decide like the others."
    )
    minimum: Minimum = Field(default=Minimum(), description="What must be there before a decision.")
    planned_pairs: int = Field(
        default=5000,
        ge=100,
        le=10**9,
        description="Pairs for which the anytime intervals are narrowest (n*); frozen with the experiment.",
    )
    weights: Weights | None = Field(default=None, description="Parts of the overall score; unset: there is no score.")
    control: ControlRule = Field(default=ControlRule(), description="What the control leg must show.")

    @model_validator(mode="after")
    def _something_decides(self) -> Self:
        if not self.primary_metrics and not self.guardrails:
            raise ValueError(
                "names no metric that decides; add one, for example "
                "`primary_metrics: [{metric: total_ms, estimand: p95, margin: 5%}]`"
            )
        return self

    @model_validator(mode="after")
    def _rules_differ(self) -> Self:
        """A metric that is named twice would have two margins, of which nobody knows which decides."""
        seen: dict[tuple[str, str | None], str] = {}
        faults = []
        for place, rule in self.rules():
            first = seen.setdefault((rule.metric, rule.estimand), f"{place[0]}[{place[1]}]")
            if first != f"{place[0]}[{place[1]}]":
                said = PydanticCustomError("value_error", "{text}", {"text": f"says the same as {first}; keep one"})
                faults.append(InitErrorDetails(type=said, loc=place, input=rule))
        if faults:
            raise ValidationError.from_exception_data(type(self).__name__, faults)
        return self

    def rules(self) -> Iterator[tuple[tuple[Literal["primary_metrics", "guardrails"], int], MetricRule]]:
        """Every rule and its place in the policy: primary metrics first."""
        for index, rule in enumerate(self.primary_metrics):
            yield ("primary_metrics", index), rule
        for index, rule in enumerate(self.guardrails):
            yield ("guardrails", index), rule
