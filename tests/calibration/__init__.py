"""Does what the analyzer says hold as often as it claims? Simulated traffic with a known truth, and the product's own
functions.

1. traffic    draws pairs whose true difference is known
2. ledgers    estimates at any look, from sums that grow block by block
3. looking    what a user would see at each look, by the product's functions
4. one module for each promise: false_alarms, coverage, gates, power, watches, missing, corrected (of judgements that
   `judged` draws), stored (the whole way)
5. replicated many replications side by side, each from its own seed
6. validity   the page of results, docs/validity.md

`python -m tests.calibration` runs it all; test_*.py are the short form.
"""
