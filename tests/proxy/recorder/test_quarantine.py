"""What was set aside stays as long as texts may be kept, and no longer."""

import os
from pathlib import Path

from proxy.recorder.quarantine import MAX_QUARANTINE_BYTES, Quarantine
from proxy.shadow.capture.sealing import KeyRing
from tests.proxy.recorder.stage import Shelf, record

KEY = "a-key-of-the-tests-that-is-long-enough-1"
DAY_S = 86400.0


def kept(quarantine: Quarantine) -> list[str]:
    return sorted(os.listdir(quarantine.directory)) if quarantine.directory.exists() else []


def test_files_are_private_and_go_when_they_are_too_old(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path)
    assert quarantine.expire(DAY_S) == 0  # there is none yet
    for name in ("old", "young"):
        quarantine.take_bytes(name, b"a text", "a reason")
    modes = {path.stat().st_mode & 0o777 for path in quarantine.directory.iterdir()}
    assert modes == {0o600}
    assert quarantine.directory.stat().st_mode & 0o777 == 0o700
    made_s = quarantine.directory.joinpath("old.part").stat().st_mtime
    for name in ("old.part", "old.json"):
        os.utime(quarantine.directory / name, (made_s - 2 * DAY_S, made_s - 2 * DAY_S))
    assert quarantine.expire(DAY_S) == 2
    assert kept(quarantine) == ["young.json", "young.part"]
    assert quarantine.expired == 2
    assert quarantine.expire(DAY_S) == 0


def test_the_age_is_that_at_the_time_of_the_question(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path)
    quarantine.take_bytes("one", b"a text", "a reason")
    made_s = quarantine.directory.joinpath("one.part").stat().st_mtime
    later = Quarantine(tmp_path, now_s=lambda: made_s + DAY_S + 60)
    assert later.expire(DAY_S + 120) == 0
    assert later.expire(DAY_S) == 2


def test_a_segment_that_was_plain_is_sealed_when_it_is_set_aside_under_a_key(tmp_path: Path) -> None:
    source = tmp_path / "source.seg"
    source.write_bytes(b"x" * 10 + b"a text that somebody wrote" * 100)
    quarantine = Quarantine(tmp_path, KeyRing([KEY]))
    quarantine.take_file(source, 10, "a reason")
    assert kept(quarantine) == ["source-10.json", "source-10.sealed"]
    assert b"somebody" not in (quarantine.directory / "source-10.sealed").read_bytes()


def test_beyond_its_bound_only_reasons_are_kept(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path)
    quarantine.take_bytes("first", b"x", "a reason")
    os.truncate(quarantine.directory / "first.part", MAX_QUARANTINE_BYTES)  # sparse: it takes no room
    quarantine.take_bytes("second", b"y", "a reason")
    assert kept(quarantine) == ["first.json", "first.part", "second.json"]


async def test_the_recorder_looks_for_what_is_too_old(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path)
    quarantine.take_bytes("old", b"a text", "a reason")
    for path in quarantine.directory.iterdir():
        os.utime(path, (1, 1))
    figures = await record(tmp_path, Shelf(), retention="14d")
    assert kept(quarantine) == []
    assert figures["shadowbench_recorder_quarantine_expired_total"] == 2
