"""What the dashboard counts, for `/metrics`."""

from collections import Counter, defaultdict


class Figures:
    """Totals since the role's start. Labels come from our own names, so that the page stays short."""

    def __init__(self) -> None:
        self._totals: Counter[str] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self.is_store_up: bool | None = None
        """None: it was not asked yet."""

    def answered(self, page: str, status: int, seconds: float) -> None:
        """One answer; `page`: the name of its route."""
        self._totals[f'shadowbench_dashboard_requests_total{{page="{page}",class="{status // 100}xx"}}'] += 1
        self._seconds[f'shadowbench_dashboard_request_seconds_total{{page="{page}"}}'] += seconds

    def refused(self, reason: str) -> None:
        """One request that was not let in."""
        self._totals[f'shadowbench_dashboard_refused_total{{reason="{reason}"}}'] += 1

    def count(self, name: str, by: int = 1) -> None:
        """Adds to a total; `name`: as `/metrics` has it."""
        self._totals[name] += by

    def all(self) -> dict[str, float]:
        """By metric name; the store's state only once it is known."""
        found: dict[str, float] = {**{k: float(v) for k, v in self._totals.items()}, **self._seconds}
        if self.is_store_up is not None:
            found["shadowbench_dashboard_store_up"] = float(self.is_store_up)
        return found
