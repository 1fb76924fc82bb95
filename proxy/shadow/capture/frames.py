"""The records of the capture log.

A record is a msgpack array whose first element is its tag. Times are the worker's monotonic clock in nanoseconds;
`start_unix_us` alone ties them to the calendar. Bodies are transfer-decoded and content-encoded as they came.
"""

import msgspec

PRIMARY_ARM = 0
"""Arm number of the primary; arm k is `Admitted.legs[k - 1]`."""


class LegPlan(msgspec.Struct, array_like=True, frozen=True):
    """What admission decided for one candidate."""

    candidate: str
    state: str
    """`open` (a leg follows) or the reason of a skip (`record.states.SKIPS`)."""
    share: float
    changed: list[str]
    """Body fields and parts that the candidate got differently; empty for a skip."""


class Admitted(msgspec.Struct, array_like=True, frozen=True, tag=1):
    """A sampled request, complete. Always the first record of its exchange."""

    id: bytes
    start_unix_us: int
    """When the request's head was complete."""
    start_ns: int
    endpoint: str
    """Key of the dialect: `chat/completions`."""
    path: str
    """As the client sent it, without the query."""
    headers: list[tuple[bytes, bytes]]
    """Allow-listed request headers, names in lower case."""
    labels: dict[str, str]
    conversation: int
    """Keyed 64-bit hash."""
    stream: bool | None
    """None when the body is not JSON."""
    config_version: int
    legs: list[LegPlan]
    body: bytes


class Chunk(msgspec.Struct, array_like=True, frozen=True, tag=2):
    """A stretch of a response body, spilled while the exchange is open."""

    id: bytes
    arm: int
    times_ns: list[int]
    """Arrival of each read."""
    ends: list[int]
    """Offset in the body (from its first byte) just behind each read; as many as `times_ns`."""
    data: bytes


class LegEnd(msgspec.Struct, array_like=True, frozen=True, tag=3):
    """The end of a leg, with whatever of its body was not spilled yet."""

    id: bytes
    arm: int
    outcome: str
    """As far as the transport knows (`record.outcome.Outcome`): ok, timeout, connect_error, truncated, too_large,
    client_abort, unavailable. What the bytes mean is the recorder's business."""
    status: int | None
    headers: list[tuple[bytes, bytes]]
    """Allow-listed response headers, names in lower case."""
    t0_ns: int | None
    """Last byte of the request left our buffer; None when it never did."""
    connect_ns: int | None
    """How long connecting took; None on a reused connection."""
    reused: bool
    end_ns: int
    """Last body byte, or the failure."""
    body_bytes: int
    """Length of the whole body as received."""
    gap_bytes: int
    """Bytes left out of the middle, just before `data`; 0 when everything was kept."""
    held_ns: int
    """Primary only: how long a slow client held our reading."""
    overhead_ns: int | None
    """Primary only: time the proxy added, request in to request out plus answer in to answer out."""
    loop_lag_ns: int
    """Largest event-loop lag seen while the leg was open."""
    times_ns: list[int]
    ends: list[int]
    data: bytes


class Dropped(msgspec.Struct, array_like=True, frozen=True, tag=4):
    """The exchange was given up because the log's queue was full; forget it. Its legs count as `disk_dropped`."""

    id: bytes


class Watermark(msgspec.Struct, array_like=True, frozen=True, tag=5):
    """Every exchange of this log that began before `unix_us` has all its frames before this one."""

    unix_us: int
    """Start of the oldest exchange that is open, or now; microseconds since the epoch."""


Frame = Admitted | Chunk | LegEnd | Dropped | Watermark

encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)


def decode(payload: bytes | memoryview) -> Frame:
    """One record.

    Raises:
        msgspec.MsgspecError: not a record of this version.
    """
    try:
        return _decoder.decode(payload)
    except RecursionError:
        raise msgspec.DecodeError("lists within lists without end") from None
