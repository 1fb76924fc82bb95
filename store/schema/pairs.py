"""What the recorder writes: pairs, skips, counters, texts."""

from store.schema.column import COUNT, NAME, REAL, SECOND, TS, Column, Table

IDENTITY = (
    Column("request_id", "UUID", "Request; the same for all candidates, UUID version 7.", "ZSTD(1)"),
    Column("ts", TS, "Start of the request.", "Delta, ZSTD(1)"),
    Column("candidate", NAME, "Candidate; `control` is the primary's own second answer."),
    Column("experiment", NAME, "What is compared: changes with models, params and urls, not with shares."),
)
PLACE = (
    Column("conversation", "UInt64", "Keyed hash of the conversation.", "ZSTD(1)"),
    Column("block", SECOND, "Start of the time block of `ts`.", "Delta, ZSTD(1)"),
    Column("bucket", "UInt8", "Hash of `conversation`, 0 to 255."),
)
LABELS = Column("labels", "Map(LowCardinality(String), String)", "Labels of the request.", "ZSTD(1)")
BATCH = Column("batch", "String", "Deduplication token of the insert.", "ZSTD(1)")


def _leg_columns(arm: str) -> tuple[Column, ...]:
    """The columns of one arm."""
    whose = "Primary's" if arm == "primary" else "Candidate's"

    def ms(name: str, what: str) -> Column:
        return Column(f"{arm}_{name}", REAL, f"{whose} {what}, ms from t0.", "ZSTD(1)")

    def count(name: str, what: str) -> Column:
        return Column(f"{arm}_{name}", COUNT, f"{whose} {what}.", "ZSTD(1)")

    return (
        Column(f"{arm}_model", "LowCardinality(Nullable(String))", f"{whose} model, as the answer names it."),
        Column(f"{arm}_outcome", NAME, f"{whose} outcome: ok, http_error, timeout and so on."),
        Column(f"{arm}_status", "Nullable(UInt16)", f"{whose} HTTP status."),
        ms("ttfb_ms", "first body byte"),
        ms("ttfe_ms", "first event"),
        ms("ttfr_ms", "first reasoning delta"),
        ms("ttft_ms", "first content delta"),
        ms("total_ms", "last body byte"),
        Column(f"{arm}_itl_ms", REAL, f"{whose} mean time between visible tokens, ms.", "ZSTD(1)"),
        Column(f"{arm}_connect_ms", REAL, f"{whose} connecting, ms before t0; NULL when reused.", "ZSTD(1)"),
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


def _usage_columns(arm: str) -> tuple[Column, ...]:
    """What schema 3 added for one arm."""
    whose = "Primary's" if arm == "primary" else "Candidate's"
    return (
        Column(
            f"{arm}_raw_usage", "String", f"{whose} token counts as reported, JSON; empty when not reported.", "ZSTD(1)"
        ),
        Column(
            f"{arm}_estimated_input_tokens",
            COUNT,
            f"{whose} input tokens by our estimator, reported or not.",
            "ZSTD(1)",
        ),
        Column(
            f"{arm}_estimated_output_tokens",
            COUNT,
            f"{whose} output tokens by our estimator, reported or not.",
            "ZSTD(1)",
        ),
    )


PRIMARY_COLUMNS = _leg_columns("primary")
CANDIDATE_COLUMNS = _leg_columns("candidate")
PRIMARY_USAGE = _usage_columns("primary")
CANDIDATE_USAGE = _usage_columns("candidate")

PAIRS = Table(
    "pairs",
    "One row per request and candidate: both arms of a sampled request.",
    (
        *IDENTITY,
        *PLACE,
        Column("endpoint", NAME, "Dialect key, for example chat/completions."),
        LABELS,
        Column("sample_share", "Float64", "Share at which the candidate was sampled."),
        Column("stream", "Nullable(Bool)", "Streamed; NULL when the body was not readable."),
        Column("worker", NAME, "Proxy worker."),
        Column("config_version", "UInt32", "Version of the configuration in force."),
        BATCH,
        Column("start_skew_ms", REAL, "Candidate t0 minus primary t0, ms.", "ZSTD(1)"),
        Column("loop_lag_ms", REAL, "Largest event-loop lag during the exchange, ms.", "ZSTD(1)"),
        Column("held_ms", "Float64", "How long a slow client held the primary's reading, ms.", "ZSTD(1)"),
        Column("overhead_ms", REAL, "Time that the proxy added to the primary leg, ms.", "ZSTD(1)"),
        Column("gateway_cache", "Bool", "The primary answered from a response cache; left out of latency."),
        Column("capture_truncated", "Bool", "The middle of an answer was not kept."),
        Column("changed", "Array(LowCardinality(String))", "Request fields that the candidate got differently."),
        Column("exact_match", "Nullable(Bool)", "Both visible texts are the same."),
        Column("tool_call_agreement", REAL, "Share of tool calls that agree, 0 to 1; NULL when neither calls."),
        *PRIMARY_COLUMNS,
        *CANDIDATE_COLUMNS,
        *PRIMARY_USAGE,
        *CANDIDATE_USAGE,
    ),
)

SKIPS = Table(
    "skips",
    "One row per sampled request that was not sent to a candidate, with the primary's figures.",
    (
        *IDENTITY,
        *PLACE,
        Column("reason", NAME, "State: stateful, budget, max_in_flight and so on."),
        LABELS,
        BATCH,
        *PRIMARY_COLUMNS,
        *PRIMARY_USAGE,
    ),
)

COUNTERS = Table(
    "counters",
    "How many requests came to which state; add up `count`.",
    (
        Column("ts", SECOND, "Second; within the hour in which the requests started.", "Delta, ZSTD(1)"),
        Column("worker", NAME, "Proxy worker."),
        Column("candidate", NAME, "Candidate."),
        Column("state", NAME, "received, a state, admitted, ended, or a way of being lost."),
        Column("count", "UInt64", "Requests since the row before.", "T64, ZSTD(1)"),
    ),
)

PAYLOADS = Table(
    "payloads",
    "Texts of both arms, as `privacy.bodies` allows; kept for `privacy.retention`.",
    (
        Column("request_id", "UUID", "Request.", "ZSTD(1)"),
        Column("side", NAME, "primary, or the candidate's name."),
        Column("ts", TS, "Start of the request; its age ends the row.", "Delta, ZSTD(1)"),
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
        BATCH,
    ),
    holds_text=True,
)
