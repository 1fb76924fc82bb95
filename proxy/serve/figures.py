"""What the data plane counts about clients and the primary."""

from typing import TYPE_CHECKING, Final

from proxy import figures as names
from proxy.figures import LATENCY_BOUNDS_NS, OVERHEAD_BOUNDS_NS, Figures, Histogram
from record.outcome import Outcome

if TYPE_CHECKING:
    from proxy.serve.relay import Relay

_OK: Final = Outcome.OK


class ServeFigures:
    """One call per event; each costs an addition or two."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._connections = figures.index(names.CONNECTIONS)
        self._open = figures.index(names.OPEN_CONNECTIONS)
        self._open_requests = figures.index(names.OPEN_REQUESTS)
        self._refused = {r: figures.index(names.refused(r)) for r in names.REFUSALS}
        self._tunnels = figures.index(names.OPEN_TUNNELS)
        self._tunnel_to_primary = figures.index(names.tunnel_bytes("to_primary"))
        self._tunnel_to_client = figures.index(names.tunnel_bytes("to_client"))
        self._by_class = [figures.index(names.primary_responses(c)) for c in names.STATUS_CLASSES]
        self._by_outcome = {o: figures.index(names.primary_legs(o)) for o in names.TRANSPORT_OUTCOMES}
        self._request_bytes = figures.index(names.CLIENT_REQUEST_BYTES)
        self._response_bytes = figures.index(names.CLIENT_RESPONSE_BYTES)
        self._first_byte = Histogram(figures, names.PRIMARY_FIRST_BYTE, LATENCY_BOUNDS_NS)
        self._total = Histogram(figures, names.PRIMARY_TOTAL, LATENCY_BOUNDS_NS)
        self._overhead = Histogram(figures, names.OVERHEAD, OVERHEAD_BOUNDS_NS)

    def move_to(self, figures: Figures) -> None:
        """Counts on another board from now on; figures without a candidate lie in the same place on each."""
        self._figures.flush()
        self._figures = figures

    def flush(self) -> None:
        """See `Figures`."""
        self._figures.flush()

    def client_connected(self) -> None:
        """A client connected."""
        self._figures.add(self._connections)
        self._figures.add(self._open)

    def client_gone(self) -> None:
        """A client's connection ended."""
        self._figures.add(self._open, -1)

    def refused(self, reason: str) -> None:
        """A request was answered by us with an error, because of itself. `reason`: one of `names.REFUSALS`."""
        self._figures.add(self._refused[reason])

    def tunnel_opened(self) -> None:
        """A WebSocket is open between a client and the primary."""
        self._figures.add(self._tunnels)

    def tunnel_closed(self) -> None:
        """It is no more."""
        self._figures.add(self._tunnels, -1)

    def tunnel_to_primary(self, size: int) -> None:
        """Bytes of a client went through a tunnel."""
        self._figures.add(self._tunnel_to_primary, size)

    def tunnel_to_client(self, size: int) -> None:
        """Bytes of the primary went through a tunnel."""
        self._figures.add(self._tunnel_to_client, size)

    def primary_began(self) -> None:
        """A primary leg began."""
        self._figures.add(self._open_requests)

    def primary_ended(self, relay: "Relay") -> None:
        """A primary leg ended. Times are those of the store: to the first and last byte of the body, from t0."""
        figures = self._figures
        figures.add(self._open_requests, -1)
        outcome = relay.outcome
        if outcome is not None:
            figures.add(self._by_outcome[outcome])
        response = relay.response
        if response is not None and 200 <= response.status < 600:
            figures.add(self._by_class[response.status // 100 - 2])
        figures.tally(self._request_bytes, relay.body_bytes)
        figures.tally(self._response_bytes, relay.received_bytes)
        t0_ns, first_ns, end_ns = relay.t0_ns, relay.first_byte_ns, relay.end_ns
        if t0_ns is None:
            return
        if first_ns is not None:
            self._first_byte.observe(figures, max(0, first_ns - t0_ns))
        if outcome is _OK and end_ns is not None:
            self._total.observe(figures, max(0, end_ns - t0_ns))
        if relay.overhead_ns is not None:
            self._overhead.observe(figures, relay.overhead_ns)
