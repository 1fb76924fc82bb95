"""What the log's writing thread tells the event loop; only the thread writes it."""


class Progress:
    """Read by the loop for every frame."""

    __slots__ = ("disk_full", "failures", "written_bytes")

    def __init__(self) -> None:
        self.written_bytes = 0
        """Given to the operating system so far."""
        self.failures = 0
        """Failed system calls so far."""
        self.disk_full = False
        """All segments together have reached their bound."""
