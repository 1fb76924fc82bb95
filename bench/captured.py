"""What a capture log holds, counted frame by frame."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from proxy.shadow.capture.frames import PRIMARY_ARM, Admitted, Chunk, Frame, LegEnd, decode
from proxy.shadow.capture.segment import SUFFIX, SegmentHeader, read_frames


@dataclass(frozen=True, slots=True)
class Captured:
    """Exchanges of a capture log, by what is complete about them."""

    admitted: int
    """Requests whose body is the body that was sent."""
    primary_ok: int
    """Primary legs that ended `ok` with the upstream's bytes."""
    candidate_ok: int
    """Candidate legs that ended `ok` with the upstream's bytes."""
    ended: dict[str, int]
    """All legs by outcome."""


def read_captured(directory: Path, *, request: bytes, answer: bytes | Callable[[bytes], bool]) -> Captured:
    """Reads all segments of a log whose writer has ended.

    Args:
        request: what every request's body was.
        answer: what every answer's body was, without transfer coding; or a test of one.
    """
    is_right = answer if callable(answer) else answer.__eq__
    admitted = 0
    ended: Counter[str] = Counter()
    good = [0, 0]
    spilled: dict[tuple[bytes, int], list[bytes]] = {}
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        for frame in _frames(path):
            if isinstance(frame, Admitted):
                admitted += frame.body == request
            elif isinstance(frame, Chunk):
                spilled.setdefault((frame.id, frame.arm), []).append(frame.data)
            elif isinstance(frame, LegEnd):
                ended[frame.outcome] += 1
                whole = b"".join([*spilled.pop((frame.id, frame.arm), []), frame.data])
                if frame.outcome == "ok" and frame.gap_bytes == 0 and is_right(whole):
                    good[frame.arm != PRIMARY_ARM] += 1
    return Captured(admitted, good[0], good[1], dict(ended))


def _frames(path: Path) -> list[Frame]:
    data = path.read_bytes()
    header = SegmentHeader.unpack(data)
    if header is None:
        return []
    return [decode(payload) for _, payload in read_frames(memoryview(data), header[1])]
