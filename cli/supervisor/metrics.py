"""`/metrics`: statuses of the roles, totals of the boards, leases and reported figures, in Prometheus' text format."""

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from cli.supervisor.boards import BoardTotals
from cli.supervisor.families import Families
from cli.supervisor.keeper import RoleStatus
from cli.supervisor.leasing import LeasingStatus


def families(
    version: str,
    roles: Iterable[RoleStatus],
    boards: BoardTotals,
    paused: Mapping[str, bool],
    leasing: LeasingStatus | None = None,
) -> Sequence[Metric]:
    """Everything that `/metrics` shows; `paused`: by candidate."""
    found = Families()
    found.add("shadowbench_build_info", {"version": version}, 1)
    for status in roles:
        labels = {"role": status.spec.role, "name": status.spec.name}
        found.add("shadowbench_role_up", labels, float(status.is_ready))
        found.add("shadowbench_role_restarts_total", labels, status.restarts)
        for figure, value in status.figures.items():
            found.add_figure(figure, {"name": status.spec.name}, value)
    for candidate, is_paused in paused.items():
        found.add("shadowbench_paused", {"candidate": candidate}, float(is_paused))
    for (worker, candidate, state), count in sorted(boards.states.items()):
        found.add("shadowbench_requests_total", {"worker": worker, "candidate": candidate, "state": state}, count)
    for (worker, figure), value in sorted(boards.figures.items()):
        found.add_figure(figure, {"worker": worker}, value)
    if boards.read_at:
        found.add("shadowbench_boards_read_timestamp_seconds", {}, boards.read_at)
        found.add("shadowbench_boards_unreadable", {}, boards.unreadable)
    if leasing is not None:
        _add_leasing(found, leasing)
    return found.all()


def _add_leasing(found: Families, leasing: LeasingStatus) -> None:
    """What is not known is absent: the spend while there is no fresh reading."""
    for candidate, state in leasing.candidates.items():
        labels = {"candidate": candidate}
        limits, spend = state.limits, state.spend
        if limits.usd_per_day is not None:
            found.add("shadowbench_budget_usd", labels, float(limits.usd_per_day))
            if spend is not None:
                found.add("shadowbench_budget_spent_usd", labels, float(spend.cost_usd))
                found.add("shadowbench_budget_unpriced_copies", labels, spend.unpriced)
        if limits.requests_per_minute is not None:
            found.add("shadowbench_rate_limit_per_minute", labels, limits.requests_per_minute)
        found.add("shadowbench_lease_unused_copies", labels, state.unused)
        found.add("shadowbench_lease_refused_copies_total", labels, state.refused)
    if leasing.reading_age_s is not None:
        found.add("shadowbench_lease_reading_age_seconds", {}, leasing.reading_age_s)
    if leasing.machines is not None and leasing.candidates:
        found.add("shadowbench_lease_machines", {}, leasing.machines)


class _Once(Collector):
    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def page(metrics: Sequence[Metric]) -> bytes:
    """The text format that Prometheus reads."""
    registry = CollectorRegistry()
    registry.register(_Once(metrics))
    return generate_latest(registry)
