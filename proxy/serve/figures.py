"""What the data plane counts about clients and the primary."""

from typing import TYPE_CHECKING

from proxy import figures as names
from proxy.figures import Figures

if TYPE_CHECKING:
    from proxy.upstream.leg import Leg


class ServeFigures:
    """One call per event; each costs an addition or two."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._connections = figures.index(names.CONNECTIONS)
        self._open = figures.index(names.OPEN_CONNECTIONS)
        self._open_requests = figures.index(names.OPEN_REQUESTS)
        self._refused = figures.index(names.REFUSED)
        self._by_class = [figures.index(names.primary_responses(c)) for c in names.STATUS_CLASSES]
        self._by_outcome = {o: figures.index(names.primary_legs(o)) for o in names.TRANSPORT_OUTCOMES}

    def client_connected(self) -> None:
        """A client connected."""
        self._figures.add(self._connections)
        self._figures.add(self._open)

    def client_gone(self) -> None:
        """A client's connection ended."""
        self._figures.add(self._open, -1)

    def refused(self) -> None:
        """A request was answered by us with an error, before any upstream saw it."""
        self._figures.add(self._refused)

    def primary_began(self) -> None:
        """A primary leg began."""
        self._figures.add(self._open_requests)

    def primary_ended(self, leg: "Leg") -> None:
        """A primary leg ended."""
        self._figures.add(self._open_requests, -1)
        if leg.outcome is not None:
            self._figures.add(self._by_outcome[leg.outcome])
        if leg.response is not None and 200 <= leg.response.status < 600:
            self._figures.add(self._by_class[leg.response.status // 100 - 2])
