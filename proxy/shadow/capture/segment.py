"""A segment: a file of checksummed frames that says who wrote it.

    header  magic 8 | version u16 | header length u32 | header (msgpack map) | xxh3-64 of all before it, u64
    frame   payload length u32 | low 32 bits of the payload's xxh3-64, u32 | payload

Version 2 is a segment whose payloads are sealed (`sealing`); its header names the key. A plain one is of version 1, so
that what any release wrote is read by any other.

All integers little endian. A writer appends; a reader follows it. Bytes that are not a whole, intact frame at the end
of a file are a torn tail: more may come while the writer lives, none when it is dead.
"""

import struct
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import msgspec
import xxhash

from proxy.shadow.capture.framing import frame_prefix

MAGIC = b"SBSEGMT\n"
VERSION = 1
SEALED_VERSION = 2
MAX_FRAME_BYTES = 128 * 2**20
SUFFIX = ".seg"
_PREFIX = struct.Struct("<8sHI")
_FRAME = struct.Struct("<II")
_CHECK = struct.Struct("<Q")


class SegmentError(Exception):
    """Not a segment, or one that a newer shadowbench wrote."""


@dataclass(frozen=True, slots=True)
class SegmentName:
    """What a file's name says: segments of one stream are read in the order of `sequence`."""

    stream: UUID
    """One life of one worker; its board bears the same id."""
    sequence: int

    def file_name(self) -> str:
        """`<stream>-<sequence>.seg`."""
        return f"{self.stream.hex}-{self.sequence:010d}{SUFFIX}"

    @classmethod
    def parse(cls, path: Path) -> Self | None:
        """None for a file of another kind."""
        stream, _, sequence = path.stem.partition("-")
        if path.suffix != SUFFIX or len(stream) != 32 or not sequence.isdigit():
            return None
        return cls(UUID(hex=stream), int(sequence))


class Setup(msgspec.Struct, frozen=True):
    """What the recorder must know to read a segment, whatever its own configuration says by then."""

    config_version: int
    block_s: float
    experiments: dict[str, tuple[str, str]]
    """Candidate -> (experiment id, what is compared as JSON)."""
    policy: str = ""
    """What decides about all of them, as JSON; empty when nothing was declared, and before there were policies."""
    planned_pairs: int | None = None
    """Pairs that the anytime intervals are planned for; None when nothing was declared."""


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """Who wrote the frames."""

    segment: UUID
    """Never reused: the root of the deduplication token."""
    stream: UUID
    sequence: int
    worker: str
    created_unix_us: int
    setup: Setup
    key_id: bytes = b""
    """Of the key that its payloads are sealed with; empty when they are not."""

    def pack(self) -> bytes:
        """The file's first bytes."""
        fields = {
            "segment": self.segment.bytes,
            "stream": self.stream.bytes,
            "sequence": self.sequence,
            "worker": self.worker,
            "created_unix_us": self.created_unix_us,
            "setup": self.setup,
        }
        if self.key_id:
            return pack_header(MAGIC, SEALED_VERSION, {**fields, "key": self.key_id})
        return pack_header(MAGIC, VERSION, fields)

    @classmethod
    def unpack(cls, data: bytes) -> tuple[Self, int] | None:
        """The header and its length; None when the bytes do not hold all of it yet.

        Raises:
            SegmentError: other bytes, or a newer version.
        """
        try:
            found = unpack_header(MAGIC, (VERSION, SEALED_VERSION), data)
            if found is None:
                return None
            body, end = found
            header = cls(
                UUID(bytes=body["segment"]),
                UUID(bytes=body["stream"]),
                body["sequence"],
                body["worker"],
                body["created_unix_us"],
                msgspec.convert(body["setup"], Setup),
                body.get("key", b""),
            )
        except (LookupError, TypeError, ValueError):
            raise SegmentError("a header that says something else") from None
        return header, end


def pack_header(magic: bytes, version: int, fields: Mapping[str, object]) -> bytes:
    """A header as described above."""
    body = msgspec.msgpack.encode(fields)
    head = _PREFIX.pack(magic, version, len(body)) + body
    return head + _CHECK.pack(xxhash.xxh3_64_intdigest(head))


def unpack_header(magic: bytes, versions: Collection[int], data: bytes) -> tuple[dict[str, Any], int] | None:
    """Its fields and its length; None when the bytes do not hold all of it yet.

    Raises:
        SegmentError: other bytes, or a version that is not among `versions`.
    """
    if len(data) < _PREFIX.size:
        return None
    found, version, length = _PREFIX.unpack_from(data)
    if found != magic:
        raise SegmentError("not a capture segment")
    if version not in versions:
        raise SegmentError(f"capture format {version}; this shadowbench reads {', '.join(map(str, versions))}")
    end = _PREFIX.size + length
    if len(data) < end + _CHECK.size:
        return None
    if _CHECK.unpack_from(data, end)[0] != xxhash.xxh3_64_intdigest(data[:end]):
        raise SegmentError("damaged header")
    return msgspec.msgpack.decode(data[_PREFIX.size : end]), end + _CHECK.size


def pack_frame(payload: bytes) -> tuple[bytes, bytes]:
    """Prefix and payload, to be written one behind the other."""
    return frame_prefix(payload), payload


def read_frames(data: memoryview, offset: int) -> Iterator[tuple[int, memoryview]]:
    """(offset just behind the frame, payload) of every whole, intact frame from `offset` on.

    Stops at the first that is cut or damaged; the caller knows whether its writer may still finish it.
    """
    while offset + _FRAME.size <= len(data):
        length, check = _FRAME.unpack_from(data, offset)
        end = offset + _FRAME.size + length
        if length > MAX_FRAME_BYTES or end > len(data):
            return
        payload = data[offset + _FRAME.size : end]
        if xxhash.xxh3_64_intdigest(payload) & 0xFFFFFFFF != check:
            return
        yield end, payload
        offset = end
