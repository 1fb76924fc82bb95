"""A recorder at work on a log that was captured before: its files, and what it and the store spend."""

from pathlib import Path

from bench.machine import BenchError, cpu_seconds
from bench.served import Served
from proxy.shadow.capture.board import SUFFIX

ROLES = ("recorder", "store")


def cpu_by_role(served: Served) -> dict[str, float]:
    """CPU seconds so far, of each of `ROLES`."""
    found = {}
    for role in ROLES:
        pids = served.role_pids(role)
        if not pids:
            raise BenchError(f"the {role} does not run")
        found[role] = cpu_seconds(pids[0])
    return found


def hand_over(log: Path, capture: Path) -> None:
    """Moves a dead worker's files to where the recorder looks, its board first."""
    for path in sorted(log.iterdir(), key=lambda p: (p.suffix != SUFFIX, p.name)):
        path.rename(capture / path.name)
