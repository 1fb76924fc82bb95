"""What budgets are kept by."""

from store.schema.column import MOMENT, NAME, SECOND, Column, Table


def added_up(name: str, type_: str, comment: str, codec: str) -> Column:
    """A column whose rows of the same key add up."""
    return Column(name, f"SimpleAggregateFunction(sum, {type_})", comment, codec)


SPEND = Table(
    "spend",
    "What candidates cost per minute, for budgets; rows of the same key add up.",
    (
        Column("candidate", NAME, "Candidate."),
        Column("experiment", NAME, "As in `pairs`; empty for what comes from the counters."),
        Column(
            "minute",
            SECOND,
            "Minute of the start of the requests; of the counters, within their hour.",
            "Delta, ZSTD(1)",
        ),
        added_up("pairs", "UInt64", "Pairs.", "T64, ZSTD(1)"),
        added_up("cost_usd", "Decimal(38, 9)", "Known cost of the candidate, US dollars.", "ZSTD(1)"),
        Column(
            "largest_usd",
            "SimpleAggregateFunction(max, Nullable(Decimal(18, 9)))",
            "Cost of the dearest copy; NULL when none is known.",
            "ZSTD(1)",
        ),
        added_up("unpriced", "UInt64", "Whole answers whose cost is unknown.", "T64, ZSTD(1)"),
        added_up("uncosted", "UInt64", "Answers cut short, wrong or late whose cost is unknown.", "T64, ZSTD(1)"),
        added_up("admitted", "UInt64", "Copies sent, by the counters.", "T64, ZSTD(1)"),
        added_up("lost", "UInt64", "Copies that will never be pairs, by the counters.", "T64, ZSTD(1)"),
    ),
)
"""Filled by views on `pairs` and `counters`, never by a writer."""

MACHINES = Table(
    "machines",
    "Machines that share the budgets; the newest row of each counts.",
    (
        Column("machine", "String", "Machine: a number drawn once per capture directory."),
        Column("since", MOMENT, "Since when it has been at work without a break."),
        Column("seen", MOMENT, "When it last said so, by the clock of the store.", "Delta, ZSTD(1)"),
    ),
)
