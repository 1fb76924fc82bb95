"""Were both legs sent at the same time, by a loop that was not late?

Latencies of both arms are compared only as well as they start together. A mean skew above 1 % of the primary's mean
time, or above 5 ms where that is more, fails: a fifth of the default margin of 5 % at most would be the proxy's own.
"""

from analyzer.figures import Compared
from analyzer.integrity.results import Finding, Skew

LARGEST_SHARE = 0.01
"""Of the primary's mean time to the last byte."""
LARGEST_MS = 5.0
"""Allowed in any case: fast primaries are not compared to the millisecond."""
MIN_PAIRS = 30
"""With fewer, one slow connection makes the mean."""


def start_skew(compared: Compared) -> Skew | None:
    """None where no pair has a start skew."""
    start = compared.conduct.start
    if start is None or not start.pairs:
        return None
    mean_ms = start.sum_us / start.pairs / 1000
    finding: Finding = "open"
    if start.pairs >= MIN_PAIRS:
        finding = "failed" if abs(mean_ms) > limit_ms(compared) else "passed"
    busy_share = start.busy / start.watched if start.watched else None
    return Skew(start.pairs, mean_ms, start.p99_ms, busy_share, finding)


def limit_ms(compared: Compared) -> float:
    """Of the mean skew."""
    n = compared.totals.get("total_us_n", 0)
    mean_ms = compared.totals["total_us_primary"] / n / 1000 if n else 0.0
    return max(LARGEST_MS, LARGEST_SHARE * mean_ms)
