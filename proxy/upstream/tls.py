"""How an upstream proves who it is."""

import ssl
from dataclasses import dataclass

from proxy.wire.heads import Origin


@dataclass(frozen=True, slots=True)
class Tls:
    """Made once per upstream and configuration."""

    context: ssl.SSLContext
    server_name: str
    """Asked for (SNI), and what the certificate must be for."""


def tls_context(ca: str | None, *, verify: bool) -> ssl.SSLContext:
    """TLS 1.2 or newer, HTTP/1.1 only (we speak nothing else).

    Args:
        ca: file of certificates to trust instead of the system's.
        verify: off, any certificate will do.

    Raises:
        ValueError: the file cannot be used; one line that names it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        try:
            context.load_verify_locations(cafile=ca)
        except ssl.SSLError:
            raise ValueError(f"{ca}: no certificates in PEM form are in it") from None
        except OSError as error:
            raise ValueError(f"{ca}: {error.strerror or error}") from None
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def tls_of(origin: Origin, *, ca: str | None, server_name: str | None, verify: bool) -> Tls | None:
    """For an upstream; None when its address is `http`.

    Raises:
        ValueError: see `tls_context`.
    """
    if not origin.tls:
        return None
    return Tls(tls_context(ca, verify=verify), server_name or origin.host)
