"""Where the recorder tells an operator what happens."""

from typing import Protocol


class Lines(Protocol):
    """One line each, with fields."""

    def info(self, event: str, **fields: object) -> None:
        """Good news."""

    def warning(self, event: str, **fields: object) -> None:
        """Bad news."""
