"""What the shadow side counts about the legs of one candidate."""

from typing import TYPE_CHECKING, Final

from proxy import figures as names
from proxy.figures import LATENCY_BOUNDS_NS, Figures, Histogram
from record.outcome import Outcome

if TYPE_CHECKING:
    from proxy.upstream.leg import Leg

_OK: Final = Outcome.OK


class ArmFigures:
    """One call per copy; some additions."""

    __slots__ = (
        "_by_class", "_by_outcome", "_figures", "_first_byte", "_request_bytes", "_response_bytes", "_total",
    )  # fmt: skip

    def __init__(self, figures: Figures, candidate: str) -> None:
        self._figures = figures
        self._by_outcome = {o: figures.index(names.candidate_legs(candidate, o)) for o in names.TRANSPORT_OUTCOMES}
        self._by_class = [figures.index(names.candidate_responses(candidate, c)) for c in names.STATUS_CLASSES]
        self._request_bytes = figures.index(names.candidate_request_bytes(candidate))
        self._response_bytes = figures.index(names.candidate_response_bytes(candidate))
        self._first_byte = Histogram(figures, names.candidate_first_byte(candidate), LATENCY_BOUNDS_NS)
        self._total = Histogram(figures, names.candidate_total(candidate), LATENCY_BOUNDS_NS)

    def ended(self, leg: "Leg", request_bytes: int) -> None:
        """A copy ended. Times are those of the store: to the first and last byte of the body, from t0."""
        figures, outcome = self._figures, leg.outcome
        if outcome is not None:
            figures.add(self._by_outcome[outcome])
        response = leg.response
        if response is not None and 200 <= response.status < 600:
            figures.add(self._by_class[response.status // 100 - 2])
        figures.tally(self._request_bytes, request_bytes)
        figures.tally(self._response_bytes, leg.received_bytes)
        t0_ns, first_ns, end_ns = leg.t0_ns, leg.first_byte_ns, leg.end_ns
        if t0_ns is None:
            return
        if first_ns is not None:
            self._first_byte.observe(figures, max(0, first_ns - t0_ns))
        if outcome is _OK and end_ns is not None:
            self._total.observe(figures, max(0, end_ns - t0_ns))
