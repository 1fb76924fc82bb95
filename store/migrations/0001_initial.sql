-- The tables of the first release. Generated once from store.tables; from here on it is history.

CREATE TABLE IF NOT EXISTS {database:Identifier}.pairs
(
    `request_id` UUID COMMENT 'Request; the same for all candidates, UUID version 7.' CODEC(ZSTD(1)),
    `ts` DateTime64(6, 'UTC') COMMENT 'Start of the request.' CODEC(Delta, ZSTD(1)),
    `candidate` LowCardinality(String) COMMENT 'Candidate; `control` is the primary\'s own second answer.',
    `experiment` LowCardinality(String) COMMENT 'What is compared: changes with models, params and urls, not with shares.',
    `conversation` UInt64 COMMENT 'Keyed hash of the conversation.' CODEC(ZSTD(1)),
    `block` DateTime('UTC') COMMENT 'Start of the time block of `ts`.' CODEC(Delta, ZSTD(1)),
    `bucket` UInt8 COMMENT 'Hash of `conversation`, 0 to 255.',
    `endpoint` LowCardinality(String) COMMENT 'Dialect key, for example chat/completions.',
    `labels` Map(LowCardinality(String), String) COMMENT 'Labels of the request.' CODEC(ZSTD(1)),
    `sample_share` Float64 COMMENT 'Share at which the candidate was sampled.',
    `stream` Nullable(Bool) COMMENT 'Streamed; NULL when the body was not readable.',
    `worker` LowCardinality(String) COMMENT 'Proxy worker.',
    `config_version` UInt32 COMMENT 'Version of the configuration in force.',
    `batch` String COMMENT 'Deduplication token of the insert.' CODEC(ZSTD(1)),
    `start_skew_ms` Nullable(Float64) COMMENT 'Candidate t0 minus primary t0, ms.' CODEC(ZSTD(1)),
    `loop_lag_ms` Nullable(Float64) COMMENT 'Largest event-loop lag during the exchange, ms.' CODEC(ZSTD(1)),
    `held_ms` Float64 COMMENT 'How long a slow client held the primary\'s reading, ms.' CODEC(ZSTD(1)),
    `overhead_ms` Nullable(Float64) COMMENT 'Time that the proxy added to the primary leg, ms.' CODEC(ZSTD(1)),
    `gateway_cache` Bool COMMENT 'The primary answered from a response cache; left out of latency.',
    `capture_truncated` Bool COMMENT 'The middle of an answer was not kept.',
    `changed` Array(LowCardinality(String)) COMMENT 'Request fields that the candidate got differently.',
    `exact_match` Nullable(Bool) COMMENT 'Both visible texts are the same.',
    `tool_call_agreement` Nullable(Float64) COMMENT 'Share of tool calls that agree, 0 to 1; NULL when neither calls.',
    `primary_model` LowCardinality(Nullable(String)) COMMENT 'Primary\'s model, as the answer names it.',
    `primary_outcome` LowCardinality(String) COMMENT 'Primary\'s outcome: ok, http_error, timeout and so on.',
    `primary_status` Nullable(UInt16) COMMENT 'Primary\'s HTTP status.',
    `primary_ttfb_ms` Nullable(Float64) COMMENT 'Primary\'s first body byte, ms from t0.' CODEC(ZSTD(1)),
    `primary_ttfe_ms` Nullable(Float64) COMMENT 'Primary\'s first event, ms from t0.' CODEC(ZSTD(1)),
    `primary_ttfr_ms` Nullable(Float64) COMMENT 'Primary\'s first reasoning delta, ms from t0.' CODEC(ZSTD(1)),
    `primary_ttft_ms` Nullable(Float64) COMMENT 'Primary\'s first content delta, ms from t0.' CODEC(ZSTD(1)),
    `primary_total_ms` Nullable(Float64) COMMENT 'Primary\'s last body byte, ms from t0.' CODEC(ZSTD(1)),
    `primary_itl_ms` Nullable(Float64) COMMENT 'Primary\'s mean time between visible tokens, ms.' CODEC(ZSTD(1)),
    `primary_connect_ms` Nullable(Float64) COMMENT 'Primary\'s connecting, ms before t0; NULL when reused.' CODEC(ZSTD(1)),
    `primary_connection_reused` Bool COMMENT 'Primary\'s connection was an idle one.',
    `primary_input_tokens` Nullable(UInt32) COMMENT 'Primary\'s input tokens, cached ones included.' CODEC(ZSTD(1)),
    `primary_output_tokens` Nullable(UInt32) COMMENT 'Primary\'s output tokens, reasoning included.' CODEC(ZSTD(1)),
    `primary_cached_tokens` Nullable(UInt32) COMMENT 'Primary\'s input tokens read from the provider\'s cache.' CODEC(ZSTD(1)),
    `primary_cache_write_tokens` Nullable(UInt32) COMMENT 'Primary\'s input tokens written to the provider\'s cache.' CODEC(ZSTD(1)),
    `primary_reasoning_tokens` Nullable(UInt32) COMMENT 'Primary\'s reasoning tokens.' CODEC(ZSTD(1)),
    `primary_tokens_estimated` Bool COMMENT 'Primary\'s tokens are our estimate, not reported.',
    `primary_cost_usd` Nullable(Decimal(18, 9)) COMMENT 'Primary\'s cost in US dollars.' CODEC(ZSTD(1)),
    `primary_price_date` Nullable(Date) COMMENT 'Date of the price behind primary_cost_usd.',
    `primary_finish_reason` LowCardinality(Nullable(String)) COMMENT 'Primary\'s finish reason, as reported.',
    `primary_chars` Nullable(UInt32) COMMENT 'Primary\'s visible text in code points.' CODEC(ZSTD(1)),
    `primary_refusal` Nullable(Bool) COMMENT 'Primary\'s answer is a refusal (rule in the documentation).',
    `primary_tool_calls` Nullable(UInt32) COMMENT 'Primary\'s number of tool calls.' CODEC(ZSTD(1)),
    `primary_valid_json` Nullable(Bool) COMMENT 'Primary\'s answer is valid JSON; NULL unless asked for.',
    `candidate_model` LowCardinality(Nullable(String)) COMMENT 'Candidate\'s model, as the answer names it.',
    `candidate_outcome` LowCardinality(String) COMMENT 'Candidate\'s outcome: ok, http_error, timeout and so on.',
    `candidate_status` Nullable(UInt16) COMMENT 'Candidate\'s HTTP status.',
    `candidate_ttfb_ms` Nullable(Float64) COMMENT 'Candidate\'s first body byte, ms from t0.' CODEC(ZSTD(1)),
    `candidate_ttfe_ms` Nullable(Float64) COMMENT 'Candidate\'s first event, ms from t0.' CODEC(ZSTD(1)),
    `candidate_ttfr_ms` Nullable(Float64) COMMENT 'Candidate\'s first reasoning delta, ms from t0.' CODEC(ZSTD(1)),
    `candidate_ttft_ms` Nullable(Float64) COMMENT 'Candidate\'s first content delta, ms from t0.' CODEC(ZSTD(1)),
    `candidate_total_ms` Nullable(Float64) COMMENT 'Candidate\'s last body byte, ms from t0.' CODEC(ZSTD(1)),
    `candidate_itl_ms` Nullable(Float64) COMMENT 'Candidate\'s mean time between visible tokens, ms.' CODEC(ZSTD(1)),
    `candidate_connect_ms` Nullable(Float64) COMMENT 'Candidate\'s connecting, ms before t0; NULL when reused.' CODEC(ZSTD(1)),
    `candidate_connection_reused` Bool COMMENT 'Candidate\'s connection was an idle one.',
    `candidate_input_tokens` Nullable(UInt32) COMMENT 'Candidate\'s input tokens, cached ones included.' CODEC(ZSTD(1)),
    `candidate_output_tokens` Nullable(UInt32) COMMENT 'Candidate\'s output tokens, reasoning included.' CODEC(ZSTD(1)),
    `candidate_cached_tokens` Nullable(UInt32) COMMENT 'Candidate\'s input tokens read from the provider\'s cache.' CODEC(ZSTD(1)),
    `candidate_cache_write_tokens` Nullable(UInt32) COMMENT 'Candidate\'s input tokens written to the provider\'s cache.' CODEC(ZSTD(1)),
    `candidate_reasoning_tokens` Nullable(UInt32) COMMENT 'Candidate\'s reasoning tokens.' CODEC(ZSTD(1)),
    `candidate_tokens_estimated` Bool COMMENT 'Candidate\'s tokens are our estimate, not reported.',
    `candidate_cost_usd` Nullable(Decimal(18, 9)) COMMENT 'Candidate\'s cost in US dollars.' CODEC(ZSTD(1)),
    `candidate_price_date` Nullable(Date) COMMENT 'Date of the price behind candidate_cost_usd.',
    `candidate_finish_reason` LowCardinality(Nullable(String)) COMMENT 'Candidate\'s finish reason, as reported.',
    `candidate_chars` Nullable(UInt32) COMMENT 'Candidate\'s visible text in code points.' CODEC(ZSTD(1)),
    `candidate_refusal` Nullable(Bool) COMMENT 'Candidate\'s answer is a refusal (rule in the documentation).',
    `candidate_tool_calls` Nullable(UInt32) COMMENT 'Candidate\'s number of tool calls.' CODEC(ZSTD(1)),
    `candidate_valid_json` Nullable(Bool) COMMENT 'Candidate\'s answer is valid JSON; NULL unless asked for.'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (candidate, experiment, ts, request_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'One row per request and candidate: both arms of a sampled request.';

CREATE TABLE IF NOT EXISTS {database:Identifier}.skips
(
    `request_id` UUID COMMENT 'Request; the same for all candidates, UUID version 7.' CODEC(ZSTD(1)),
    `ts` DateTime64(6, 'UTC') COMMENT 'Start of the request.' CODEC(Delta, ZSTD(1)),
    `candidate` LowCardinality(String) COMMENT 'Candidate; `control` is the primary\'s own second answer.',
    `experiment` LowCardinality(String) COMMENT 'What is compared: changes with models, params and urls, not with shares.',
    `conversation` UInt64 COMMENT 'Keyed hash of the conversation.' CODEC(ZSTD(1)),
    `block` DateTime('UTC') COMMENT 'Start of the time block of `ts`.' CODEC(Delta, ZSTD(1)),
    `bucket` UInt8 COMMENT 'Hash of `conversation`, 0 to 255.',
    `reason` LowCardinality(String) COMMENT 'State: stateful, budget, max_in_flight and so on.',
    `labels` Map(LowCardinality(String), String) COMMENT 'Labels of the request.' CODEC(ZSTD(1)),
    `batch` String COMMENT 'Deduplication token of the insert.' CODEC(ZSTD(1)),
    `primary_model` LowCardinality(Nullable(String)) COMMENT 'Primary\'s model, as the answer names it.',
    `primary_outcome` LowCardinality(String) COMMENT 'Primary\'s outcome: ok, http_error, timeout and so on.',
    `primary_status` Nullable(UInt16) COMMENT 'Primary\'s HTTP status.',
    `primary_ttfb_ms` Nullable(Float64) COMMENT 'Primary\'s first body byte, ms from t0.' CODEC(ZSTD(1)),
    `primary_ttfe_ms` Nullable(Float64) COMMENT 'Primary\'s first event, ms from t0.' CODEC(ZSTD(1)),
    `primary_ttfr_ms` Nullable(Float64) COMMENT 'Primary\'s first reasoning delta, ms from t0.' CODEC(ZSTD(1)),
    `primary_ttft_ms` Nullable(Float64) COMMENT 'Primary\'s first content delta, ms from t0.' CODEC(ZSTD(1)),
    `primary_total_ms` Nullable(Float64) COMMENT 'Primary\'s last body byte, ms from t0.' CODEC(ZSTD(1)),
    `primary_itl_ms` Nullable(Float64) COMMENT 'Primary\'s mean time between visible tokens, ms.' CODEC(ZSTD(1)),
    `primary_connect_ms` Nullable(Float64) COMMENT 'Primary\'s connecting, ms before t0; NULL when reused.' CODEC(ZSTD(1)),
    `primary_connection_reused` Bool COMMENT 'Primary\'s connection was an idle one.',
    `primary_input_tokens` Nullable(UInt32) COMMENT 'Primary\'s input tokens, cached ones included.' CODEC(ZSTD(1)),
    `primary_output_tokens` Nullable(UInt32) COMMENT 'Primary\'s output tokens, reasoning included.' CODEC(ZSTD(1)),
    `primary_cached_tokens` Nullable(UInt32) COMMENT 'Primary\'s input tokens read from the provider\'s cache.' CODEC(ZSTD(1)),
    `primary_cache_write_tokens` Nullable(UInt32) COMMENT 'Primary\'s input tokens written to the provider\'s cache.' CODEC(ZSTD(1)),
    `primary_reasoning_tokens` Nullable(UInt32) COMMENT 'Primary\'s reasoning tokens.' CODEC(ZSTD(1)),
    `primary_tokens_estimated` Bool COMMENT 'Primary\'s tokens are our estimate, not reported.',
    `primary_cost_usd` Nullable(Decimal(18, 9)) COMMENT 'Primary\'s cost in US dollars.' CODEC(ZSTD(1)),
    `primary_price_date` Nullable(Date) COMMENT 'Date of the price behind primary_cost_usd.',
    `primary_finish_reason` LowCardinality(Nullable(String)) COMMENT 'Primary\'s finish reason, as reported.',
    `primary_chars` Nullable(UInt32) COMMENT 'Primary\'s visible text in code points.' CODEC(ZSTD(1)),
    `primary_refusal` Nullable(Bool) COMMENT 'Primary\'s answer is a refusal (rule in the documentation).',
    `primary_tool_calls` Nullable(UInt32) COMMENT 'Primary\'s number of tool calls.' CODEC(ZSTD(1)),
    `primary_valid_json` Nullable(Bool) COMMENT 'Primary\'s answer is valid JSON; NULL unless asked for.'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (candidate, experiment, ts, request_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'One row per sampled request that was not sent to a candidate, with the primary\'s figures.';

CREATE TABLE IF NOT EXISTS {database:Identifier}.counters
(
    `ts` DateTime('UTC') COMMENT 'Second; within the hour in which the requests started.' CODEC(Delta, ZSTD(1)),
    `worker` LowCardinality(String) COMMENT 'Proxy worker.',
    `candidate` LowCardinality(String) COMMENT 'Candidate.',
    `state` LowCardinality(String) COMMENT 'received, a state, admitted, ended, or a way of being lost.',
    `count` UInt64 COMMENT 'Requests since the row before.' CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (candidate, state, ts, worker)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'How many requests came to which state; add up `count`.';

CREATE TABLE IF NOT EXISTS {database:Identifier}.payloads
(
    `request_id` UUID COMMENT 'Request.' CODEC(ZSTD(1)),
    `side` LowCardinality(String) COMMENT 'primary, or the candidate\'s name.',
    `ts` DateTime64(6, 'UTC') COMMENT 'Start of the request; its age ends the row.' CODEC(Delta, ZSTD(1)),
    `request` String COMMENT 'Request body as sent to this side; empty for a candidate whose body was only changed in the fields that `pairs.changed` names.' CODEC(ZSTD(3)),
    `response` String COMMENT 'Visible text of the answer.' CODEC(ZSTD(3)),
    `reasoning` String COMMENT 'Reasoning text of the answer, where the provider shows it.' CODEC(ZSTD(3)),
    `tool_calls` String COMMENT 'Tool calls as canonical JSON.' CODEC(ZSTD(3)),
    `batch` String COMMENT 'Deduplication token of the insert.' CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toMonday(ts)
ORDER BY (request_id, side)
SETTINGS merge_with_ttl_timeout = 3600, non_replicated_deduplication_window = 10000
COMMENT 'Texts of both arms, as `privacy.bodies` allows; kept for `privacy.retention`.';

CREATE TABLE IF NOT EXISTS {database:Identifier}.experiments
(
    `id` String COMMENT 'Experiment id.',
    `candidate` LowCardinality(String) COMMENT 'Candidate.',
    `compared` String COMMENT 'What is compared, as JSON: urls, models, params.',
    `created` DateTime64(6, 'UTC') COMMENT 'When it was first seen.'
)
ENGINE = MergeTree
ORDER BY id
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What an experiment id stands for; one row per id.';
