"""How far the rows of each stream are complete, and what is being erased."""

from store.schema.column import MOMENT, NAME, TS, Column, Table

WATERMARKS = Table(
    "watermarks",
    "Up to when each stream of captured exchanges is in the store; the newest row of each counts. "
    "A stream that nobody has spoken of for 30 days is forgotten.",
    (
        Column("stream", "UUID", "Stream: what one worker process captured."),
        Column("worker", NAME, "Proxy worker."),
        Column(
            "watermark",
            "Nullable(DateTime64(6, 'UTC'))",
            "Start of the oldest exchange whose end is not in the store yet, else the moment up to which all is there; "
            "NULL while neither is known.",
        ),
        Column("closed", "Bool", "Its worker has ended and all that it captured is in the store."),
        Column("seen", MOMENT, "When the recorder said so."),
    ),
)

ERASURES = Table(
    "erasures",
    "Rows that `shadowbench erase` takes out of the tables, written down before it begins.",
    (
        Column("erasure", "UUID", "One call of `erase`."),
        Column("request_id", "UUID", "Request."),
        Column("candidate", NAME, "Candidate."),
        Column("ts", TS, "Start of the request."),
        Column("started", MOMENT, "When the call began."),
        Column(
            "step", NAME, "Empty: a row that goes. Else a step that the call has done: begun, listed, subtracted, done."
        ),
    ),
)
