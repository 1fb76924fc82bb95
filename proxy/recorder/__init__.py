"""Capture log -> dialects -> pairs -> store: at-least-once in, exactly-once rows out.

1. `streams`     which streams a capture directory holds, which are ours (`claim`), which of their workers are dead
2. `walk`        the way through one stream's `segments`: torn tails waited for, damage to `quarantine`
3. `exchange`    frames -> exchanges that are complete; `carry` keeps those that stay open for long
4. `builder`     what is due -> a pair or a skip: `leg` reads one arm, `pricing` its cost, `pairing` puts both together,
   `comparison` says how alike they are, `texts` and `redaction` what of their words may be kept
5. `shipment`    `rows` of one stretch of one segment, under one deduplication token
6. `follower`    one stream: reads, plans, acknowledges, and remembers all that in `checkpoint`
7. `reporter`    boards -> counter rows; `tally` says what changed, and what a dead worker lost
8. `watermarks`  up to when each stream is complete in the store
9. `sender`      shipments -> `destination`, again and again until the store takes them; `absence` says when it does not
10. `dropping`   the store is away and the log nearly full: the oldest segments go, by `reduction` and `swap`
11. `recorder`   the turn of all this; `role` the process
"""
