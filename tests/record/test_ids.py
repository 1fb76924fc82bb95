"""Request ids are UUID version 7: they sort by time and never collide in practice."""

from hypothesis import given
from hypothesis import strategies as st

from record.ids import as_uuid, id_source, uuid7_bytes

MILLISECONDS = st.integers(0, 2**48 - 1)
RANDOM_BITS = st.integers(0, 2**74 - 1)


@given(MILLISECONDS, RANDOM_BITS)
def test_the_layout_is_that_of_rfc_9562(unix_ms: int, random_bits: int) -> None:
    """Section 5.7: 48 bits of time, 4 of version, 12 random, 2 of variant, 62 random; read by the standard library."""
    found = as_uuid(uuid7_bytes(unix_ms, random_bits))
    assert found.version == 7
    assert found.variant == "specified in RFC 4122"
    assert found.int >> 80 == unix_ms
    assert (found.int >> 64) & 0xFFF == random_bits >> 62
    assert found.int & (2**62 - 1) == random_bits & (2**62 - 1)


def test_the_example_of_rfc_9562() -> None:
    """Appendix A.6: 2022-02-22 19:22:22.00 GMT, rand_a CC3, rand_b 18C4DC0C0C07398F."""
    random_bits = 0xCC3 << 62 | 0x18C4DC0C0C07398F
    assert str(as_uuid(uuid7_bytes(0x017F22E279B0, random_bits))) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(MILLISECONDS, MILLISECONDS, RANDOM_BITS, RANDOM_BITS)
def test_a_later_request_has_a_larger_id(first: int, second: int, a: int, b: int) -> None:
    if first < second:
        assert uuid7_bytes(first, a) < uuid7_bytes(second, b)


def test_ids_of_one_millisecond_and_of_two_sources_differ() -> None:
    sources = [id_source(), id_source()]
    ids = [draw(1_700_000_000_000) for draw in sources for _ in range(10_000)]
    assert len(set(ids)) == len(ids)
