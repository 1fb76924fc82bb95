"""Keys of a blind sheet: they name a pair, they draw an order, and damage is noticed."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.labels_in.key import NONCE_BYTES, KeyFault, make_key, read_key

NONCE = bytes(range(NONCE_BYTES))
REQUEST = UUID("0195f0a0-0000-7000-8000-000000000001")


@given(st.uuids(), st.text(min_size=1, max_size=60), st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES))
def test_a_key_says_which_pair_it_names(request_id: UUID, candidate: str, nonce: bytes) -> None:
    key = make_key(request_id, candidate, nonce)
    found = read_key(f" {key}\n")
    assert (found.request_id, found.candidate) == (request_id, candidate)
    assert set(key) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_each_answer_is_a_in_half_of_the_pairs() -> None:
    """Of 4,000 fair coins between 1,874 and 2,126 fall one way, but for one time in 15,000 (4 standard errors)."""
    heads = sum(read_key(make_key(uuid4(), "c", NONCE)).candidate_is_a for _ in range(4000))
    assert abs(heads - 2000) < 4 * 4000**0.5 / 2


def test_another_sheet_draws_anew() -> None:
    orders = {read_key(make_key(REQUEST, "c", bytes([n] * NONCE_BYTES))).candidate_is_a for n in range(40)}
    assert orders == {True, False}


@pytest.mark.parametrize("key", ["", "x", "===", "ä", "Zm9v", "not a key", "A" * 500])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(KeyFault):
        read_key(key)


def test_a_key_that_was_changed_is_refused_wherever_it_was_changed() -> None:
    key = make_key(REQUEST, "llama", NONCE)
    for place in range(len(key)):
        changed = key[:place] + ("A" if key[place] != "A" else "B") + key[place + 1 :]
        with pytest.raises(KeyFault):
            read_key(changed)
    with pytest.raises(KeyFault):
        read_key(key[:-4])
