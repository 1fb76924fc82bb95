"""Makes the pools of a worker: the primary's and each arm's, with what they share."""

from proxy.upstream.budget import Budgets
from proxy.upstream.connector import Route
from proxy.upstream.pool import Pool, PoolCounts
from proxy.upstream.reachability import OnChange
from proxy.upstream.resolver import Resolver
from proxy.upstream.tls import Tls
from proxy.wire.heads import Origin
from runtime.tasks import Tasks


class Pools:
    """One per worker, whatever the configuration: the budget of all copies outlives a reload."""

    def __init__(self, tasks: Tasks, on_change: OnChange) -> None:
        self.budgets = Budgets()
        self.of_primary_counts = PoolCounts()
        self.of_copies_counts: dict[str, PoolCounts] = {}
        """By the arm's name; an arm that a reload took away keeps its own, should it come back."""
        self._tasks = tasks
        self._on_change = on_change

    def of_primary(self, name: str, origin: Origin, connect_timeout_s: float, tls: Tls | None) -> Pool:
        """For the primary legs."""
        resolver = Resolver(origin.host, origin.port)
        route = Route(name, origin, connect_timeout_s, tls, resolver, self.budgets.of_primary, self._on_change)
        return Pool(route, self._tasks, self.of_primary_counts)

    def of_copies(self, name: str, origin: Origin, connect_timeout_s: float, tls: Tls | None) -> Pool:
        """For the copies of an arm, the control leg's too."""
        resolver = Resolver(origin.host, origin.port)
        route = Route(name, origin, connect_timeout_s, tls, resolver, self.budgets.of_copies, self._on_change)
        return Pool(route, self._tasks, self.of_copies_counts.setdefault(name, PoolCounts()))
