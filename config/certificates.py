"""Are the certificates, keys and authorities that a configuration names of use?"""

import ssl
from collections.abc import Iterator
from pathlib import Path

from config.model import Config, ListenTls
from config.source import ConfigError, Fault, KeyPath, Source, key_text

Wrong = tuple[KeyPath, str]


def require_certificates(config: Config, source: Source) -> None:
    """Reads the files; `config` has absolute paths.

    Raises:
        ConfigError: with every file that is of no use, and why.
    """
    wrong = list(_of_clients(config.listen.tls)) if config.listen.tls is not None else []
    wrong += _authority(config.primary.tls.ca, ("primary", "tls", "ca"))
    for index, candidate in enumerate(config.candidates):
        wrong += _authority(candidate.tls.ca, ("candidates", index, "tls", "ca"))
    if wrong:
        raise ConfigError([Fault(source.where(path), key_text(path), text) for path, text in wrong])


def certificate_files(config: Config) -> tuple[Path, ...]:
    """All files that `require_certificates` reads."""
    tls = config.listen.tls
    named = [tls.cert, tls.key] if tls is not None else []
    authorities = (config.primary.tls.ca, *(c.tls.ca for c in config.candidates))
    named += [file for file in authorities if file is not None]
    return tuple(Path(name) for name in named)


def _of_clients(tls: ListenTls) -> Iterator[Wrong]:
    unreadable = [
        *_unreadable(tls.cert, ("listen", "tls", "cert")),
        *_unreadable(tls.key, ("listen", "tls", "key")),
    ]
    if unreadable:
        yield from unreadable
        return
    text = Path(tls.cert).read_bytes().decode("ascii", "replace")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        yield ("listen", "tls", "cert"), f"{tls.cert} holds no certificate in PEM form"
        return
    reason = pair_fault(tls)
    if reason is not None:
        yield ("listen", "tls", "key"), reason


def pair_fault(tls: ListenTls) -> str | None:
    """Why certificate and key cannot be used together; None when they can."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.cert, tls.key, password=_no_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return f"{tls.key} does not belong to the certificate {tls.cert}"
        return f"{tls.key} holds no private key in PEM form that fits {tls.cert} ({error.reason or 'unreadable'})"
    except _PassphraseNeededError:
        return f"{tls.key} has a passphrase; write the key without one, readable by this user alone"
    except OSError as error:
        return f"{tls.cert} or {tls.key} cannot be read: {error.strerror}"
    return None


class _PassphraseNeededError(Exception):
    """Asked of nobody: a service has no terminal."""


def _no_passphrase() -> str:
    raise _PassphraseNeededError


def _authority(file: str | None, path: KeyPath) -> Iterator[Wrong]:
    if file is None:
        return
    unreadable = list(_unreadable(file, path))
    if unreadable:
        yield from unreadable
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except (ssl.SSLError, OSError):
        yield path, f"{file} holds no certificates in PEM form"


def _unreadable(file: str, path: KeyPath) -> Iterator[Wrong]:
    try:
        with Path(file).open("rb") as opened:
            opened.read(1)
    except OSError as error:
        yield path, f"{file} cannot be read: {error.strerror}"
