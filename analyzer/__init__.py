"""The analyzer: from pairs to what they allow one to say. The journey of a report:

1. `source`    what it asks: sums per group, counts of states; `stored` asks a store
2. `measures`  the metrics: what each takes from a pair, which pairs count, which direction is better
3. `stats`     the mathematics: estimates and standard errors from sums per group (pure)
4. `comparison`  one metric of one candidate: estimate, interval, verdict, or the reason why there is none
5. `integrity` was the sample what it should be, what is missing and whose fault that is
6. `study`     all of it, frozen: every number of a report, computed once
7. `report`    a study as JSON or as a table; computes nothing
8. `audit`     received = unsampled + skips + pairs + open + lost, per candidate and hour

Differences are candidate minus primary. Unknown is None, never 0.
"""
