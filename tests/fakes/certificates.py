"""Certificates made by the `openssl` command; without it the test is skipped."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Pair:
    """A self-signed certificate and its key."""

    cert: Path
    key: Path


def make_pair(directory: Path, name: str = "own", *, serial: int = 1, passphrase: str | None = None) -> Pair:
    """For `localhost` and 127.0.0.1."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("needs the `openssl` command to make certificates")
    pair = Pair(directory / f"{name}.crt", directory / f"{name}.key")
    protected = ["-passout", f"pass:{passphrase}"] if passphrase is not None else ["-nodes"]
    subprocess.run(
        [
            program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", *protected,
            "-keyout", str(pair.key), "-out", str(pair.cert), "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-set_serial", str(serial),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return pair
