"""The data plane's clock. Compiled, asking it costs half of what `time.monotonic_ns()` does."""

import time
from typing import Final

_monotonic_ns: Final = time.monotonic_ns
_time_ns: Final = time.time_ns


def monotonic_ns() -> int:
    """CLOCK_MONOTONIC, in nanoseconds: what all marks and limits of a worker are in."""
    return _monotonic_ns()


def unix_us() -> int:
    """Microseconds since the epoch."""
    return _time_ns() // 1000
