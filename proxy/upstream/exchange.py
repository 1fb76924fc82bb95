"""What a connection and those around it tell each other."""

from typing import TYPE_CHECKING, Protocol

from proxy.wire.heads import Headers

if TYPE_CHECKING:
    from proxy.upstream.connection import UpstreamConnection


class Response:
    """Head of a response."""

    __slots__ = ("chunked", "content_length", "headers", "keep_alive", "reason", "says_close", "status", "trailers")

    def __init__(self) -> None:
        self.status = 0
        self.reason = b""
        self.keep_alive = False
        """May the connection carry another exchange? False, too, when the body ends with the connection."""
        self.headers: Headers = []
        self.content_length: int | None = None
        self.chunked = False
        self.says_close = False
        self.trailers: Headers | None = None
        """What came after a chunked body; complete when the response is. None: nothing did."""


class Exchange(Protocol):
    """Who asked: hears of the response as it comes. No call may wait or raise."""

    def is_request_out(self) -> bool:
        """Has the whole request left? If not, the connection cannot carry another."""

    def response_head(self, response: Response, now_ns: int) -> None:
        """Status and headers are complete (1xx heads are told too, before the final one)."""

    def response_data(self, data: bytes, now_ns: int) -> None:
        """A stretch of the body, transfer-decoded; one call per read."""

    def response_end(self, now_ns: int) -> None:
        """The response is complete."""

    def response_broken(self, reason: str, now_ns: int, *, seen_any: bool) -> None:
        """The connection failed first. `seen_any`: at least one byte of a response had come."""

    def request_blocked(self) -> None:
        """The upstream takes no more of the request for now."""

    def request_flowing(self, now_ns: int) -> None:
        """All that was written has left."""


class ConnectionOwner(Protocol):
    """The pool, as a connection sees it."""

    def idle(self, connection: "UpstreamConnection") -> None:
        """The connection is free for another exchange."""

    def lost(self, connection: "UpstreamConnection") -> None:
        """The connection is gone."""

    def fault(self, error: BaseException) -> None:
        """Our own code failed while it read a response."""
