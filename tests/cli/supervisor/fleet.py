"""A fleet in memory: machines with a supervisor's leases, workers, boards, a recorder that lags, and one store.

Time goes in steps of a quarter of a second. Everything that can be late is late: reports of workers, what recorders
tell the store, readings. The workers decide with the product's own `ArmLease`, the supervisors with its `Leases`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from random import Random

from cli.supervisor.candidate_leases import Limits
from cli.supervisor.leases import Leases
from proxy.recorder.spend_file import CandidateSpend, SpendReading
from proxy.shadow.lease import ArmLease
from runtime.link import Demand, Lease

STEP_S = 0.25
NAME = "llama"
BOARD_LAG_S = 3.0


@dataclass(eq=False)
class Copy:
    machine: int
    begun_s: float
    cost: Decimal
    ends_s: float
    admitted_s: float
    """When the store counts it as sent."""
    settled_s: float | None
    """When the store knew its cost; None: never."""


@dataclass
class Store:
    """Only what a reading sees."""

    copies: list[Copy] = field(default_factory=list)
    readings: list[tuple[float, Decimal | None]] = field(default_factory=list)
    """(time, estimate) of every reading."""

    def read(self, now_s: float, machine: int, machines: int, board_lag_s: float) -> SpendReading:
        pairs, cost, largest, admitted, unreported = 0, Decimal(0), None, 0, 0
        for c in self.copies:
            if c.settled_s is not None and c.settled_s <= now_s:
                pairs += 1
                cost += c.cost
                largest = max(largest or c.cost, c.cost)
            if c.admitted_s <= now_s:
                admitted += 1
            elif c.machine == machine and c.begun_s <= now_s - board_lag_s:
                unreported += 1
        self.readings.append((now_s, largest))
        spend = CandidateSpend(
            pairs=pairs, cost_usd=cost, largest_usd=largest, admitted=admitted, unreported=unreported
        )
        before_ns = int((now_s - BOARD_LAG_S) * 1e9)
        return SpendReading(1, str(machine), date(2026, 1, 1), before_ns, machines, machine, {NAME: spend})


class Worker:
    def __init__(self, slots: Mapping[str, int]) -> None:
        self.arm = ArmLease(slots[NAME], has_budget=True, has_rate=False)
        self.read = 0
        self.inbox: list[tuple[float, Lease]] = []
        self.open: list[Copy] = []

    def take(self, now_s: float) -> None:
        while self.inbox and self.inbox[0][0] <= now_s:
            _, lease = self.inbox.pop(0)
            self.read = lease.number
            self.arm.accept(lease.terms[NAME], lease.valid_until_ns)

    def demand(self) -> Demand:
        return Demand({NAME: self.arm.used()}, self.read)


class Machine:
    def __init__(self, number: int, limit: Decimal, workers: int) -> None:
        self.number = number
        self.names = [f"proxy-{i}" for i in range(workers)]
        self.limits = {NAME: Limits(64, limit)}
        self.start(0.0)
        self.reading: SpendReading | None = None
        self.reads_at_s = 0.0
        self.recorder_back_s = 0.0

    def start(self, now_s: float) -> None:
        """A supervisor and its workers."""
        self.leases = Leases(self.limits, self.names, int(now_s * 1e9))
        self.workers = {name: Worker(self.leases.begin(name)) for name in self.names}

    def kill(self, name: str, now_s: float) -> None:
        """kill -9: what was under way is lost, and has cost what it cost."""
        for copy in self.workers[name].open:
            copy.settled_s = None
            copy.ends_s = float("inf")
        self.leases.end(name, int(now_s * 1e9))
        self.workers[name] = Worker(self.leases.begin(name))


class Fleet:
    def __init__(self, random: Random, *, machines: int, limit: Decimal, largest: int) -> None:
        self.random = random
        self.store = Store()
        self.machines = [Machine(n, limit, random.randint(1, 3)) for n in range(machines)]
        self.largest = largest
        self.now_s = 10.0
        self.refused = 0

    def run(self, steps: int, *, troubles: float) -> None:
        for _ in range(steps):
            self.now_s += STEP_S
            for machine in self.machines:
                self._step(machine, troubles)

    def _step(self, machine: Machine, troubles: float) -> None:
        random = self.random
        if random.random() < troubles:
            machine.kill(random.choice(machine.names), self.now_s)
        if random.random() < troubles / 4:
            for name in machine.names:
                machine.kill(name, self.now_s)
            machine.start(self.now_s)
        if random.random() < troubles:
            machine.recorder_back_s = self.now_s + random.uniform(0, 15)
        if self.now_s >= max(machine.reads_at_s, machine.recorder_back_s):
            machine.reading = self.store.read(
                self.now_s, machine.number, len(self.machines), random.uniform(0, BOARD_LAG_S)
            )
            machine.reads_at_s = self.now_s + 2.0
        for name, worker in machine.workers.items():
            worker.take(self.now_s)
            self._traffic(machine, worker)
            if random.random() < 0.9:
                machine.leases.hear(name, worker.demand(), int(self.now_s * 1e9))
        for name, lease in machine.leases.plan(int(self.now_s * 1e9), machine.reading).items():
            machine.workers[name].inbox.append((self.now_s + random.choice((0.0, 0.0, 0.25, 0.5)), lease))

    def _traffic(self, machine: Machine, worker: Worker) -> None:
        random, now_ns = self.random, int(self.now_s * 1e9)
        for copy in [c for c in worker.open if c.ends_s <= self.now_s]:
            worker.open.remove(copy)
            worker.arm.end()
        for _ in range(random.choice((0, 1, 2, 6))):
            if worker.arm.refusal(now_ns) is not None:
                self.refused += 1
                continue
            worker.arm.begin()
            ends_s = self.now_s + random.choice((0.1, 1.0, 1.0, 30.0))
            reported_s = max(self.now_s, machine.recorder_back_s) + random.uniform(0.2, 2.0)
            settled_s = max(ends_s, machine.recorder_back_s) + random.uniform(0.3, 2.0)
            cost = Decimal(random.randint(1, self.largest)) / 1000
            copy = Copy(machine.number, self.now_s, cost, ends_s, reported_s, settled_s)
            worker.open.append(copy)
            self.store.copies.append(copy)

    def spent(self) -> Decimal:
        return sum((c.cost for c in self.store.copies), Decimal(0))

    def bound(self, limit: Decimal) -> Decimal:
        """The derived one, see `cli.supervisor.budget`; W is taken as 9 s + 4 s + 2 s."""
        last = max(self.store.copies, key=lambda c: c.begun_s)
        leased_from_s = last.begun_s - 13.0
        used = [estimate for at_s, estimate in self.store.readings if leased_from_s <= at_s <= last.begun_s]
        estimate = min((e if e is not None else Decimal(0) for e in used), default=Decimal(0))
        above = Decimal(0)
        for copy in self.store.copies:
            if copy.settled_s is None or copy.settled_s > leased_from_s:
                above += max(Decimal(0), copy.cost - estimate)
        late_s = last.begun_s - 15.0
        others = [c.cost for c in self.store.copies if c.machine != last.machine and c.begun_s >= late_s]
        return limit + above + sum(others, Decimal(0))
