"""What every client connection of a worker shares."""

from collections.abc import Callable
from dataclasses import dataclass

from proxy.serve.figures import ServeFigures
from proxy.shadow.offer import Shadow
from proxy.upstream.deadlines import Deadlines
from proxy.upstream.leg import LegLimits
from proxy.upstream.pool import Pool


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
    on_internal_error: Callable[[str, BaseException], None]
    draining: bool = False
    """Answers carry `Connection: close`, and idle connections are closed."""
