"""What every client connection of a worker shares."""

from collections.abc import Callable
from dataclasses import dataclass

from proxy.serve.figures import ServeFigures
from proxy.shadow.offer import Shadow
from proxy.upstream.deadlines import Deadlines
from proxy.upstream.leg import LegLimits
from proxy.upstream.pool import Pool
from proxy.wire.forwarding import Mode


@dataclass(slots=True)
class ServeContext:
    """Shared by all connections; `draining` alone changes."""

    primary: Pool
    limits: LegLimits
    deadlines: Deadlines
    shadow: Shadow
    figures: ServeFigures
    max_header_bytes: int
    max_body_bytes: int
    max_mirrored_bytes: int
    head_timeout_ns: int
    """For the head of a request to arrive, from its first byte."""
    body_timeout_ns: int
    """Between two reads of a request's body."""
    idle_timeout_ns: int
    """For the next request on a connection."""
    forwarded: Mode
    send_request_id: bool
    """Answers to copied requests carry our id."""
    on_internal_error: Callable[[str, BaseException], None]
    draining: bool = False
    """Answers carry `Connection: close`, and idle connections are closed."""
