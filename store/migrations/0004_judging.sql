-- How judging goes: calls and their cost, progress, who judges; metrics of texts without a model; what webhooks were told.

ALTER TABLE {database:Identifier}.judgements ADD COLUMN IF NOT EXISTS `order_probability` Nullable(Float64) COMMENT 'Probability with which the answers were shown in this order; NULL when both orders were asked, or none.';

ALTER TABLE {database:Identifier}.judgements ADD COLUMN IF NOT EXISTS `judge_model` LowCardinality(String) COMMENT 'The judge\'s model, as its answer names it; empty below the rung `judge`.';

CREATE TABLE IF NOT EXISTS {database:Identifier}.judge_calls
(
    `request_id` UUID COMMENT 'Request; the same for all candidates, UUID version 7.' CODEC(ZSTD(1)),
    `ts` DateTime64(6, 'UTC') COMMENT 'Start of the request.' CODEC(Delta, ZSTD(1)),
    `candidate` LowCardinality(String) COMMENT 'Candidate; `control` is the primary\'s own second answer.',
    `experiment` LowCardinality(String) COMMENT 'What is compared: changes with models, params and urls, not with shares.',
    `labels` Map(LowCardinality(String), String) COMMENT 'Labels of the request.' CODEC(ZSTD(1)),
    `call` UUID COMMENT 'Call; UUID version 7.' CODEC(ZSTD(1)),
    `stage` LowCardinality(String) COMMENT 'asked or ended; a call without `ended` was under way, or lost when its process died.',
    `judge` LowCardinality(String) COMMENT 'Judge, as the configuration names it; empty for embeddings.',
    `rubric` LowCardinality(String) COMMENT 'Rubric with its version; empty for embeddings.',
    `kind` LowCardinality(String) COMMENT 'verdict, repeat, canary or embedding.',
    `question` LowCardinality(String) COMMENT 'pairwise_pc (primary shown first), pairwise_cp, pointwise_primary or pointwise_candidate; of a canary, which answer stood first: canary_first or canary_second.',
    `attempt` UInt8 COMMENT '1 for the first call of a question.',
    `outcome` LowCardinality(String) COMMENT 'ok, or why there is no verdict: timeout, connect_error, rate_limited, http_error, refusal, unparsable, truncated, input_too_long, judge_is_arm, interrupted; empty while asked.',
    `is_final` Bool COMMENT 'No further attempt of this question follows.',
    `verdict` Nullable(Float64) COMMENT 'Pairwise: -1 to 1, positive for the candidate, of a canary for the honest answer; pointwise: 1 to 10.',
    `inclusion_probability` Float64 COMMENT 'Probability with which the pair was drawn for judging.',
    `model` LowCardinality(String) COMMENT 'Model, as the answer names it; empty when there is none.',
    `input_tokens` Nullable(UInt32) COMMENT 'Input tokens as reported.' CODEC(ZSTD(1)),
    `output_tokens` Nullable(UInt32) COMMENT 'Output tokens as reported.' CODEC(ZSTD(1)),
    `cost_usd` Nullable(Decimal(18, 9)) COMMENT 'What it cost in US dollars; NULL: unknown.' CODEC(ZSTD(1)),
    `committed_usd` Decimal(18, 9) COMMENT 'What it adds to the day\'s spend: at first the most that it can cost; when it has ended, what it cost less that.' CODEC(ZSTD(1)),
    `asked_at` DateTime64(3, 'UTC') COMMENT 'When it was about to be sent.' CODEC(Delta, ZSTD(1)),
    `latency_ms` Nullable(Float64) COMMENT 'From sending to the answer\'s last byte, ms; NULL while asked, and without a call.',
    `rationale` String COMMENT 'Reasons as written, as `privacy.bodies` allows; kept for `privacy.retention`.' CODEC(ZSTD(3)),
    `batch` String COMMENT 'Deduplication token of the insert.' CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (candidate, experiment, ts, request_id, judge, rubric)
SETTINGS merge_with_ttl_timeout = 3600, non_replicated_deduplication_window = 10000
COMMENT 'Calls to judges, two rows each: `asked` before it is sent, `ended` when its answer is there.';

CREATE TABLE IF NOT EXISTS {database:Identifier}.judge_spend
(
    `minute` DateTime('UTC') COMMENT 'Minute in which the calls were asked.' CODEC(Delta, ZSTD(1)),
    `judge` LowCardinality(String) COMMENT 'As in `judge_calls`.',
    `asked` SimpleAggregateFunction(sum, UInt64) COMMENT 'Calls.' CODEC(T64, ZSTD(1)),
    `ended` SimpleAggregateFunction(sum, UInt64) COMMENT 'Of these, ended ones.' CODEC(T64, ZSTD(1)),
    `known_usd` SimpleAggregateFunction(sum, Decimal(38, 9)) COMMENT 'Known cost, US dollars.' CODEC(ZSTD(1)),
    `committed_usd` SimpleAggregateFunction(sum, Decimal(38, 9)) COMMENT 'Known cost, and the most that the others can cost.' CODEC(ZSTD(1)),
    `unpriced` SimpleAggregateFunction(sum, UInt64) COMMENT 'Ended calls whose cost is unknown.' CODEC(T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (judge, minute)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What judging costs per minute, for its budget; rows of the same key add up.';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database:Identifier}.judge_spend_of_calls TO {database:Identifier}.judge_spend AS
SELECT
    toStartOfMinute(asked_at) AS minute,
    judge,
    countIf(stage = 'asked') AS asked,
    countIf(stage = 'ended') AS ended,
    sum(toDecimal128(ifNull(cost_usd, 0), 9)) AS known_usd,
    sum(toDecimal128(committed_usd, 9)) AS committed_usd,
    countIf(stage = 'ended' AND cost_usd IS NULL) AS unpriced
FROM {database:Identifier}.judge_calls
GROUP BY minute, judge;

CREATE TABLE IF NOT EXISTS {database:Identifier}.judge_progress
(
    `plan` String COMMENT 'What is judged and how: rubric, mode, orders, judges, metrics; a digest.',
    `taken_until` DateTime64(6, 'UTC') COMMENT 'All pairs that began before were taken up.' CODEC(Delta, ZSTD(1)),
    `at` DateTime64(3, 'UTC') COMMENT 'When that was so.' CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(at)
ORDER BY plan
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Up to where the judge has taken up pairs; the newest row of a plan counts.';

CREATE TABLE IF NOT EXISTS {database:Identifier}.judges
(
    `judge` String COMMENT 'Process: a number drawn at its start.',
    `since` DateTime64(3, 'UTC') COMMENT 'Since when it has been at work without a break.',
    `seen` DateTime64(3, 'UTC') COMMENT 'When it last said so, by the clock of the store.' CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(seen)
ORDER BY judge
TTL toDateTime(seen) + INTERVAL 1 DAY
SETTINGS merge_with_ttl_timeout = 3600, non_replicated_deduplication_window = 10000
COMMENT 'Judge processes that share the store; the one at work the longest judges, the others stand by.';

CREATE TABLE IF NOT EXISTS {database:Identifier}.text_scores
(
    `request_id` UUID COMMENT 'Request; the same for all candidates, UUID version 7.' CODEC(ZSTD(1)),
    `ts` DateTime64(6, 'UTC') COMMENT 'Start of the request.' CODEC(Delta, ZSTD(1)),
    `candidate` LowCardinality(String) COMMENT 'Candidate; `control` is the primary\'s own second answer.',
    `experiment` LowCardinality(String) COMMENT 'What is compared: changes with models, params and urls, not with shares.',
    `block` DateTime('UTC') COMMENT 'Start of the time block of `ts`.' CODEC(Delta, ZSTD(1)),
    `bucket` UInt8 COMMENT 'Hash of `conversation`, 0 to 255.',
    `labels` Map(LowCardinality(String), String) COMMENT 'Labels of the request.' CODEC(ZSTD(1)),
    `metric` LowCardinality(String) COMMENT 'rouge_l, token_f1, regex_match, embedding_similarity, or that of a plug-in.',
    `score_primary` Nullable(Float64) COMMENT 'Score of the primary\'s answer; NULL for a comparison of both.',
    `score_candidate` Nullable(Float64) COMMENT 'Score of the candidate\'s answer, or how alike both are.',
    `inclusion_probability` Float64 COMMENT 'Probability with which the pair was drawn for it.',
    `scored_at` DateTime64(3, 'UTC') COMMENT 'When it was scored.'
)
ENGINE = ReplacingMergeTree(scored_at)
PARTITION BY toYYYYMM(ts)
ORDER BY (candidate, experiment, metric, ts, request_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Metrics of texts without a model, one row per pair and metric; the newest row counts.';

CREATE TABLE IF NOT EXISTS {database:Identifier}.notices
(
    `notice` UUID COMMENT 'What was noticed; the `id` of the payload.',
    `event` LowCardinality(String) COMMENT 'verdict, control_failed, drift, budget or breaker.',
    `candidate` LowCardinality(String) COMMENT 'Candidate; empty: it is about the primary, the control or the judge.',
    `topic` String COMMENT 'Of two of the same event and candidate: what each is about.',
    `state` LowCardinality(String) COMMENT 'What is so since then, such as promote, failed or spent.',
    `since` DateTime64(3, 'UTC') COMMENT 'When it began, as far as that is known.' CODEC(Delta, ZSTD(1)),
    `noticed` DateTime64(3, 'UTC') COMMENT 'When it was noticed.' CODEC(Delta, ZSTD(1)),
    `payload` String COMMENT 'What a webhook is sent, as JSON; empty: nobody is told.' CODEC(ZSTD(1)),
    `webhook` String COMMENT 'Which one: a digest of its address; empty: nobody is told.',
    `host` LowCardinality(String) COMMENT 'Its host; the rest of an address may be a secret.',
    `outcome` LowCardinality(String) COMMENT 'pending (not tried yet), failed (tried again later), delivered, given_up, or silent (nobody is told).',
    `attempts` UInt8 COMMENT 'Attempts so far.',
    `detail` String COMMENT 'What came of the last one: a status, or why there was none.',
    `at` DateTime64(3, 'UTC') COMMENT 'When that was so.' CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (noticed, notice)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What was noticed, and each attempt to tell a webhook of it; append-only.';

CREATE TABLE IF NOT EXISTS {database:Identifier}.notifiers
(
    `notifier` String COMMENT 'Process: a number drawn at its start.',
    `since` DateTime64(3, 'UTC') COMMENT 'Since when it has been at work without a break.',
    `seen` DateTime64(3, 'UTC') COMMENT 'When it last said so, by the clock of the store.' CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(seen)
ORDER BY notifier
TTL toDateTime(seen) + INTERVAL 1 DAY
SETTINGS merge_with_ttl_timeout = 3600, non_replicated_deduplication_window = 10000
COMMENT 'Dashboard processes that share the store; the one at work the longest tells webhooks, the others stand by.';
