"""All leases of a worker: kept over reloads of the configuration, taken from the supervisor, reported to it."""

import asyncio
from collections.abc import Mapping

from config.model import Config
from config.upstreams import Candidate, Control
from proxy.shadow.lease import ArmLease, even_part
from record.pair import CONTROL
from runtime.link import Lease, Link, Used

REPORT_EVERY_S = 0.25


class ArmLeases:
    """One lease per candidate, by name; copies of an older configuration go on counting on it."""

    def __init__(self, worker: str, slots: Mapping[str, int]) -> None:
        """`worker`: its name, `proxy-0`. `slots`: copies under way by candidate until the first lease."""
        number = worker.rpartition("-")[2]
        self._number = int(number) if number.isdecimal() else 0
        self._slots = slots
        self._by_name: dict[str, ArmLease] = {}
        self._read = 0
        self._reported: dict[str, Used] = {}

    def configure(self, config: Config) -> None:
        """Call it before `of` with each new configuration."""
        workers = config.listen.worker_count()
        for candidate in config.candidates:
            self._configure(candidate.name, candidate, workers)
        if config.control.sample > 0:
            self._configure(CONTROL, config.control, workers)

    def _configure(self, name: str, arm: Candidate | Control, workers: int) -> None:
        has_budget = isinstance(arm, Candidate) and arm.budget.usd_per_day is not None
        has_rate = isinstance(arm, Candidate) and arm.budget.requests_per_minute is not None
        lease = self._by_name.get(name)
        if lease is not None:
            lease.require(has_budget=has_budget, has_rate=has_rate)
            return
        slots = self._slots.get(name)
        if slots is None:
            slots = even_part(arm.max_in_flight, workers, self._number)
        self._by_name[name] = ArmLease(slots, has_budget=has_budget, has_rate=has_rate)

    def of(self, candidate: str) -> ArmLease:
        """The lease of a candidate of the newest configuration."""
        return self._by_name[candidate]

    def accept(self, lease: Lease) -> None:
        """What the supervisor grants; candidates that we do not have are left out."""
        self._read = lease.number
        for name, terms in lease.terms.items():
            if (arm := self._by_name.get(name)) is not None:
                arm.accept(terms, lease.valid_until_ns)

    async def report(self, link: Link) -> None:
        """Tells the supervisor four times a second while something changes or a lease has to be renewed; a task."""
        told = -1
        while True:
            used = {name: lease.used() for name, lease in self._by_name.items()}
            is_limited = any(lease.is_limited for lease in self._by_name.values())
            if used != self._reported or told != self._read or is_limited:
                self._reported, told = used, self._read
                link.demand(used, told)
            await asyncio.sleep(REPORT_EVERY_S)
