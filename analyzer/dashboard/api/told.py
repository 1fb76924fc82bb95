"""What is answered about pairs, texts, judgements and labels."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, PlainSerializer

from analyzer.dashboard.api.shapes import Moment, Told, Usd, described_by
from store.browsing.pairs import Arm as StoredArm
from store.browsing.pairs import BrowsedPair
from store.schema.pairs import CANDIDATE_COLUMNS, CANDIDATE_USAGE
from store.tables import JUDGE_CALLS, JUDGEMENTS, LABELS_HUMAN, PAIRS, TEXT_SCORES

Digits = Annotated[int, PlainSerializer(str, return_type=str)]
"""A whole number as text: readers of JSON round what is beyond 2^53."""


class Window(Told):
    """Starts of requests, from `since` up to but without `until`."""

    since: Moment
    until: Moment


class Arm(Told):
    """How one arm answered. Unknown is null; an outcome other than `ok` is a measurement of that arm."""

    model_config = ConfigDict(json_schema_extra=described_by((*CANDIDATE_COLUMNS, *CANDIDATE_USAGE), "candidate_"))

    model: str | None
    outcome: str
    status: int | None
    ttfb_ms: float | None
    ttfe_ms: float | None
    ttfr_ms: float | None
    ttft_ms: float | None
    total_ms: float | None
    itl_ms: float | None
    connect_ms: float | None
    connection_reused: bool
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    tokens_estimated: bool
    cost_usd: Usd | None
    price_date: date | None
    finish_reason: str | None
    chars: int | None
    refusal: bool | None
    tool_calls: int | None
    valid_json: bool | None
    raw_usage: str
    estimated_input_tokens: int | None
    estimated_output_tokens: int | None


class Judgement(Told):
    """What a judge, or a free rung, said of a pair."""

    model_config = ConfigDict(json_schema_extra=described_by(JUDGEMENTS.columns))

    judge: str
    judge_model: str
    rubric: str
    rung: str
    mode: str
    preference: float | None
    preference_pc: float | None
    preference_cp: float | None
    score_primary: float | None
    score_candidate: float | None
    inclusion_probability: float
    order_probability: float | None
    temperature: float | None
    seed: int | None
    rationale: str
    cost_usd: Usd | None
    judged_at: Moment


class HumanLabel(Told):
    """What a person says now of a pair. A rubric `feedback:SOURCE` is feedback of users on the primary's answer."""

    model_config = ConfigDict(json_schema_extra=described_by(LABELS_HUMAN.columns))

    labeler: str
    rubric: str
    preference: float | None
    score_primary: float | None
    score_candidate: float | None
    inclusion_probability: float | None
    rationale: str
    labeled_at: Moment


class Arms(Told):
    """Both arms of a pair."""

    primary: Arm
    candidate: Arm


class Pair(Told):
    """A pair: how both arms answered one request, and what judges and people said of it."""

    model_config = ConfigDict(json_schema_extra=described_by(PAIRS.columns))

    request_id: UUID
    ts: Moment
    candidate: str
    experiment: str
    conversation: Digits
    block: Moment
    bucket: int
    endpoint: str
    labels: dict[str, str]
    sample_share: float
    stream: bool | None
    worker: str
    config_version: int
    start_skew_ms: float | None
    loop_lag_ms: float | None
    held_ms: float
    overhead_ms: float | None
    gateway_cache: bool
    capture_truncated: bool
    changed: list[str]
    exact_match: bool | None
    tool_call_agreement: float | None
    arms: Arms
    judgements: list[Judgement] = Field(description="By all judges and rubrics, the newest first.")
    human_labels: list[HumanLabel] = Field(description="The newest first.")


class LookedAt(Told):
    """What a list has looked through."""

    since: Moment
    until: Moment
    is_all: bool = Field(
        description="Nothing of the window was left out; else filter or order were applied to its newest pairs only."
    )


class PairList(Told):
    """A page of a list of pairs."""

    window: Window
    pairs: list[Pair]
    next: str | None = Field(description="Say it as `after` for the next page; null: there is none.")
    looked_at: LookedAt
    in_window: int = Field(description="Pairs of the window, whatever is asked of them; about so many.")
    matching: int | None = Field(
        description="Pairs that match in what was looked through; null: they were not counted."
    )


class SideTexts(Told):
    """Texts of one side, as they are stored."""

    request: str = Field(
        description="Body, JSON; of a candidate empty where only the fields that `changed` names differ."
    )
    response: str = Field(description="Visible text.")
    reasoning: str = Field(description="Reasoning, where the provider shows it.")
    tool_calls: str = Field(description="Canonical JSON; empty without.")
    cut: dict[str, int] = Field(description="Of texts that are too long for an answer: characters left out at the end.")


class Texts(Told):
    """Texts of a pair, as `privacy` lets the store keep them."""

    primary: SideTexts | None
    candidate: SideTexts | None
    missing: str | None = Field(description="Why a side has none; null: both have.")


class Call(Told):
    """One call to a judge that has ended."""

    model_config = ConfigDict(json_schema_extra=described_by(JUDGE_CALLS.columns))

    judge: str
    rubric: str
    kind: str
    question: str
    attempt: int
    outcome: str
    is_final: bool
    verdict: float | None
    model: str
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Usd | None
    asked_at: Moment
    latency_ms: float | None
    rationale: str


class TextScore(Told):
    """A metric of the pair's texts."""

    model_config = ConfigDict(json_schema_extra=described_by(TEXT_SCORES.columns))

    metric: str
    score_primary: float | None
    score_candidate: float | None
    inclusion_probability: float
    scored_at: Moment


class PairDetails(Pair):
    """All that is kept of a pair."""

    texts: Texts | None = Field(description="Null: they were not asked for.")
    calls: list[Call] = Field(description="Calls to judges about it, by the time at which they were asked.")
    text_scores: list[TextScore]
    other_candidates: list[str] = Field(description="Other candidates with a pair of the same request.")


def _same(stored: Iterable[Any], shown: type[Told], apart: set[str]) -> bool:
    return {field.name for field in stored} - apart == set(shown.model_fields) - apart


if not _same(fields(StoredArm), Arm, set()):
    raise AssertionError("an arm is told as it is stored")
if not _same(fields(BrowsedPair), Pair, {"primary", "answer", "arms", "judgements", "human_labels"}):
    raise AssertionError("a pair is told as it is stored")
