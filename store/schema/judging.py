"""How judging went: each call to a judge, what it cost, how far the work has come; and metrics of texts."""

from store.schema.column import COUNT, MOMENT, NAME, REAL, SECOND, TS, Column, Table
from store.schema.judged import BLOCK_AND_BUCKET
from store.schema.money import added_up
from store.schema.pairs import BATCH, IDENTITY, LABELS

_RATIONALE = Column(
    "rationale", "String", "Reasons as written, as `privacy.bodies` allows; kept for `privacy.retention`.", "ZSTD(3)"
)

JUDGE_CALLS = Table(
    "judge_calls",
    "Calls to judges, two rows each: `asked` before it is sent, `ended` when its answer is there.",
    (
        *IDENTITY,
        LABELS,
        Column("call", "UUID", "Call; UUID version 7.", "ZSTD(1)"),
        Column("stage", NAME, "asked or ended; a call without `ended` was under way, or lost when its process died."),
        Column("judge", NAME, "Judge, as the configuration names it; empty for embeddings."),
        Column("rubric", NAME, "Rubric with its version; empty for embeddings."),
        Column("kind", NAME, "verdict, repeat, canary or embedding."),
        Column(
            "question",
            NAME,
            "pairwise_pc (primary shown first), pairwise_cp, pointwise_primary or pointwise_candidate; of a canary, "
            "which answer stood first: canary_first or canary_second.",
        ),
        Column("attempt", "UInt8", "1 for the first call of a question."),
        Column(
            "outcome",
            NAME,
            "ok, or why there is no verdict: timeout, connect_error, rate_limited, http_error, refusal, unparsable, "
            "truncated, input_too_long, judge_is_arm, interrupted; empty while asked.",
        ),
        Column("is_final", "Bool", "No further attempt of this question follows."),
        Column(
            "verdict",
            REAL,
            "Pairwise: -1 to 1, positive for the candidate, of a canary for the honest answer; pointwise: 1 to 10.",
        ),
        Column("inclusion_probability", "Float64", "Probability with which the pair was drawn for judging."),
        Column("model", NAME, "Model, as the answer names it; empty when there is none."),
        Column("input_tokens", COUNT, "Input tokens as reported.", "ZSTD(1)"),
        Column("output_tokens", COUNT, "Output tokens as reported.", "ZSTD(1)"),
        Column("cost_usd", "Nullable(Decimal(18, 9))", "What it cost in US dollars; NULL: unknown.", "ZSTD(1)"),
        Column(
            "committed_usd",
            "Decimal(18, 9)",
            "What it adds to the day's spend: at first the most that it can cost; when it has ended, what it cost less "
            "that.",
            "ZSTD(1)",
        ),
        Column("asked_at", MOMENT, "When it was about to be sent.", "Delta, ZSTD(1)"),
        Column("latency_ms", REAL, "From sending to the answer's last byte, ms; NULL while asked, and without a call."),
        _RATIONALE,
        BATCH,
    ),
    holds_text=True,
    text_columns=(_RATIONALE.name,),
)

JUDGE_SPEND = Table(
    "judge_spend",
    "What judging costs per minute, for its budget; rows of the same key add up.",
    (
        Column("minute", SECOND, "Minute in which the calls were asked.", "Delta, ZSTD(1)"),
        Column("judge", NAME, "As in `judge_calls`."),
        added_up("asked", "UInt64", "Calls.", "T64, ZSTD(1)"),
        added_up("ended", "UInt64", "Of these, ended ones.", "T64, ZSTD(1)"),
        added_up("known_usd", "Decimal(38, 9)", "Known cost, US dollars.", "ZSTD(1)"),
        added_up("committed_usd", "Decimal(38, 9)", "Known cost, and the most that the others can cost.", "ZSTD(1)"),
        added_up("unpriced", "UInt64", "Ended calls whose cost is unknown.", "T64, ZSTD(1)"),
    ),
)
"""Filled by a view on `judge_calls`, never by a writer."""

JUDGE_PROGRESS = Table(
    "judge_progress",
    "Up to where the judge has taken up pairs; the newest row of a plan counts.",
    (
        Column("plan", "String", "What is judged and how: rubric, mode, orders, judges, metrics; a digest."),
        Column("taken_until", TS, "All pairs that began before were taken up.", "Delta, ZSTD(1)"),
        Column("at", MOMENT, "When that was so.", "Delta, ZSTD(1)"),
    ),
)

JUDGES = Table(
    "judges",
    "Judge processes that share the store; the one at work the longest judges, the others stand by.",
    (
        Column("judge", "String", "Process: a number drawn at its start."),
        Column("since", MOMENT, "Since when it has been at work without a break."),
        Column("seen", MOMENT, "When it last said so, by the clock of the store.", "Delta, ZSTD(1)"),
    ),
)

TEXT_SCORES = Table(
    "text_scores",
    "Metrics of texts without a model, one row per pair and metric; the newest row counts.",
    (
        *IDENTITY,
        *BLOCK_AND_BUCKET,
        LABELS,
        Column("metric", NAME, "rouge_l, token_f1, regex_match, embedding_similarity, or that of a plug-in."),
        Column("score_primary", REAL, "Score of the primary's answer; NULL for a comparison of both."),
        Column("score_candidate", REAL, "Score of the candidate's answer, or how alike both are."),
        Column("inclusion_probability", "Float64", "Probability with which the pair was drawn for it."),
        Column("scored_at", MOMENT, "When it was scored."),
    ),
)
