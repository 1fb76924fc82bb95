"""When the bytes of a leg moved, in milliseconds from t0: the instant its last request byte left our buffer."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Durations of one leg in milliseconds; None where the event never happened.

    The mark of an event is the arrival of the read that completed it.
    """

    connect_ms: float | None = None
    """Name lookup, TCP and TLS; None on a reused connection. Not part of the others."""
    connection_reused: bool = False
    ttfb_ms: float | None = None
    """First body byte."""
    ttfe_ms: float | None = None
    """First event of the stream."""
    ttfr_ms: float | None = None
    """First reasoning delta."""
    ttft_ms: float | None = None
    """First content delta."""
    total_ms: float | None = None
    """Last body byte."""
    itl_ms: float | None = None
    """(last - first content chunk) / (visible output tokens - 1); None below two content chunks."""


NO_TIMING = Timing()
