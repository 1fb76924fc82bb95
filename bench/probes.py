"""Requests on connections of their own, one every few milliseconds: is the door open?"""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

_REQUEST = b"GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
_EVERY_S = 0.025
_LASTING_S = 2.0
_TIMEOUT_S = 10.0


class Probes:
    """Opens connections for two seconds."""

    def __init__(self, port: int) -> None:
        self._port = port

    def slowest_s(self) -> float:
        """The longest from connecting to an answer; ten seconds when one got none."""
        count = int(_LASTING_S / _EVERY_S)
        with ThreadPoolExecutor(max_workers=count) as pool:
            taken = []
            for _ in range(count):
                taken.append(pool.submit(self._ask))
                time.sleep(_EVERY_S)
            return max(t.result() for t in taken)

    def _ask(self) -> float:
        began_s = time.monotonic()
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=_TIMEOUT_S) as connection:
                connection.sendall(_REQUEST)
                if not connection.recv(4096).startswith(b"HTTP/1.1 200"):
                    return _TIMEOUT_S
        except OSError:
            return _TIMEOUT_S
        return time.monotonic() - began_s
