"""Bodies as they were kept: compressed or not, with a gap or without."""

import contextlib
import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.body import Reply, UnknownEncoding, stretches, unpacked
from proxy.wire.errors import WireError


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"gzip": gzip.compress,
    b"x-gzip": gzip.compress,
    b"deflate": zlib.compress,
    b"zstd": zstd.compress,
    b"br": brotli.compress,
    b"identity": bytes,
    b"": bytes,
}


@pytest.mark.parametrize("encoding", PACKERS)
@given(data=st.binary(max_size=2000))
def test_what_was_packed_comes_out(encoding: bytes, data: bytes) -> None:
    assert unpacked(PACKERS[encoding](data), encoding) == data


def test_deflate_without_the_zlib_header_is_understood() -> None:
    """RFC 9110 section 8.4.1.2: some servers send the raw format."""
    assert unpacked(raw_deflate(b"hello" * 50), b"deflate") == b"hello" * 50


@pytest.mark.parametrize("encoding", [b"gzip, br", b"compress", b"nonsense"])
def test_an_encoding_that_we_cannot_undo_is_said_to_be_unknown(encoding: bytes) -> None:
    with pytest.raises(UnknownEncoding):
        unpacked(b"...", encoding)


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"zstd", b"br"])
@given(data=st.binary(max_size=200))
def test_garbage_raises_a_wire_error_and_nothing_else(encoding: bytes, data: bytes) -> None:
    with contextlib.suppress(WireError):
        unpacked(data, encoding)


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"zstd", b"br"])
def test_a_bomb_is_not_unpacked(encoding: bytes) -> None:
    """100 MB of zeros in 100 kB: refused at the bound, in the memory of the bound."""
    bomb = PACKERS[encoding](bytes(100_000_000))
    assert len(bomb) < 200_000
    with pytest.raises(WireError, match="more than 1000000 bytes"):
        unpacked(bomb, encoding, max_bytes=1_000_000)
    assert len(unpacked(PACKERS[encoding](bytes(1_000_000)), encoding, max_bytes=1_000_000)) == 1_000_000


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"zstd", b"br"])
@given(data=st.data())
def test_the_cuts_of_the_reads_do_not_matter(encoding: bytes, data: st.DataObject) -> None:
    text = b"".join(b"data: %d\n\n" % i for i in range(data.draw(st.integers(0, 3000))))
    packed = PACKERS[encoding](text)
    ends = sorted(data.draw(st.sets(st.integers(1, len(packed)), max_size=20)))
    (stretch,) = stretches(Reply(200, [(b"content-encoding", encoding)], packed, ends=ends))
    assert stretch.data == text


def test_a_decoded_byte_is_known_by_the_read_that_brought_it() -> None:
    """A server that flushes after each event: every event belongs to its own read, compressed or not."""
    packer, body, ends = zlib.compressobj(wbits=31), b"", []
    events = [b"data: one\n\n", b"data: two\n\n", b"data: three\n\n"]
    for event in events:
        body += packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH)
        ends.append(len(body))
    (stretch,) = stretches(Reply(200, [(b"content-encoding", b"gzip")], body, ends=ends))
    assert stretch.data == b"".join(events)
    assert [stretch.received_at(n) for n in (11, 22, 35)] == ends
    assert stretch.received_at(12) == ends[1]


def test_behind_a_gap_offsets_count_what_was_left_out() -> None:
    first, second = stretches(Reply(200, [], b"head", b"tail", gap_bytes=100))
    assert (first.data, second.data) == (b"head", b"tail")
    assert first.received_at(2) == 2
    assert second.received_at(2) == 106


def test_a_compressed_body_is_read_up_to_its_gap() -> None:
    packed = gzip.compress(bytes(range(256)) * 100)
    (stretch,) = stretches(Reply(200, [(b"content-encoding", b"gzip")], packed[:200], packed[-20:], gap_bytes=50))
    assert stretch.data
    assert (bytes(range(256)) * 100).startswith(stretch.data)
