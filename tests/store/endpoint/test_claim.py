"""One owner per directory, however the one before ended."""

import os
import stat
from pathlib import Path

import pytest

from store.endpoint.claim import Claim, Held


def test_a_claimed_directory_names_its_holder(tmp_path: Path) -> None:
    claim = Claim.acquire(tmp_path, is_transient=True)
    with pytest.raises(Held) as caught:
        Claim.acquire(tmp_path, is_transient=False)
    assert (caught.value.holder.pid, caught.value.holder.is_transient) == (os.getpid(), True)
    claim.release()


def test_a_released_directory_can_be_claimed_again(tmp_path: Path) -> None:
    Claim.acquire(tmp_path, is_transient=True).release()
    claim = Claim.acquire(tmp_path, is_transient=False)
    with pytest.raises(Held) as caught:
        Claim.acquire(tmp_path, is_transient=True)
    assert not caught.value.holder.is_transient
    claim.release()


@pytest.mark.parametrize("left", [b"", b"\0\xff not json", b'{"pid":"x"}', b"x" * 10_000])
def test_what_a_dead_owner_left_in_the_file_does_not_matter(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "owner.lock").write_bytes(left)
    Claim.acquire(tmp_path, is_transient=False).release()


def test_the_directory_is_made_for_its_user_alone(tmp_path: Path) -> None:
    Claim.acquire(tmp_path / "a" / "store", is_transient=False).release()
    assert stat.S_IMODE((tmp_path / "a" / "store").stat().st_mode) == 0o700
