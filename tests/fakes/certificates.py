"""Certificates made by the `openssl` command; without it the test is skipped."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from proxy.upstream.tls import Tls, tls_context


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


def server_context_of(pair: Pair) -> ssl.SSLContext:
    """A server that shows this certificate, and would rather speak HTTP/2."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def trusting(pair: Pair | None, name: str = "localhost", *, verify: bool = True) -> Tls:
    """A client that trusts this certificate, or the system's authorities, and asks for this name."""
    return Tls(tls_context(str(pair.cert) if pair else None, verify=verify), name)
