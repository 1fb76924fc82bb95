"""Conversations in files: the store's whole number, or any text that names one."""

import hashlib
from dataclasses import dataclass
from typing import Any

from store.transfer.kinds import Whole


def hash64(data: bytes) -> int:
    """The same for the same bytes, wherever they are read: BLAKE2b (Saarinen and Aumasson, RFC 7693, 2015), 64 bits."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


@dataclass(frozen=True, slots=True)
class Conversation(Whole):
    """What the store knows is a number; of other texts it gets a hash.

    Digits that fit are the number itself, as CSV does not tell numbers from texts. An empty text names nothing: all
    rows that have one would be taken for a single conversation.
    """

    @property
    def allowed(self) -> str:
        """Numbers, and texts."""
        return f"a whole number from {self.low} to {self.high}, or a text that is not empty"

    def accept(self, value: Any) -> int:
        """Numbers, and texts."""
        return self.read(value) if isinstance(value, str) else Whole.accept(self, value)

    def read(self, text: str) -> int:
        """Digits, or any text."""
        try:
            return Whole.read(self, text)
        except ValueError:
            if not text.strip():
                raise
            return hash64(text.encode())
