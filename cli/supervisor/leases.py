"""The shared limits of a machine, leased to its workers. Pure: reports, readings and times in, leases out.

- Copies under way: what the workers may hold never adds up to more than the bound. A part shrinks first; what was given
  back is granted to others. Each worker begins with an even part, a restarted one with what its predecessor had.
- Dollars a day: a number of copies that may be unknown to the store (`budget.py` says how many, and by how much a
  budget may be overshot). Every grant counts until it is known that it was not used.
- Copies a minute: the machine's part of the fleet's bound, from a bucket (`rate.py`).

Without a fresh reading of the spend nothing is granted where dollars or a rate limit, and what was granted and not
begun is taken back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cli.supervisor.candidate_leases import CandidateLeases, Limits, Share
from config.model import Config
from proxy.recorder.spend_file import CandidateSpend, SpendReading
from record.pair import CONTROL
from runtime.link import Demand, Lease, Terms

MAX_AGE_S = 9.0
"""Of a reading: 6 s, and the 3 s by which the boards that it has read may lag behind."""
VALID_S = 2.0
RENEW_S = 0.5


def limits_of(config: Config) -> dict[str, Limits]:
    """Shared limits by candidate, the control leg's among them when it is on."""
    found = {
        c.name: Limits(c.max_in_flight, c.budget.usd_per_day, c.budget.requests_per_minute) for c in config.candidates
    }
    if config.control.sample > 0:
        found[CONTROL] = Limits(config.control.max_in_flight)
    return found


@dataclass(frozen=True, slots=True)
class CandidateState:
    """One candidate, for metrics."""

    limits: Limits
    spend: CandidateSpend | None
    """None: there is no fresh reading."""
    unused: int
    """Copies granted and not begun."""
    refused: int
    """Copies that a shared limit kept back since the supervisor's start."""


@dataclass(slots=True)
class _Told:
    """The lease that a worker was sent last."""

    terms: Mapping[str, Terms]
    at_ns: int


class Leases:
    """All candidates and workers of a machine."""

    def __init__(self, limits: Mapping[str, Limits], workers: Sequence[str], now_ns: int) -> None:
        """`workers`: names, by number. `now_ns`: what was begun before is told by readings that are newer alone."""
        self._since_ns = now_ns
        self._workers = tuple(workers)
        self._known: dict[str, CandidateLeases] = {}
        """Those that were taken out of the configuration, too: their copies go on, and they may come back."""
        self._candidates: dict[str, CandidateLeases] = {}
        """Those of the configuration."""
        self._alive: set[str] = set()
        self._told: dict[str, _Told] = {}
        self._number = 0
        self.configure(limits)

    def configure(self, limits: Mapping[str, Limits]) -> None:
        """From now on these limits; a candidate that stays, or comes back, keeps what was leased."""
        for name, limit in limits.items():
            leases = self._known.get(name)
            if leases is None:
                leases = self._known[name] = CandidateLeases(limit, self._workers)
                for worker in self._alive:
                    leases.begin(worker)
            leases.limits = limit
        self._candidates = {name: self._known[name] for name in limits}

    @property
    def needs_readings(self) -> bool:
        """Is a limit shared with other machines?"""
        return any(leases.limits.is_of_the_fleet for leases in self._candidates.values())

    def begin(self, worker: str) -> dict[str, int]:
        """A process of the worker starts.

        Returns:
            Candidate -> copies that it may have under way until its first lease.
        """
        self._alive.add(worker)
        self._told.pop(worker, None)
        slots = {name: leases.begin(worker) for name, leases in self._known.items()}
        return {name: slots[name] for name in self._candidates}

    def end(self, worker: str, now_ns: int) -> None:
        """It is gone."""
        if worker in self._alive:
            self._alive.discard(worker)
            for leases in self._known.values():
                leases.end(worker, now_ns)

    def hear(self, worker: str, demand: Demand, now_ns: int) -> None:
        """What a worker says; one that is gone says nothing, nor does anybody about a candidate that we never had."""
        if worker not in self._alive:
            return
        for name, used in demand.used.items():
            if (leases := self._known.get(name)) is not None:
                leases.hear(worker, used, demand.lease, now_ns)

    def plan(self, now_ns: int, reading: SpendReading | None) -> dict[str, Lease]:
        """The leases that are due, by worker: those with new terms, and those that must be renewed.

        Args:
            now_ns: CLOCK_MONOTONIC.
            reading: the newest one, however old.
        """
        self._number += 1
        terms: dict[str, dict[str, Terms]] = {worker: {} for worker in self._alive}
        for name, leases in self._candidates.items():
            for worker, term in leases.plan(now_ns, self._number, self._share(reading, name, now_ns)).items():
                terms[worker][name] = term
        due = {worker: found for worker, found in terms.items() if self._is_due(worker, found, now_ns)}
        for worker, found in due.items():
            self._told[worker] = _Told(found, now_ns)
        until_ns = now_ns + int(VALID_S * 1e9)
        return {worker: Lease(self._number, found, until_ns) for worker, found in due.items()}

    def _is_due(self, worker: str, terms: Mapping[str, Terms], now_ns: int) -> bool:
        told = self._told.get(worker)
        if told is None:
            return bool(terms)
        renewed = self.needs_readings and now_ns - told.at_ns >= RENEW_S * 1e9
        return renewed or terms != told.terms

    def _share(self, reading: SpendReading | None, candidate: str, now_ns: int) -> Share | None:
        if reading is None or reading.rank is None or not self._is_usable(reading, now_ns):
            return None
        spend = reading.candidates.get(candidate)
        if spend is None:
            return None
        return Share(spend, reading.begun_before_ns, reading.machines, reading.rank)

    def _is_usable(self, reading: SpendReading, now_ns: int) -> bool:
        """Not too old, and not from before our start; one that lies ahead is from before the machine's last start."""
        oldest_ns = max(self._since_ns, now_ns - int(MAX_AGE_S * 1e9))
        return oldest_ns <= reading.begun_before_ns <= now_ns

    def states(self, now_ns: int, reading: SpendReading | None) -> dict[str, CandidateState]:
        """Candidates with a budget or a rate, for metrics."""
        found = {}
        for name, leases in self._candidates.items():
            if leases.limits.is_of_the_fleet:
                share = self._share(reading, name, now_ns)
                found[name] = CandidateState(
                    leases.limits, share.spend if share is not None else None, leases.unused(), leases.refused
                )
        return found
