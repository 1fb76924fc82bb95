"""Settings of judging: which pairs are judged, by whom, by what measure, and what it may cost."""

import os
import re
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from config.fields import RESTART, ArmName, HeaderValue, Port, SentHeaderName, Settings, UpstreamUrl
from config.scalars import PositiveDurationS, Share, SizeBytes
from config.upstreams import Price, UpstreamTls

SHIPPED_RUBRICS = ("helpfulness", "factual_consistency", "instruction_following")
_METRIC = re.compile(r"[a-z][a-z0-9_]{0,62}")


def _rubric(value: str) -> str:
    if value in SHIPPED_RUBRICS or value.endswith((".yaml", ".yml")) or os.sep in value:
        return value
    raise ValueError(f"write {', '.join(SHIPPED_RUBRICS)}, or the path of a rubric file (.yaml)")


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is no regular expression: {error}") from None
    return value


def _metric_name(value: str) -> str:
    if not _METRIC.fullmatch(value):
        raise ValueError("use lower-case letters, digits and underscores")
    return value


Expression = Annotated[str, AfterValidator(_pattern)]


class JudgeTimeout(Settings):
    """Limits on one call; a late answer is missing data (`timeout`), never a tie."""

    connect: PositiveDurationS = Field(default=5.0, description="Name lookup, TCP and TLS together.")
    total: PositiveDurationS = Field(default=120.0, description="From the call's begin to the answer's last byte.")


class JudgeModel(Settings):
    """A model that is asked which answer is better."""

    name: ArmName = Field(description="How reports call it.")
    url: UpstreamUrl = Field(description="Base address; `/v1` and the API's path are put behind it where they lack.")
    api: Literal["openai", "anthropic"] = Field(
        default="openai", description="`openai`: chat completions, as most servers speak them; `anthropic`: Messages."
    )
    model: str = Field(min_length=1, description="Model to ask for; it may not be one of the arms.")
    api_key: HeaderValue | None = Field(default=None, description="Its credential; unset: none is sent.")
    headers: dict[SentHeaderName, HeaderValue] = Field(default={}, description="Further headers to send.")
    temperature: float | None = Field(default=0.0, ge=0, le=2, description="As sent; null sends none.")
    seed: int | None = Field(default=None, description="As sent (`openai` only); unset sends none.")
    logprobs: bool = Field(
        default=False,
        description="Weigh the verdict by the probabilities of its token (`openai` only): a preference between -1 and "
        "1 in place of a choice.",
    )
    max_tokens: int = Field(default=1024, ge=16, le=65536, description="Longest answer; one cut there is a failure.")
    max_input: SizeBytes = Field(
        default=256 * 2**10, description="Longest prompt; a pair with a longer one fails as `input_too_long`."
    )
    max_in_flight: int = Field(default=16, ge=1, le=1024, description="Calls under way at once.")
    attempts: int = Field(default=4, ge=1, le=10, description="Of one question, the first included.")
    timeout: JudgeTimeout = Field(default=JudgeTimeout(), description="Limits on one call.")
    tls: UpstreamTls = Field(default=UpstreamTls(), description="How it proves who it is, with `https`.")
    price: Price | None = Field(
        default=None, description="Own prices; unset: the price list. A model without either is refused."
    )

    @model_validator(mode="after")
    def _only_where_there_is_one(self) -> Self:
        if self.api == "anthropic" and (self.seed is not None or self.logprobs):
            raise ValueError("`seed` and `logprobs` exist with `api: openai` only")
        return self


class JudgeBudget(Settings):
    """What judging may cost, for all machines that share a store. Without a reading of the store nothing is asked."""

    usd_per_day: Decimal | None = Field(
        default=Decimal(10),
        gt=0,
        description="Dollars per day (UTC), for all judges and embeddings together; null is no limit.",
    )
    calls_per_minute: int | None = Field(default=None, ge=1, description="Calls per minute; unset is no limit.")


class Embeddings(Settings):
    """An endpoint for the metric `embedding_similarity` (OpenAI's `/v1/embeddings`)."""

    url: UpstreamUrl = Field(description="Base address, as for a judge.")
    model: str = Field(min_length=1, description="Model to ask for.")
    api_key: HeaderValue | None = Field(default=None, description="Its credential; unset: none is sent.")
    headers: dict[SentHeaderName, HeaderValue] = Field(default={}, description="Further headers to send.")
    max_in_flight: int = Field(default=8, ge=1, le=256, description="Calls under way at once.")
    attempts: int = Field(default=4, ge=1, le=10, description="Of one question, the first included.")
    timeout: JudgeTimeout = Field(default=JudgeTimeout(), description="Limits on one call.")
    tls: UpstreamTls = Field(default=UpstreamTls(), description="How it proves who it is, with `https`.")
    price: Price | None = Field(
        default=None, description="Own prices; unset: the price list. A model without either is refused."
    )


class TextPatterns(Settings):
    """What the metric `regex_match` asks of an answer: all of `must`, none of `must_not`."""

    must: tuple[Expression, ...] = Field(default=(), description="Regular expressions that have to be found.")
    must_not: tuple[Expression, ...] = Field(default=(), description="Regular expressions that may not be found.")

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.must and not self.must_not:
            raise ValueError("write at least one expression under `must` or `must_not`")
        return self


class Judge(Settings):
    """Quality scores. The rungs below the judge (equal answers, equal calls) cost nothing and take every pair."""

    sample: Share = Field(default=0.2, description="Share of the pairs left by the free rungs that judges get.")
    draw: Literal["even", "spread"] = Field(
        default="even",
        description="`even`: each with the same probability; `spread`: more of those whose answers differ in the way "
        "in which verdicts varied most, which narrows intervals. Probabilities are recorded and weighted by.",
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="Changes which pairs are drawn, and in which order.")
    mode: Literal["pairwise", "pointwise", "both"] = Field(
        default="pairwise", description="Which is better; a score from 1 to 10 for each answer alone; or both."
    )
    orders: Literal["both", "random"] = Field(
        default="both",
        description="Of pairwise questions: `both` asks twice, each answer first once; `random` draws who is first.",
    )
    rubric: Annotated[str, AfterValidator(_rubric)] = Field(
        default="helpfulness",
        description=f"What counts: {', '.join(SHIPPED_RUBRICS)}, or the path of a rubric file (.yaml).",
    )
    models: tuple[JudgeModel, ...] = Field(
        default=(), description="The judges; several are a panel, and each judges every drawn pair."
    )
    budget: JudgeBudget = Field(default=JudgeBudget(), description="What judging may cost.")
    repeats: Share = Field(default=0.02, description="Share of the judged pairs that are asked about once more.")
    canaries: Share = Field(
        default=0.01,
        description="Calls, as a share of the judged pairs, in which one answer is replaced by a text that tries to "
        "talk the judge into preferring it: how often it succeeds is the prompt-injection rate.",
    )
    max_age: PositiveDurationS = Field(
        default=7 * 86400.0,
        description="Older pairs are not taken up by the role any more; `judge run` takes any that have texts.",
    )
    metrics: tuple[Annotated[str, AfterValidator(_metric_name)], ...] = Field(
        default=("rouge_l", "token_f1"),
        description="Metrics of texts without a model: rouge_l, token_f1, regex_match (with `patterns`), "
        "embedding_similarity (with `embeddings`), and those of plug-ins.",
    )
    patterns: TextPatterns | None = Field(default=None, description="For `regex_match`.")
    embeddings: Embeddings | None = Field(default=None, description="For `embedding_similarity`.")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        names = [model.name for model in self.models]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"two judges are called {twice[0]!r}; every judge needs its own name")
        for metric, has, section in (
            ("regex_match", self.patterns is not None, "patterns"),
            ("embedding_similarity", self.embeddings is not None, "embeddings"),
        ):
            if (metric in self.metrics) != has:
                raise ValueError(f"`metrics` has to name {metric}, and `{section}` to say how; one is there alone")
        return self


class Dashboard(Settings):
    """Where pages and the read API are served."""

    host: str = Field(default="127.0.0.1", description="Address of the dashboard.", json_schema_extra=RESTART)
    port: Port = Field(
        default=8082, description="Port of the dashboard; 0 takes a free one.", json_schema_extra=RESTART
    )
    token: HeaderValue | None = Field(
        default=None, description="What people log in with; required when `host` is not a loopback address."
    )
