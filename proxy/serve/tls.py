"""TLS towards clients: one context for the worker's life, whose certificate can change under it."""

import ssl
from collections.abc import Callable
from typing import Any

from config.certificates import pair_fault
from config.model import ListenTls

SHUTDOWN_S = 2.0
"""How long a closing connection waits for the client's goodbye."""
_NOT_YET = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class ClientTls:
    """New handshakes get the newest certificate; connections that are open go on with theirs."""

    def __init__(self, files: ListenTls, on_failed: Callable[[], None]) -> None:
        """`on_failed`: called for each handshake that fails.

        Raises:
            ValueError: certificate and key cannot be used; one line that names them.
        """
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.options |= ssl.OP_NO_RENEGOTIATION
        self.context.set_alpn_protocols(["http/1.1"])
        self.context.sslobject_class = _counting(on_failed)
        self.read(files)

    def read(self, files: ListenTls) -> None:
        """Takes the certificate and key that the files hold now.

        Raises:
            ValueError: they cannot be used, and those before stay; one line that names them.
        """
        # Tried elsewhere first: a context into which a wrong key was loaded has no key at all.
        reason = pair_fault(files)
        if reason is not None:
            raise ValueError(reason)
        self.context.load_cert_chain(files.cert, files.key)


def _counting(on_failed: Callable[[], None]) -> type[ssl.SSLObject]:
    class Counting(ssl.SSLObject):
        """Says when a handshake failed; the event loop closes such a connection without a word."""

        def do_handshake(self) -> Any:
            """See `ssl.SSLObject`."""
            try:
                return super().do_handshake()
            except _NOT_YET:
                raise
            except ssl.SSLError:
                on_failed()
                raise

    return Counting
