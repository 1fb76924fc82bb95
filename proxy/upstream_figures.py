"""What `/metrics` says of connections to upstreams."""

from collections.abc import Iterable

from proxy import figures as names
from proxy.upstream.pool import Pool
from proxy.upstream.pools import Pools


def connection_gauges(primary: Iterable[Pool], copies: Iterable[Pool]) -> dict[str, int]:
    """Connections that there are now; each pool given once. Arms are told apart by the names of their pools."""
    found: dict[str, int] = {}
    for pool in primary:
        for state, count in _states(pool):
            name = names.primary_connections(state)
            found[name] = found.get(name, 0) + count
    for pool in copies:
        for state, count in _states(pool):
            name = names.candidate_connections(pool.name, state)
            found[name] = found.get(name, 0) + count
    return found


def connection_totals(pools: Pools) -> dict[str, int]:
    """Counters of the worker's whole life."""
    found = {
        names.reads_paused("primary"): pools.budgets.primary_paused.count,
        names.reads_paused("copies"): pools.budgets.copies_paused.count,
        names.PRIMARY_CONNECTIONS_MADE: pools.of_primary_counts.made,
        names.PRIMARY_CONNECTIONS_REUSED: pools.of_primary_counts.reused,
    }
    for candidate, counts in pools.of_copies_counts.items():
        found[names.candidate_connections_made(candidate)] = counts.made
        found[names.candidate_connections_reused(candidate)] = counts.reused
    return found


def _states(pool: Pool) -> Iterable[tuple[str, int]]:
    idle = pool.idle_count()
    return ("idle", idle), ("in_use", pool.open_count() - idle), ("connecting", pool.connecting_count())
