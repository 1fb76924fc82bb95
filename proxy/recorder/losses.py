"""What one recorder process could not record, or only with more effort, by cause."""

from dataclasses import dataclass


@dataclass(slots=True)
class Losses:
    """Counts since the process began."""

    torn_tails: int = 0
    """Last frames that a dead worker left unfinished."""
    holes: int = 0
    """Legs of whose answer a stretch never reached the log."""
    bad_exchanges: int = 0
    """Exchanges that could not be recorded for a fault of ours."""
    bad_frames: int = 0
    """Intact frames that are no record of this version."""
    vanished: int = 0
    """Segments that somebody removed before they were read."""
    orphans: int = 0
    """Frames whose exchange is not known: its beginning was lost."""
    evictions: int = 0
    """Open exchanges whose frames were let go of to save memory; they are read again when needed."""
