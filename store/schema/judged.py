"""What is compared, what judges and people said of it, and what was decided. How judging went: `judging`."""

from store.schema.column import MOMENT, NAME, REAL, TS, Column, Table
from store.schema.pairs import IDENTITY, LABELS, PLACE

EXPERIMENTS = Table(
    "experiments",
    "What an experiment id stands for; one row per id.",
    (
        Column("id", "String", "Experiment id."),
        Column("candidate", NAME, "Candidate."),
        Column("compared", "String", "What is compared, as JSON: urls, models, params."),
        Column("created", TS, "When it was first seen."),
        Column("policy", "String", "Policy that decides, as JSON; empty when none was declared.", "ZSTD(1)"),
        Column(
            "planned_pairs",
            "Nullable(UInt64)",
            "Pairs that the anytime intervals are planned for (n*); NULL when none were declared.",
        ),
    ),
)

BLOCK_AND_BUCKET = tuple(c for c in PLACE if c.name != "conversation")
_SCORES = (
    Column("preference", REAL, "-1 to 1, positive: the candidate is better; NULL when only scores were given."),
    Column("score_primary", REAL, "Score of the primary's answer; NULL when none was given."),
    Column("score_candidate", REAL, "Score of the candidate's answer; NULL when none was given."),
)
_RATIONALE = Column(
    "rationale", "String", "Reasons as written, as `privacy.bodies` allows; kept for `privacy.retention`.", "ZSTD(3)"
)

JUDGEMENTS = Table(
    "judgements",
    "One row per pair, judge and rubric, written when all its orders are in.",
    (
        *IDENTITY,
        *BLOCK_AND_BUCKET,
        LABELS,
        Column("judge", NAME, "Judge, as the configuration names it; empty below the rung `judge`."),
        Column("rubric", NAME, "Rubric with its version."),
        Column("rung", NAME, "equal, structure or judge: what settled it."),
        Column("mode", NAME, "pairwise or pointwise."),
        *_SCORES[:1],
        Column("preference_pc", REAL, "Preference with the primary shown first; NULL when not asked so."),
        Column("preference_cp", REAL, "Preference with the candidate shown first; NULL when not asked so."),
        *_SCORES[1:],
        Column("inclusion_probability", "Float64", "Probability with which the pair was drawn for judging."),
        Column("temperature", REAL, "Temperature of the judge; NULL when it was not set."),
        Column("seed", "Nullable(Int64)", "Seed of the judge; NULL when it was not set."),
        _RATIONALE,
        Column("cost_usd", "Nullable(Decimal(18, 9))", "What the judge's calls cost in US dollars; NULL: unknown."),
        Column("judged_at", MOMENT, "When it was judged; the newest row of a pair, judge and rubric counts."),
        Column(
            "order_probability",
            REAL,
            "Probability with which the answers were shown in this order; NULL when both orders were asked, or none.",
        ),
        Column("judge_model", NAME, "The judge's model, as its answer names it; empty below the rung `judge`."),
    ),
    holds_text=True,
    text_columns=(_RATIONALE.name,),
)

LABELS_HUMAN = Table(
    "labels_human",
    "What people said of pairs; the newest row per pair, person and rubric counts.",
    (
        *IDENTITY,
        *BLOCK_AND_BUCKET,
        LABELS,
        Column("labeler", NAME, "Who said it, as the imported file names them."),
        Column("rubric", NAME, "Rubric with its version."),
        *_SCORES,
        Column(
            "inclusion_probability", REAL, "Probability with which the pair was drawn for labelling; NULL: unknown."
        ),
        _RATIONALE,
        Column("labeled_at", MOMENT, "When it was said."),
    ),
    holds_text=True,
    text_columns=(_RATIONALE.name,),
)

DECISIONS = Table(
    "decisions",
    "What `gate` and promotions decided; append-only.",
    (
        Column("id", "UUID", "Decision."),
        Column("decided_at", MOMENT, "When it was decided."),
        Column("candidate", NAME, "Candidate."),
        Column("experiment", NAME, "As in `pairs`."),
        Column("source", NAME, "gate or promotion."),
        Column("decision", NAME, "promote, reject or wait."),
        Column("reasons", "Array(String)", "Reasons, as the report gives them."),
        Column("since", TS, "Begin of the reported window."),
        Column("until", TS, "End of the reported window."),
        Column("pairs", "UInt64", "Pairs in the window."),
        Column("policy_digest", "String", "SHA-256 of the policy that decided."),
        Column("report_digest", "String", "SHA-256 of the report that it rests on."),
        Column("decided_by", "String", "Who ran it, where that is known; else empty."),
    ),
)
