"""Request identifiers: UUID version 7, so that rows sort by time and replicas never collide."""

import random
from collections.abc import Callable
from typing import Final
from uuid import UUID

_VERSION_7: Final = 0x7 << 76
_VARIANT: Final = 0b10 << 62


def uuid7_bytes(unix_ms: int, random_bits: int) -> bytes:
    """RFC 9562 section 5.7 layout.

    Args:
        unix_ms: milliseconds since the epoch, at most 48 bits.
        random_bits: 74 random bits.

    Returns:
        The 16 bytes of the identifier, big endian.
    """
    high = random_bits >> 62
    low = random_bits & ((1 << 62) - 1)
    return (unix_ms << 80 | _VERSION_7 | high << 64 | _VARIANT | low).to_bytes(16, "big")


def id_source() -> Callable[[int], bytes]:
    """A generator of identifiers, seeded by the operating system once so that a call costs no system call."""
    draw = random.Random(random.SystemRandom().getrandbits(256)).getrandbits  # noqa: S311 - an id, not a secret
    return lambda unix_ms: uuid7_bytes(unix_ms, draw(74))


def id_text(request_id: bytes) -> str:
    """The canonical text form; the same as `str(as_uuid(...))`, without making the object."""
    digits = request_id.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def as_uuid(request_id: bytes) -> UUID:
    """The identifier as the standard library's type."""
    return UUID(bytes=request_id)
