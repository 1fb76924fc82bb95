"""One candidate's limits, and the terms that each worker gets. Pure: reports, readings and times in, terms out."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from cli.supervisor.budget import copies_unknown_to_the_store
from cli.supervisor.part import History, Part
from cli.supervisor.rate import RateBucket, machine_part
from cli.supervisor.sharing import share_out
from proxy.recorder.spend_file import CandidateSpend
from proxy.shadow.lease import even_part
from runtime.link import Terms, Used


@dataclass(frozen=True, slots=True)
class Limits:
    """What is shared for one candidate."""

    max_in_flight: int
    """On this machine."""
    usd_per_day: Decimal | None = None
    """Of the fleet."""
    requests_per_minute: int | None = None
    """Of the fleet."""

    @property
    def is_of_the_fleet(self) -> bool:
        """Are other machines part of it? Then nothing is granted without a fresh reading."""
        return self.usd_per_day is not None or self.requests_per_minute is not None


@dataclass(frozen=True, slots=True)
class Share:
    """What a fresh reading says for one candidate."""

    spend: CandidateSpend
    begun_before_ns: int
    """Copies begun before it are part of `spend`."""
    machines: int
    rank: int


@dataclass(frozen=True, slots=True)
class _Grave:
    """What a worker that is gone may have begun and no reading has shown yet."""

    died_ns: int
    most: int
    history: History

    def copies(self, since_ns: int) -> int:
        return self.most - self.history.begun_before(since_ns)


class CandidateLeases:
    """The parts of all workers; they are there whether their processes run or not."""

    def __init__(self, limits: Limits, workers: Sequence[str]) -> None:
        self.limits = limits
        self.refused = 0
        """Copies that a limit kept back."""
        self._parts = {name: Part(even_part(limits.max_in_flight, len(workers), i)) for i, name in enumerate(workers)}
        self._bucket = RateBucket()
        self._graves: list[_Grave] = []

    def begin(self, worker: str) -> int:
        """A process of the worker starts; the copies that it may have under way until its first lease."""
        part = self._parts[worker]
        part.begin()
        return part.slots.last

    def hear(self, worker: str, used: Used, read: int, now_ns: int) -> None:
        """What a worker did; `read`: the newest lease that it has read."""
        part = self._parts[worker]
        self.refused += used.refused - part.used.refused
        self._bucket.begun(now_ns, part.hear(used, read, now_ns))

    def end(self, worker: str, now_ns: int) -> None:
        """The worker's process is gone. Whatever it may have begun since its last word counts as begun."""
        part = self._parts[worker]
        if self.limits.requests_per_minute is not None:
            self._bucket.begun(now_ns, max(0, part.rate.most - part.used.begun))
        if part.budget.most > part.history.begun_before(now_ns) or part.used.begun:
            self._graves.append(_Grave(now_ns, max(part.budget.most, part.used.begun), part.history))
        part.end()

    def unused(self) -> int:
        """Copies that the workers may still begin by what they were told last, dollars and rate together."""
        return sum(max(0, self._total(part) - part.used.begun) for part in self._parts.values() if part.is_alive)

    def _total(self, part: Part) -> int:
        totals = []
        if self.limits.usd_per_day is not None:
            totals.append(part.budget.last)
        if self.limits.requests_per_minute is not None:
            totals.append(part.rate.last)
        return min(totals, default=0)

    def plan(self, now_ns: int, number: int, share: Share | None) -> dict[str, Terms]:
        """The terms of every worker that runs, as lease `number`.

        Args:
            now_ns: CLOCK_MONOTONIC.
            number: larger than any before.
            share: None: there is no fresh reading, or we have no part yet.
        """
        self._share_slots(now_ns, number)
        if self.limits.usd_per_day is not None:
            self._share_budget(now_ns, number, share)
        if self.limits.requests_per_minute is not None:
            self._share_rate(now_ns, number, share)
        return {name: self._terms(part) for name, part in self._parts.items() if part.is_alive}

    def _terms(self, part: Part) -> Terms:
        return Terms(
            max_in_flight=part.slots.last,
            budget_copies=part.budget.last if self.limits.usd_per_day is not None else None,
            rate_copies=part.rate.last if self.limits.requests_per_minute is not None else None,
        )

    def _share_slots(self, now_ns: int, number: int) -> None:
        """Parts move only where somebody wants more than it has: what works is left alone."""
        parts, bound = list(self._parts.values()), self.limits.max_in_flight
        wanted = [part.slots_wanted(bound, now_ns) for part in parts]
        held = sum(part.slots_held for part in parts)
        if held <= bound and all(want <= part.slots.last for want, part in zip(wanted, parts, strict=True)):
            return
        free = bound - held
        for part, target in zip(parts, share_out(bound, wanted), strict=True):
            more = min(max(0, target - part.slots_held), max(0, free))
            free -= more
            part.slots.tell(number, target if target <= part.slots_held else part.slots_held + more)
            if not part.is_alive:
                part.slots.read(number)

    def _share_budget(self, now_ns: int, number: int, share: Share | None) -> None:
        alive = [part for part in self._parts.values() if part.is_alive]
        if share is None or self.limits.usd_per_day is None:
            _take_back_budget(alive, number)
            return
        since_ns = share.begun_before_ns
        self._graves = [grave for grave in self._graves if grave.died_ns >= since_ns]
        may = copies_unknown_to_the_store(self.limits.usd_per_day, share.spend, share.machines, share.rank)
        known = [part.history.begun_before(since_ns) for part in alive]
        elsewhere = share.spend.unreported + sum(grave.copies(since_ns) for grave in self._graves)
        begun = sum(part.used.begun - before for part, before in zip(alive, known, strict=True))
        free = may - elsewhere - sum(part.budget.most - before for part, before in zip(alive, known, strict=True))
        targets = share_out(may - elsewhere - begun, [part.copies_wanted(now_ns) for part in alive])
        for part, target in zip(alive, targets, strict=True):
            total = part.used.begun + target
            more = min(max(0, total - part.budget.most), max(0, free))
            free -= more
            part.budget.tell(number, min(total, part.budget.most + more))

    def _share_rate(self, now_ns: int, number: int, share: Share | None) -> None:
        alive = [part for part in self._parts.values() if part.is_alive]
        limit = self.limits.requests_per_minute
        if share is None or limit is None:
            for part in alive:
                part.rate.tell(number, min(part.rate.last, part.used.begun))
            return
        may = self._bucket.may_be_unused(now_ns, machine_part(limit, share.machines, share.rank))
        free = may - sum(max(0, part.rate.most - part.used.begun) for part in alive)
        targets = share_out(may, [part.copies_wanted(now_ns) for part in alive])
        for part, target in zip(alive, targets, strict=True):
            total = part.used.begun + target
            # Without a limit more was begun than was ever granted.
            stands = max(part.rate.most, part.used.begun)
            more = min(max(0, total - stands), max(0, free))
            free -= more
            part.rate.tell(number, min(total, stands + more))


def _take_back_budget(parts: Sequence[Part], number: int) -> None:
    for part in parts:
        part.budget.tell(number, min(part.budget.last, part.used.begun))
