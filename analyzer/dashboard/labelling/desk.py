"""What one person has in front of them: pairs that wait, and those that are put aside for now."""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from store.judging.due import Listed

MAX_DESKS = 200
"""People, candidates and rubrics of which something is remembered; the one not used the longest is forgotten."""
MAX_ASIDE = 5_000
"""Pairs that one person can have put aside; the oldest come back."""
MAX_SAID = 500
"""Pairs labelled of late: a store of several machines may list them once more."""


@dataclass(frozen=True, slots=True)
class Place:
    """Who labels what, and by which measure."""

    labeler: str
    candidate: str
    rubric: str
    is_only_new: bool = False
    """Only pairs that nobody has labelled; else those that this person has not."""


@dataclass(slots=True)
class Desk:
    """The state of one place; lost with the process, which costs a skipped pair its place and nothing else."""

    waiting: deque[Listed] = field(default_factory=deque)
    aside: OrderedDict[UUID, None] = field(default_factory=OrderedDict)
    """Skipped, or without texts by now."""
    said: OrderedDict[UUID, None] = field(default_factory=OrderedDict)

    def first(self) -> Listed | None:
        """The pair to show; it stays in front until something is said of it."""
        while self.waiting and not self._is_open(self.waiting[0].request_id):
            self.waiting.popleft()
        return self.waiting[0] if self.waiting else None

    def refill(self, listed: Sequence[Listed]) -> None:
        """What the store says is to be labelled, in its order."""
        self.waiting = deque(pair for pair in listed if self._is_open(pair.request_id))

    def hidden(self) -> int:
        """How many pairs a listing may hold that are not to be shown."""
        return len(self.aside) + len(self.said)

    def put_aside(self, request_id: UUID) -> None:
        """Skipped."""
        _remember(self.aside, request_id, MAX_ASIDE)

    def note_said(self, request_id: UUID) -> None:
        """Labelled."""
        self.aside.pop(request_id, None)
        _remember(self.said, request_id, MAX_SAID)

    def reopen(self, pair: Listed) -> None:
        """It is to be shown again, now."""
        self.said.pop(pair.request_id, None)
        self.aside.pop(pair.request_id, None)
        self.waiting.appendleft(pair)

    def reopen_aside(self) -> None:
        """All that was skipped is to be shown again, in its turn."""
        self.aside.clear()
        self.waiting.clear()

    def _is_open(self, request_id: UUID) -> bool:
        return request_id not in self.aside and request_id not in self.said


def _remember(known: OrderedDict[UUID, None], request_id: UUID, bound: int) -> None:
    known[request_id] = None
    known.move_to_end(request_id)
    while len(known) > bound:
        known.popitem(last=False)


class Desks:
    """The desks of everybody."""

    def __init__(self, on_forgotten: Callable[[], None]) -> None:
        self._desks: OrderedDict[Place, Desk] = OrderedDict()
        self._on_forgotten = on_forgotten

    def at(self, place: Place) -> Desk:
        """The desk of a place, empty at first."""
        desk = self._desks.setdefault(place, Desk())
        self._desks.move_to_end(place)
        if len(self._desks) > MAX_DESKS:
            self._desks.popitem(last=False)
            self._on_forgotten()
        return desk
