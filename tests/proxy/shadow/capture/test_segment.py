"""Segments: what was written is read back; what is torn or damaged is noticed."""

import uuid
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.shadow.capture.segment import (
    MAGIC,
    VERSION,
    SegmentError,
    SegmentHeader,
    SegmentName,
    Setup,
    pack_frame,
    pack_header,
    read_frames,
    unpack_header,
)

SETUP = Setup(config_version=3, block_s=60.0, experiments={"a": ("id", "{}")})
payloads = st.lists(st.binary(max_size=200), max_size=12)


def packed(frames: list[bytes]) -> bytes:
    return b"".join(part for payload in frames for part in pack_frame(payload))


def header() -> SegmentHeader:
    return SegmentHeader(uuid.uuid4(), uuid.uuid4(), 4, "proxy-1", 1_700_000_000_000_000, SETUP)


@given(payloads, st.integers(0, 3000))
def test_of_a_torn_file_every_whole_frame_is_read_and_nothing_else(frames: list[bytes], cut: int) -> None:
    data = packed(frames)[:cut]
    read = [bytes(payload) for _, payload in read_frames(memoryview(data), 0)]
    assert read == frames[: len(read)]
    assert len(packed(frames[: len(read)])) <= len(data)
    assert len(read) == len(frames) or len(packed(frames[: len(read) + 1])) > len(data)


@given(payloads.filter(bool), st.data())
def test_a_flipped_bit_never_passes_for_a_frame(frames: list[bytes], data: st.DataObject) -> None:
    whole = bytearray(packed(frames))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    for _, payload in read_frames(memoryview(bytes(whole)), 0):
        assert bytes(payload) in frames


def test_a_header_says_who_wrote_the_segment() -> None:
    made = header()
    data = made.pack()
    assert SegmentHeader.unpack(data + b"more") == (made, len(data))
    for cut in range(len(data)):
        assert SegmentHeader.unpack(data[:cut]) is None


def test_what_decides_travels_with_the_segment() -> None:
    setup = Setup(config_version=3, block_s=60.0, experiments={}, policy='{"level":0.95}', planned_pairs=700)
    made = SegmentHeader(uuid.uuid4(), uuid.uuid4(), 4, "proxy-1", 1_700_000_000_000_000, setup)
    found = SegmentHeader.unpack(made.pack())
    assert found is not None
    assert found[0].setup == setup


def test_a_segment_from_before_there_were_policies_is_read() -> None:
    """Its header as that release wrote it: a map of three keys for the setup."""
    made = header()
    fields = {
        "segment": made.segment.bytes,
        "stream": made.stream.bytes,
        "sequence": made.sequence,
        "worker": made.worker,
        "created_unix_us": made.created_unix_us,
        "setup": {"config_version": 3, "block_s": 60.0, "experiments": {"a": ["id", "{}"]}},
    }
    data = pack_header(MAGIC, VERSION, fields)
    assert SegmentHeader.unpack(data) == (made, len(data))
    assert (made.setup.policy, made.setup.planned_pairs) == ("", None)


def test_an_older_release_reads_a_segment_with_a_policy() -> None:
    """It takes what it knows of the setup, and leaves the rest."""

    class OldSetup(msgspec.Struct, frozen=True):
        config_version: int
        block_s: float
        experiments: dict[str, tuple[str, str]]

    setup = Setup(config_version=3, block_s=60.0, experiments={"a": ("id", "{}")}, policy="{}", planned_pairs=700)
    body, _ = unpack_header(MAGIC, (VERSION,), replace(header(), setup=setup).pack()) or ({}, 0)
    assert msgspec.convert(body["setup"], OldSetup) == OldSetup(3, 60.0, {"a": ("id", "{}")})


@pytest.mark.parametrize("damage", [b"NOTASEGM" + b"\0" * 100, b"SBSEGMT\n\x63\x00" + b"\0" * 100])
def test_other_bytes_and_newer_versions_are_refused(damage: bytes) -> None:
    with pytest.raises(SegmentError):
        SegmentHeader.unpack(damage)


def test_a_damaged_header_is_refused() -> None:
    data = bytearray(header().pack())
    data[20] ^= 1
    with pytest.raises(SegmentError):
        SegmentHeader.unpack(bytes(data))


def test_the_file_name_orders_the_segments_of_a_stream() -> None:
    stream = uuid.uuid4()
    names = [SegmentName(stream, n) for n in (0, 9, 10, 123456)]
    assert sorted(n.file_name() for n in names) == [n.file_name() for n in names]
    assert [SegmentName.parse(Path(n.file_name())) for n in names] == names
    assert SegmentName.parse(Path("x.board")) is None
    assert SegmentName.parse(Path("x-1.seg")) is None
