"""How a frame stands in a segment: `segment` says what lies around it."""

import struct
from typing import Final

import xxhash

_FRAME: Final = struct.Struct("<II")
_checksum: Final = xxhash.xxh3_64_intdigest
FRAME_OVERHEAD_BYTES: Final = 8


def frame_prefix(payload: bytes) -> bytes:
    """What stands before a payload: its length, and the low half of its checksum."""
    return _FRAME.pack(len(payload), _checksum(payload) & 0xFFFFFFFF)
