-- What candidates cost, added up per minute as pairs and counters arrive, and which machines share the budgets.

CREATE TABLE IF NOT EXISTS {database:Identifier}.spend
(
    `candidate` LowCardinality(String) COMMENT 'Candidate.',
    `experiment` LowCardinality(String) COMMENT 'As in `pairs`; empty for what comes from the counters.',
    `minute` DateTime('UTC') COMMENT 'Minute of the start of the requests; of the counters, within their hour.' CODEC(Delta, ZSTD(1)),
    `pairs` SimpleAggregateFunction(sum, UInt64) COMMENT 'Pairs.' CODEC(T64, ZSTD(1)),
    `cost_usd` SimpleAggregateFunction(sum, Decimal(38, 9)) COMMENT 'Known cost of the candidate, US dollars.' CODEC(ZSTD(1)),
    `largest_usd` SimpleAggregateFunction(max, Nullable(Decimal(18, 9))) COMMENT 'Cost of the dearest copy; NULL when none is known.' CODEC(ZSTD(1)),
    `unpriced` SimpleAggregateFunction(sum, UInt64) COMMENT 'Whole answers whose cost is unknown.' CODEC(T64, ZSTD(1)),
    `uncosted` SimpleAggregateFunction(sum, UInt64) COMMENT 'Answers cut short, wrong or late whose cost is unknown.' CODEC(T64, ZSTD(1)),
    `admitted` SimpleAggregateFunction(sum, UInt64) COMMENT 'Copies sent, by the counters.' CODEC(T64, ZSTD(1)),
    `lost` SimpleAggregateFunction(sum, UInt64) COMMENT 'Copies that will never be pairs, by the counters.' CODEC(T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (candidate, experiment, minute)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What candidates cost per minute, for budgets; rows of the same key add up.';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database:Identifier}.spend_of_pairs TO {database:Identifier}.spend AS
SELECT
    candidate,
    experiment,
    toStartOfMinute(ts) AS minute,
    count() AS pairs,
    sum(toDecimal128(ifNull(candidate_cost_usd, 0), 9)) AS cost_usd,
    max(candidate_cost_usd) AS largest_usd,
    countIf(candidate_cost_usd IS NULL AND candidate_outcome = 'ok') AS unpriced,
    countIf(candidate_cost_usd IS NULL AND candidate_outcome NOT IN ('ok', 'http_error', 'connect_error', 'unavailable')) AS uncosted
FROM {database:Identifier}.pairs
GROUP BY candidate, experiment, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS {database:Identifier}.spend_of_counters TO {database:Identifier}.spend AS
SELECT
    candidate,
    '' AS experiment,
    toStartOfMinute(ts) AS minute,
    sumIf(count, state = 'admitted') AS admitted,
    sumIf(count, state IN ('worker_lost', 'disk_dropped', 'quarantined')) AS lost
FROM {database:Identifier}.counters
WHERE state IN ('admitted', 'worker_lost', 'disk_dropped', 'quarantined')
GROUP BY candidate, minute;

-- What was spent before the views were there. A row that comes between is counted twice, which errs on the safe side.
INSERT INTO {database:Identifier}.spend (candidate, experiment, minute, pairs, cost_usd, largest_usd, unpriced, uncosted)
SELECT
    candidate,
    experiment,
    toStartOfMinute(ts) AS minute,
    count(),
    sum(toDecimal128(ifNull(candidate_cost_usd, 0), 9)),
    max(candidate_cost_usd),
    countIf(candidate_cost_usd IS NULL AND candidate_outcome = 'ok'),
    countIf(candidate_cost_usd IS NULL AND candidate_outcome NOT IN ('ok', 'http_error', 'connect_error', 'unavailable'))
FROM {database:Identifier}.pairs
WHERE ts >= toStartOfDay(now('UTC'))
GROUP BY candidate, experiment, minute
SETTINGS insert_deduplication_token = 'schema-2-pairs';

INSERT INTO {database:Identifier}.spend (candidate, experiment, minute, admitted, lost)
SELECT
    candidate,
    '',
    toStartOfMinute(ts) AS minute,
    sumIf(count, state = 'admitted'),
    sumIf(count, state IN ('worker_lost', 'disk_dropped', 'quarantined'))
FROM {database:Identifier}.counters
WHERE ts >= toStartOfDay(now('UTC')) AND state IN ('admitted', 'worker_lost', 'disk_dropped', 'quarantined')
GROUP BY candidate, minute
SETTINGS insert_deduplication_token = 'schema-2-counters';

CREATE TABLE IF NOT EXISTS {database:Identifier}.machines
(
    `machine` String COMMENT 'Machine: a number drawn once per capture directory.',
    `since` DateTime64(3, 'UTC') COMMENT 'Since when it has been at work without a break.',
    `seen` DateTime64(3, 'UTC') COMMENT 'When it last said so, by the clock of the store.' CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(seen)
ORDER BY machine
TTL toDateTime(seen) + INTERVAL 1 DAY
SETTINGS merge_with_ttl_timeout = 3600, non_replicated_deduplication_window = 10000
COMMENT 'Machines that share the budgets; the newest row of each counts.';
