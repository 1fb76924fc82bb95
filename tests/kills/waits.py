"""How long processes had to wait for a core, by the kernel's own account: a busy machine is no fault of theirs."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

EVERY_S = 0.05
WINDOW_S = 0.4
"""Before a kill; more than an answer may take to its file."""


class Waits:
    """Looks again and again at processes whose names are asked for each time."""

    def __init__(self, pids: Callable[[], list[int]]) -> None:
        self._pids = pids
        self._looks: deque[tuple[float, dict[int, float]]] = deque(maxlen=round(4 * WINDOW_S / EVERY_S))

    async def watch(self) -> None:
        """Until it is cancelled."""
        while True:
            self.look()
            await asyncio.sleep(EVERY_S)

    def look(self) -> None:
        self._looks.append((time.monotonic(), {pid: _waited_s(pid) for pid in self._pids()}))

    def of_late(self, pid: int) -> float:
        """Seconds that its threads together waited in the window before now; our own lateness counts, too."""
        now_s = time.monotonic()
        before = [look for look in self._looks if look[0] <= now_s - WINDOW_S and pid in look[1]]
        since_s = before[-1][1][pid] if before else 0.0
        return max(0.0, _waited_s(pid) - since_s)


def _waited_s(pid: int) -> float:
    """The second number of /proc/PID/task/TID/schedstat is nanoseconds in a run queue."""
    total = 0
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return total / 1e9
