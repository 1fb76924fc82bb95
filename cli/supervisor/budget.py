"""Dollars a day -> how many copies of this machine may be under way unknown to the store. Pure.

What a budget may be overshot by. Let k be the machine that begins the last copy of a day, r the reading that it leases
from, and c the estimate for one copy at r: the largest cost of a copy in 24 hours. At r every copy of the fleet is one
of three:

1. known to the store: charged with its cost, or with c while its cost is not known;
2. of k and not known to the store: at most floor((limit - charged) / machines / c) of them are ever allowed at once;
3. of another machine and not known to the store: begun in the W seconds before the last copy.

1 and 2 together stay within the limit as far as no copy costs more than its estimate. So a day costs at most

    limit + what copies that had no known cost at r cost above c + what other machines began within W

with W = age of the reading (at most 9 s: 6 s, and 3 s for boards) + 4 s until an old lease has ended everywhere + how
long the recorders take to report a copy (1 to 2 s). With one machine the last term is absent. While no cost is known
yet, one copy of the fleet is under way at a time, and after ten of unknown cost none any more. A whole answer without a
price ends it until the candidate is priced otherwise, or for the day; those from before are charged with c.
"""

from decimal import Decimal

from proxy.recorder.spend_file import CandidateSpend

MAX_COPIES = 10**9
"""Stands for any number: the candidate costs nothing."""
TRIALS = 10
"""Copies a day that may end without a cost before the first one with a cost."""


def copies_unknown_to_the_store(limit_usd: Decimal, spend: CandidateSpend, machines: int, rank: int) -> int:
    """How many copies of this machine may be so at once: granted, under way, or not reported yet.

    Args:
        limit_usd: the fleet's, per day.
        spend: of the fleet today.
        machines: that share the budget.
        rank: ours among them, from 0.
    """
    waiting = max(0, spend.admitted - spend.pairs)
    estimate = spend.largest_usd
    if spend.unpriced or spend.cost_usd >= limit_usd:
        return 0
    if estimate is None:
        in_doubt = spend.lost + spend.uncosted
        return int(rank == 0 and waiting <= spend.lost and in_doubt < TRIALS)
    charged_usd = spend.cost_usd + (waiting + spend.uncosted + spend.unpriced_before) * estimate
    left_usd = max(Decimal(0), limit_usd - charged_usd)
    if estimate <= 0:
        return MAX_COPIES
    return min(MAX_COPIES, int(left_usd / machines / estimate))
