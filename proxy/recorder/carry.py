"""Frames of exchanges that stay open for long, copied out of old segments so that those can be removed.

Without this one stream that takes an hour would keep an hour of the log on disk, and the log has a bound.
"""

import os
from collections.abc import Callable

import msgspec

from proxy.recorder.exchange import Assembler, Kept, Place
from proxy.recorder.segments import Position
from proxy.recorder.stream_files import StreamFiles, carry_sequence
from proxy.shadow.capture.frames import decode, encode
from proxy.shadow.capture.segment import pack_frame, read_frames

_OnFault = Callable[[str, BaseException], None]


def write_carry(files: StreamFiles, number: int, assembler: Assembler, on_fault: _OnFault) -> None:
    """Copies all frames of open exchanges; afterwards they are remembered at their new places.

    An exchange whose frames are gone from the disk is given up: it could not end well.

    Raises:
        OSError: the disk refuses; nothing has changed.
    """
    moved: list[tuple[Kept, Place]] = []
    with open(files.carry(number), "wb", opener=_private) as file:
        for identifier, exchange in assembler.exchanges():
            try:
                packed = [(kept, _packed(kept, files)) for kept in exchange.kept()]
            except LookupError as error:
                on_fault(f"carrying exchange {identifier.hex()} on", error)
                assembler.forget(identifier)
                continue
            for kept, data in packed:
                start = file.tell()
                file.write(data)
                moved.append((kept, Place(carry_sequence(number), start, start + len(data))))
        file.flush()
        os.fsync(file.fileno())
    for kept, place in moved:
        kept.place = place


def _packed(kept: Kept, files: StreamFiles) -> bytes:
    return b"".join(pack_frame(encode(kept.frame or files.load(kept.place))))


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
    """
    if not number:
        return
    path, start = files.carry(number), 0
    try:
        for end, payload in read_frames(memoryview(path.read_bytes()), 0):
            for due in assembler.feed(decode(payload), Place(carry_sequence(number), start, end)):
                due.exchange.note_recorded(due.arm)
            start = end
    except (OSError, msgspec.MsgspecError) as error:
        on_fault(f"taking up {path.name}", error)
    assembler.need_from(at)
