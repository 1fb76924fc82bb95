"""Every table and column, once: its name, its type, and what it means.

Migrations create them, the writer fills them by these names, the documentation is made from them.
Unknown values are NULL, never 0. Differences are candidate minus primary.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    type: str
    comment: str
    codec: str | None = None

    def ddl(self) -> str:
        """As it stands in CREATE TABLE."""
        codec = f" CODEC({self.codec})" if self.codec else ""
        comment = self.comment.replace("\\", "\\\\").replace("'", "\\'")
        return f"`{self.name}` {self.type} COMMENT '{comment}'{codec}"


@dataclass(frozen=True, slots=True)
class Table:
    """One table."""

    name: str
    comment: str
    columns: tuple[Column, ...]

    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(c.name for c in self.columns)


_TS = "DateTime64(6, 'UTC')"
_MOMENT = "DateTime64(3, 'UTC')"
_BLOCK = "DateTime('UTC')"
_NAME = "LowCardinality(String)"
_MS = "Nullable(Float64)"
_COUNT = "Nullable(UInt32)"

_IDENTITY = (
    Column("request_id", "UUID", "Request; the same for all candidates, UUID version 7.", "ZSTD(1)"),
    Column("ts", _TS, "Start of the request.", "Delta, ZSTD(1)"),
    Column("candidate", _NAME, "Candidate; `control` is the primary's own second answer."),
    Column("experiment", _NAME, "What is compared: changes with models, params and urls, not with shares."),
)
_PLACE = (
    Column("conversation", "UInt64", "Keyed hash of the conversation.", "ZSTD(1)"),
    Column("block", _BLOCK, "Start of the time block of `ts`.", "Delta, ZSTD(1)"),
    Column("bucket", "UInt8", "Hash of `conversation`, 0 to 255."),
)
_LABELS = Column("labels", "Map(LowCardinality(String), String)", "Labels of the request.", "ZSTD(1)")
_BATCH = Column("batch", "String", "Deduplication token of the insert.", "ZSTD(1)")


def _leg_columns(arm: str) -> tuple[Column, ...]:
    """The columns of one arm."""
    whose = "Primary's" if arm == "primary" else "Candidate's"

    def ms(name: str, what: str) -> Column:
        return Column(f"{arm}_{name}", _MS, f"{whose} {what}, ms from t0.", "ZSTD(1)")

    def count(name: str, what: str) -> Column:
        return Column(f"{arm}_{name}", _COUNT, f"{whose} {what}.", "ZSTD(1)")

    return (
        Column(f"{arm}_model", "LowCardinality(Nullable(String))", f"{whose} model, as the answer names it."),
        Column(f"{arm}_outcome", _NAME, f"{whose} outcome: ok, http_error, timeout and so on."),
        Column(f"{arm}_status", "Nullable(UInt16)", f"{whose} HTTP status."),
        ms("ttfb_ms", "first body byte"),
        ms("ttfe_ms", "first event"),
        ms("ttfr_ms", "first reasoning delta"),
        ms("ttft_ms", "first content delta"),
        ms("total_ms", "last body byte"),
        Column(f"{arm}_itl_ms", _MS, f"{whose} mean time between visible tokens, ms.", "ZSTD(1)"),
        Column(f"{arm}_connect_ms", _MS, f"{whose} connecting, ms before t0; NULL when reused.", "ZSTD(1)"),
        Column(f"{arm}_connection_reused", "Bool", f"{whose} connection was an idle one."),
        count("input_tokens", "input tokens, cached ones included"),
        count("output_tokens", "output tokens, reasoning included"),
        count("cached_tokens", "input tokens read from the provider's cache"),
        count("cache_write_tokens", "input tokens written to the provider's cache"),
        count("reasoning_tokens", "reasoning tokens"),
        Column(f"{arm}_tokens_estimated", "Bool", f"{whose} tokens are our estimate, not reported."),
        Column(f"{arm}_cost_usd", "Nullable(Decimal(18, 9))", f"{whose} cost in US dollars.", "ZSTD(1)"),
        Column(f"{arm}_price_date", "Nullable(Date)", f"Date of the price behind {arm}_cost_usd."),
        Column(f"{arm}_finish_reason", "LowCardinality(Nullable(String))", f"{whose} finish reason, as reported."),
        count("chars", "visible text in code points"),
        Column(f"{arm}_refusal", "Nullable(Bool)", f"{whose} answer is a refusal (rule in the documentation)."),
        count("tool_calls", "number of tool calls"),
        Column(f"{arm}_valid_json", "Nullable(Bool)", f"{whose} answer is valid JSON; NULL unless asked for."),
    )


PRIMARY_COLUMNS = _leg_columns("primary")
CANDIDATE_COLUMNS = _leg_columns("candidate")

PAIRS = Table(
    "pairs",
    "One row per request and candidate: both arms of a sampled request.",
    (
        *_IDENTITY,
        *_PLACE,
        Column("endpoint", _NAME, "Dialect key, for example chat/completions."),
        _LABELS,
        Column("sample_share", "Float64", "Share at which the candidate was sampled."),
        Column("stream", "Nullable(Bool)", "Streamed; NULL when the body was not readable."),
        Column("worker", _NAME, "Proxy worker."),
        Column("config_version", "UInt32", "Version of the configuration in force."),
        _BATCH,
        Column("start_skew_ms", _MS, "Candidate t0 minus primary t0, ms.", "ZSTD(1)"),
        Column("loop_lag_ms", _MS, "Largest event-loop lag during the exchange, ms.", "ZSTD(1)"),
        Column("held_ms", "Float64", "How long a slow client held the primary's reading, ms.", "ZSTD(1)"),
        Column("overhead_ms", _MS, "Time that the proxy added to the primary leg, ms.", "ZSTD(1)"),
        Column("gateway_cache", "Bool", "The primary answered from a response cache; left out of latency."),
        Column("capture_truncated", "Bool", "The middle of an answer was not kept."),
        Column("changed", "Array(LowCardinality(String))", "Request fields that the candidate got differently."),
        Column("exact_match", "Nullable(Bool)", "Both visible texts are the same."),
        Column("tool_call_agreement", _MS, "Share of tool calls that agree, 0 to 1; NULL when neither calls."),
        *PRIMARY_COLUMNS,
        *CANDIDATE_COLUMNS,
    ),
)

SKIPS = Table(
    "skips",
    "One row per sampled request that was not sent to a candidate, with the primary's figures.",
    (
        *_IDENTITY,
        *_PLACE,
        Column("reason", _NAME, "State: stateful, budget, max_in_flight and so on."),
        _LABELS,
        _BATCH,
        *PRIMARY_COLUMNS,
    ),
)

COUNTERS = Table(
    "counters",
    "How many requests came to which state; add up `count`.",
    (
        Column("ts", _BLOCK, "Second; within the hour in which the requests started.", "Delta, ZSTD(1)"),
        Column("worker", _NAME, "Proxy worker."),
        Column("candidate", _NAME, "Candidate."),
        Column("state", _NAME, "received, a state, admitted, ended, or a way of being lost."),
        Column("count", "UInt64", "Requests since the row before.", "T64, ZSTD(1)"),
    ),
)

PAYLOADS = Table(
    "payloads",
    "Texts of both arms, as `privacy.bodies` allows; kept for `privacy.retention`.",
    (
        Column("request_id", "UUID", "Request.", "ZSTD(1)"),
        Column("side", _NAME, "primary, or the candidate's name."),
        Column("ts", _TS, "Start of the request; its age ends the row.", "Delta, ZSTD(1)"),
        Column(
            "request",
            "String",
            "Request body as sent to this side; empty for a candidate whose body was only "
            "changed in the fields that `pairs.changed` names.",
            "ZSTD(3)",
        ),
        Column("response", "String", "Visible text of the answer.", "ZSTD(3)"),
        Column("reasoning", "String", "Reasoning text of the answer, where the provider shows it.", "ZSTD(3)"),
        Column("tool_calls", "String", "Tool calls as canonical JSON.", "ZSTD(3)"),
        _BATCH,
    ),
)

EXPERIMENTS = Table(
    "experiments",
    "What an experiment id stands for; one row per id.",
    (
        Column("id", "String", "Experiment id."),
        Column("candidate", _NAME, "Candidate."),
        Column("compared", "String", "What is compared, as JSON: urls, models, params."),
        Column("created", _TS, "When it was first seen."),
    ),
)


def _sum(name: str, type_: str, comment: str, codec: str) -> Column:
    return Column(name, f"SimpleAggregateFunction(sum, {type_})", comment, codec)


SPEND = Table(
    "spend",
    "What candidates cost per minute, for budgets; rows of the same key add up.",
    (
        Column("candidate", _NAME, "Candidate."),
        Column("experiment", _NAME, "As in `pairs`; empty for what comes from the counters."),
        Column(
            "minute",
            _BLOCK,
            "Minute of the start of the requests; of the counters, within their hour.",
            "Delta, ZSTD(1)",
        ),
        _sum("pairs", "UInt64", "Pairs.", "T64, ZSTD(1)"),
        _sum("cost_usd", "Decimal(38, 9)", "Known cost of the candidate, US dollars.", "ZSTD(1)"),
        Column(
            "largest_usd",
            "SimpleAggregateFunction(max, Nullable(Decimal(18, 9)))",
            "Cost of the dearest copy; NULL when none is known.",
            "ZSTD(1)",
        ),
        _sum("unpriced", "UInt64", "Whole answers whose cost is unknown.", "T64, ZSTD(1)"),
        _sum("uncosted", "UInt64", "Answers cut short, wrong or late whose cost is unknown.", "T64, ZSTD(1)"),
        _sum("admitted", "UInt64", "Copies sent, by the counters.", "T64, ZSTD(1)"),
        _sum("lost", "UInt64", "Copies that will never be pairs, by the counters.", "T64, ZSTD(1)"),
    ),
)
"""Filled by views on `pairs` and `counters`, never by a writer."""

MACHINES = Table(
    "machines",
    "Machines that share the budgets; the newest row of each counts.",
    (
        Column("machine", "String", "Machine: a number drawn once per capture directory."),
        Column("since", _MOMENT, "Since when it has been at work without a break."),
        Column("seen", _MOMENT, "When it last said so, by the clock of the store.", "Delta, ZSTD(1)"),
    ),
)

TABLES = (PAIRS, SKIPS, COUNTERS, PAYLOADS, EXPERIMENTS, SPEND, MACHINES)
