"""What all followers of one recorder process share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from proxy.recorder.builder import Builder
from proxy.recorder.checkpoint import Checkpoint, save_checkpoint
from proxy.recorder.losses import Losses
from proxy.recorder.quarantine import Quarantine
from proxy.shadow.capture.sealing import KeyRing
from record.pair import Pair, Skip


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One per process."""

    directory: Path
    builder: Builder
    quarantine: Quarantine
    losses: Losses
    known_experiments: set[str]
    on_fault: Callable[[str, BaseException], None]
    keys: KeyRing = field(default_factory=KeyRing)
    """What sealed files are opened with, and what is kept is sealed with."""
    max_held_bytes: int = 256 * 2**20
    """Of open exchanges, in memory."""
    max_pinned_bytes: int = 1 * 2**30
    """Of segments that are only kept for exchanges that are still open."""
    on_record: Callable[[Pair | Skip], None] = field(default=lambda _record: None)
    """Hears of every pair and skip that was built."""
    save: Callable[[Path, Checkpoint], None] = field(default=save_checkpoint)
