"""What people were told by webhooks, and which process tells them."""

from store.schema.column import MOMENT, NAME, Column, Table

NOTICES = Table(
    "notices",
    "What was noticed, and each attempt to tell a webhook of it; append-only.",
    (
        Column("notice", "UUID", "What was noticed; the `id` of the payload."),
        Column("event", NAME, "verdict, control_failed, drift, budget or breaker."),
        Column("candidate", NAME, "Candidate; empty: it is about the primary, the control or the judge."),
        Column("topic", "String", "Of two of the same event and candidate: what each is about."),
        Column("state", NAME, "What is so since then, such as promote, failed or spent."),
        Column("since", MOMENT, "When it began, as far as that is known.", "Delta, ZSTD(1)"),
        Column("noticed", MOMENT, "When it was noticed.", "Delta, ZSTD(1)"),
        Column("payload", "String", "What a webhook is sent, as JSON; empty: nobody is told.", "ZSTD(1)"),
        Column("webhook", "String", "Which one: a digest of its address; empty: nobody is told."),
        Column("host", NAME, "Its host; the rest of an address may be a secret."),
        Column(
            "outcome",
            NAME,
            "pending (not tried yet), failed (tried again later), delivered, given_up, or silent (nobody is told).",
        ),
        Column("attempts", "UInt8", "Attempts so far."),
        Column("detail", "String", "What came of the last one: a status, or why there was none."),
        Column("at", MOMENT, "When that was so.", "Delta, ZSTD(1)"),
    ),
)

NOTIFIERS = Table(
    "notifiers",
    "Dashboard processes that share the store; the one at work the longest tells webhooks, the others stand by.",
    (
        Column("notifier", "String", "Process: a number drawn at its start."),
        Column("since", MOMENT, "Since when it has been at work without a break."),
        Column("seen", MOMENT, "When it last said so, by the clock of the store.", "Delta, ZSTD(1)"),
    ),
)
