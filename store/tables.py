"""Every table and column, once: its name, its type, and what it means.

Migrations create them, the writer fills them by these names, the documentation is made from them.
Unknown values are NULL, never 0. Differences are candidate minus primary.
What views make of these tables is declared in `store.rollups`.
"""

from store.schema.column import Column, Table
from store.schema.judged import DECISIONS, EXPERIMENTS, JUDGEMENTS, LABELS_HUMAN
from store.schema.judging import JUDGE_CALLS, JUDGE_PROGRESS, JUDGE_SPEND, JUDGES, TEXT_SCORES
from store.schema.money import MACHINES, SPEND
from store.schema.notices import NOTICES, NOTIFIERS
from store.schema.pairs import (
    CANDIDATE_COLUMNS,
    CANDIDATE_USAGE,
    COUNTERS,
    PAIRS,
    PAYLOADS,
    PRIMARY_COLUMNS,
    PRIMARY_USAGE,
    SKIPS,
)
from store.schema.upkeep import ERASURES, WATERMARKS

__all__ = [
    "CANDIDATE_COLUMNS",
    "CANDIDATE_USAGE",
    "COUNTERS",
    "DECISIONS",
    "ERASURES",
    "EXPERIMENTS",
    "JUDGEMENTS",
    "JUDGES",
    "JUDGE_CALLS",
    "JUDGE_PROGRESS",
    "JUDGE_SPEND",
    "LABELS_HUMAN",
    "MACHINES",
    "NOTICES",
    "NOTIFIERS",
    "PAIRS",
    "PAYLOADS",
    "PRIMARY_COLUMNS",
    "PRIMARY_USAGE",
    "SKIPS",
    "SPEND",
    "TABLES",
    "TEXT_SCORES",
    "WATERMARKS",
    "Column",
    "Table",
]

TABLES = (
    PAIRS,
    SKIPS,
    COUNTERS,
    PAYLOADS,
    JUDGEMENTS,
    LABELS_HUMAN,
    JUDGE_CALLS,
    JUDGE_SPEND,
    JUDGE_PROGRESS,
    JUDGES,
    TEXT_SCORES,
    EXPERIMENTS,
    DECISIONS,
    NOTICES,
    NOTIFIERS,
    SPEND,
    MACHINES,
    WATERMARKS,
    ERASURES,
)
