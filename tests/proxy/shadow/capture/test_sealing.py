"""What is sealed can be read with the key, and with nothing else; checked against other implementations of the same."""

import asyncio
import errno
import os
import uuid
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from proxy.shadow.capture import disk
from proxy.shadow.capture.framing import FRAME_OVERHEAD_BYTES
from proxy.shadow.capture.sealing import (
    SEAL_BYTES,
    BrokenSealError,
    FileKey,
    KeyMissingError,
    KeyRing,
    sealed_batch,
)
from proxy.shadow.capture.segment import SUFFIX, SegmentHeader, Setup, pack_frame, read_frames
from proxy.shadow.capture.writer import CaptureLog

SECRET = "correct-horse-battery-staple-0001"
OTHER = "another-secret-of-the-same-length"
SETUP = Setup(config_version=1, block_s=60.0, experiments={})
FILE = uuid.UUID(int=77)


def file_key(ring: KeyRing, file: uuid.UUID = FILE) -> FileKey:
    key = ring.sealing(file)
    assert key is not None
    return key


def by_the_book(secret: str, file: uuid.UUID, place: int, sealed: bytes) -> bytes:
    """HKDF and AES-GCM as the library has them, put together from the description in docs and module."""
    key = HKDF(SHA256(), 32, salt=file.bytes, info=b"shadowbench capture file 1").derive(secret.encode())
    gcm = modes.GCM(place.to_bytes(12, "big"), sealed[-16:])
    opener = Cipher(algorithms.AES(key), gcm).decryptor()
    return opener.update(sealed[:-16]) + opener.finalize()


@given(st.binary(max_size=2000), st.integers(0, 2**40), st.uuids())
def test_a_payload_is_sealed_as_the_format_says(payload: bytes, place: int, file: uuid.UUID) -> None:
    key = file_key(KeyRing([SECRET]), file)
    sealed = key.seal(place, payload)
    assert len(sealed) == len(payload) + SEAL_BYTES
    assert by_the_book(SECRET, file, place, sealed) == payload == key.open(place, sealed)


def test_the_name_of_a_key_tells_nothing_and_is_always_the_same() -> None:
    derived = HKDF(SHA256(), 32, salt=None, info=b"shadowbench capture key id 1").derive(SECRET.encode())[:8]
    assert file_key(KeyRing([SECRET]), uuid.uuid4()).key_id == derived
    assert SECRET not in repr(KeyRing([SECRET]))


def test_what_was_changed_or_moved_or_is_of_another_file_is_not_opened() -> None:
    ring = KeyRing([SECRET])
    key = file_key(ring)
    sealed = key.seal(100, b"text")
    for wrong in (sealed[:-1] + bytes([sealed[-1] ^ 1]), bytes([sealed[0] ^ 1]) + sealed[1:], b""):
        with pytest.raises(BrokenSealError):
            key.open(100, wrong)
    with pytest.raises(BrokenSealError):
        key.open(108, sealed)
    with pytest.raises(BrokenSealError):
        file_key(ring, uuid.UUID(int=78)).open(100, sealed)


def test_the_first_key_seals_and_all_open() -> None:
    old, both = KeyRing([OTHER]), KeyRing([SECRET, OTHER])
    sealed = file_key(old).seal(8, b"text")
    assert both.opening(FILE, file_key(old).key_id).open(8, sealed) == b"text"
    assert file_key(both).key_id == file_key(KeyRing([SECRET])).key_id
    with pytest.raises(KeyMissingError, match=file_key(old).key_id.hex()):
        KeyRing([SECRET]).opening(FILE, file_key(old).key_id)
    assert KeyRing().sealing(FILE) is None


def test_a_ring_tells_whether_its_keys_are_others_now() -> None:
    ring = KeyRing([SECRET])
    before = ring.version
    ring.renew([SECRET])
    assert ring.version == before
    ring.renew([OTHER, SECRET])
    ring.renew([])
    assert ring.version == before + 2
    assert not ring.seals


@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(0, 10**6), st.data())
def test_a_batch_of_frames_in_any_buffers_is_sealed_frame_by_frame(
    payloads: list[bytes], place: int, data: st.DataObject
) -> None:
    batch: list[bytes] = []
    for payload in payloads:
        packed = pack_frame(payload)
        batch += [b"".join(packed)] if data.draw(st.booleans()) or not payload else packed
    key = file_key(KeyRing([SECRET]))
    sealed = b"".join(sealed_batch(batch, key, place))
    starts, found = place, []
    for end, frame in read_frames(memoryview(sealed), 0):
        found.append(key.open(starts, frame))
        starts = place + end
    assert found == payloads


def make(directory: Path, **settings: Any) -> CaptureLog:
    values: dict[str, Any] = {
        "flush_s": 0.005, "fsync_s": 0.05, "max_queued_bytes": 10**7, "max_disk_bytes": 2**30,
        "on_error": lambda _: None, "chore": lambda: None, "keys": KeyRing([SECRET]),
    }  # fmt: skip
    return CaptureLog(directory, uuid.uuid4(), "w", SETUP, **(values | settings))


def opened(directory: Path) -> tuple[list[bytes], set[tuple[uuid.UUID, int]]]:
    """Payloads by the book, and every (file, nonce)."""
    payloads, nonces = [], set()
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        data = path.read_bytes()
        unpacked = SegmentHeader.unpack(data)
        assert unpacked is not None
        header, at = unpacked
        assert header.key_id == file_key(KeyRing([SECRET])).key_id
        for end, sealed in read_frames(memoryview(data), at):
            payloads.append(by_the_book(SECRET, header.segment, at, bytes(sealed)))
            assert (header.segment, at) not in nonces
            nonces.add((header.segment, at))
            at = end
    return payloads, nonces


async def test_a_sealed_log_holds_every_frame_and_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small and large frames, in several segments; the queue is empty when all is written."""
    monkeypatch.setattr(disk, "SEGMENT_BYTES", 100_000)
    log = make(tmp_path)
    log.start()
    frames = [b"a text of somebody, number %d. " % i * (1 + i % 7 + 900 * (i % 50 == 0)) for i in range(400)]
    for i, frame in enumerate(frames):
        assert log.append(frame)
        if i % 40 == 0:
            log.hand_over()
            await asyncio.sleep(0.002)
    assert await log.close(5)
    assert log.queued_bytes == 0
    payloads, nonces = opened(tmp_path)
    assert payloads == frames
    assert len(nonces) == len(frames)
    paths = list(tmp_path.glob(f"*{SUFFIX}"))
    assert len(paths) > 2
    assert all(b"somebody" not in path.read_bytes() for path in paths)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in paths)
    assert log.accepted_bytes == sum(len(f) + FRAME_OVERHEAD_BYTES + SEAL_BYTES for f in frames)


async def test_a_disk_that_takes_parts_and_fails_seals_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.writev, 0

    def flaky(fd: int, buffers: list[bytes]) -> int:
        nonlocal calls
        calls += 1
        if calls % 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, [buffers[0][: max(1, len(buffers[0]) // 2)]])

    monkeypatch.setattr(os, "writev", flaky)
    monkeypatch.setattr(disk, "_RETRY_S", 0.0001)
    log = make(tmp_path)
    log.start()
    frames = [b"frame number %d" % i for i in range(60)]
    for frame in frames:
        log.append(frame)
    assert await log.close(20)
    assert opened(tmp_path)[0] == frames


def test_a_plain_segment_is_written_as_the_first_release_wrote_it() -> None:
    """Its version and the names of its fields; what is sealed has a version that the first release refuses."""
    plain = SegmentHeader(FILE, FILE, 1, "w", 7, SETUP)
    sealed = SegmentHeader(FILE, FILE, 1, "w", 7, SETUP, b"k" * 8)
    assert plain.pack()[8:10] == (1).to_bytes(2, "little")
    assert b"key" not in plain.pack()
    assert sealed.pack()[8:10] == (2).to_bytes(2, "little")
    for header in (plain, sealed):
        assert SegmentHeader.unpack(header.pack()) == (header, len(header.pack()))
