"""Certificates and keys that cannot be used are faults of the configuration, with file, line and key."""

from pathlib import Path

import pytest

from cli.main import run
from tests.fakes.certificates import Pair, make_pair


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return make_pair(tmp_path)


def check(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> str:
    """What `check` says on standard error."""
    file = tmp_path / "own.yaml"
    file.write_text(text)
    code = run(["check", "-c", str(file)])
    said = capsys.readouterr().err
    assert code == (64 if said else 0)
    return said.replace(f"{tmp_path}/", "")


SERVED = """\
primary: {url: http://p}
listen:
  tls:
    cert: own.crt
    key: own.key
"""


def test_a_pair_that_fits_is_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str], pair: Pair) -> None:
    assert check(tmp_path, capsys, SERVED) == ""


def test_files_that_are_not_there_are_both_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path, capsys, SERVED).splitlines() == [
        "own.yaml:4: listen.tls.cert: own.crt cannot be read: No such file or directory",
        "own.yaml:5: listen.tls.key: own.key cannot be read: No such file or directory",
    ]


def test_a_key_of_another_certificate(tmp_path: Path, capsys: pytest.CaptureFixture[str], pair: Pair) -> None:
    other = make_pair(tmp_path, "other")
    pair.key.write_bytes(other.key.read_bytes())
    assert check(tmp_path, capsys, SERVED) == (
        "own.yaml:5: listen.tls.key: own.key does not belong to the certificate own.crt\n"
    )


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_pair(tmp_path, passphrase="secret")
    assert "own.yaml:5: listen.tls.key: own.key has a passphrase" in check(tmp_path, capsys, SERVED)


@pytest.mark.parametrize("text", ["", "not a certificate\n"])
def test_a_file_without_certificate(tmp_path: Path, capsys: pytest.CaptureFixture[str], pair: Pair, text: str) -> None:
    pair.cert.write_text(text)
    assert check(tmp_path, capsys, SERVED) == (
        "own.yaml:4: listen.tls.cert: own.crt holds no certificate in PEM form\n"
    )


def test_a_file_without_key(tmp_path: Path, capsys: pytest.CaptureFixture[str], pair: Pair) -> None:
    pair.key.write_text("no key\n")
    assert "own.yaml:5: listen.tls.key: own.key holds no private key in PEM form" in check(tmp_path, capsys, SERVED)


def test_files_of_authorities(tmp_path: Path, capsys: pytest.CaptureFixture[str], pair: Pair) -> None:
    text = """\
primary: {url: https://p, tls: {ca: missing.pem}}
candidates:
  - {name: a, url: https://a, tls: {ca: own.crt}}
  - {name: b, url: https://b, tls: {ca: own.key}}
"""
    assert check(tmp_path, capsys, text).splitlines() == [
        "own.yaml:1: primary.tls.ca: missing.pem cannot be read: No such file or directory",
        "own.yaml:4: candidates[1].tls.ca: own.key holds no certificates in PEM form",
    ]


def test_commands_that_only_read_results_need_no_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who reads reports need not be able to read the service's private key."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_text(SERVED)
    run(["audit", "-c", "own.yaml"])
    assert "own.key" not in capsys.readouterr().err
