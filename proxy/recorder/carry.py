"""Frames of exchanges that stay open for long, copied out of old segments so that those can be removed.

Without this one stream that takes an hour would keep an hour of the log on disk, and the log has a bound. While
the log is sealed, so are they.
"""

import os
from collections.abc import Callable

import msgspec

from proxy.recorder.exchange import Assembler, Kept, Place
from proxy.recorder.sealed_file import HEADER_BYTES, SealedHeader, SealingWriter, lock_of, opened_frames
from proxy.recorder.segments import Position
from proxy.recorder.stream_files import StreamFiles, carry_sequence
from proxy.shadow.capture.frames import decode, encode
from proxy.shadow.capture.sealing import BrokenSealError
from proxy.shadow.capture.segment import SegmentError, pack_frame

_OnFault = Callable[[str, BaseException], None]


def write_carry(files: StreamFiles, number: int, assembler: Assembler, on_fault: _OnFault) -> None:
    """Copies all frames of open exchanges; afterwards they are remembered at their new places.

    An exchange whose frames are gone from the disk is given up: it could not end well.

    Raises:
        OSError: the disk refuses; nothing has changed.
    """
    moved: list[tuple[Kept, Place]] = []
    sealing = SealingWriter(files.keys)
    with open(files.carry(number), "wb", opener=_private) as file:
        file.write(sealing.head)
        for identifier, exchange in assembler.exchanges():
            try:
                payloads = [(kept, encode(kept.frame or files.load(kept.place))) for kept in exchange.kept()]
            except LookupError as error:
                on_fault(f"carrying exchange {identifier.hex()} on", error)
                assembler.forget(identifier)
                continue
            for kept, payload in payloads:
                start = file.tell()
                data = sealing.sealed(start, payload) if sealing.seals else b"".join(pack_frame(payload))
                file.write(data)
                moved.append((kept, Place(carry_sequence(number), start, start + len(data))))
        file.flush()
        os.fsync(file.fileno())
    for kept, place in moved:
        kept.place = place


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def take_up(files: StreamFiles, number: int, assembler: Assembler, at: Position, on_fault: _OnFault) -> None:
    """Feeds what was open when the carry was written. Where the file is damaged, those exchanges are lost.

    Args:
        files: of the stream.
        number: of the carry file; 0 when there is none.
        assembler: empty still.
        at: the place in the log behind which the carry was written.
        on_fault: hears of damage.

    Raises:
        KeyMissingError: it is sealed with a key that is not there; nothing has changed.
    """
    if not number:
        return
    path = files.carry(number)
    try:
        data = path.read_bytes()
        lock = lock_of(data[:HEADER_BYTES], files.keys)
        found = SealedHeader.unpack(data[:HEADER_BYTES]) if lock is not None else None
        for start, end, payload in opened_frames(data, lock, found[1] if found is not None else 0):
            for due in assembler.feed(decode(payload), Place(carry_sequence(number), start, end)):
                due.exchange.note_recorded(due.arm)
    except (OSError, msgspec.MsgspecError, BrokenSealError, SegmentError) as error:
        on_fault(f"taking up {path.name}", error)
    assembler.need_from(at)
