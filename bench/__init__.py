"""Benchmarks and the replay of recorded data. Nothing here is part of the product, and no test times anything.

The comparisons, each one command that writes its section of `RESULTS.md` (`--full` takes long, `--dry` writes nothing):

* `mirror`      CPU per mirrored exchange of one pinned worker, beside nginx, Envoy and slower peers
* `latency`     what a proxy adds to a latency at a fixed rate, in an open loop
* `isolation`   the primary while the shadow side is broken: `scenarios`, `isolation_runs`, `isolation_report`
* `streams`     many concurrent event streams
* `recorder`    pairs per second from capture log to store, and how soon they are seen
* `rollups`     the live view's queries over the rollups of 100 million pairs, and what they cost an insert
* `report`      a full report over 10 million requests with 3 candidates: seconds and memory
* `judge`       judged pairs per second, dollars against the judge's own bill; `judge_recorded`: recorded judges
* `visible`     how soon a pair is on the live page, what the page weighs, and when it is first painted
* `store_size`  bytes per pair on disk, and what other codecs and orders would make of them
* `bars`        required and measured, in one table, from the figures that the others left in `measured/`
* `profile`     where a worker's CPU goes
* `replay`      recorded outputs of real models through the whole pipeline: `asking`, `compared`, `pipeline`,
  `recordings`

What they stand on:

1. `machine`, `precise`             cores, clocks, processes; an event loop with exact timers
2. `load`, `schedule`, `openloop`, `generated`, `stream_clients`, `probes`   who asks, and what they saw
3. `upstreams`, `event_stream`, `llm`, `llm_upstream`   who answers, and counts
4. `contenders`, `peers`, `aiohttp_mirror`, `worker`, `served`   what is compared
5. `captured`, `rounds`, `recorder_cost`   one round of wrk, and what the capture log holds of it
   `capture_log`   a log of exchanges that are known to the last byte
   `owned_store`, `rolled`, `filled`, `stored_rows`   a store of one's own, and rows for it
6. `intervals`, `measured`, `results`   figures, their spread, and where they are written
"""
