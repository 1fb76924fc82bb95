"""What the client side hands over: a request that the primary has been sent, and the leg that carries it."""

from typing import Final, Protocol

import msgspec

from proxy.shadow.body import RequestBody
from proxy.shadow.recording import Recording
from proxy.upstream.tape import Tape
from proxy.wire.apis import APIS
from proxy.wire.endpoints import called_by, model_in
from proxy.wire.heads import Headers, header

HOUR_US: Final = 3_600_000_000


class PrimaryLeg(Protocol):
    """The primary leg, as the shadow side sees it."""

    tape: Tape | None
    request_id: bytes | None

    def be_recorded(self, recording: Recording) -> None:
        """`recording` wants to be told of its end, at once when it has ended already."""


class Offer:
    """A request that the primary has been sent, whole."""

    __slots__ = (
        "body", "body_bytes", "endpoint", "headers", "onward", "primary", "start_ns", "start_unix_us", "target",
    )  # fmt: skip

    def __init__(
        self,
        *,
        endpoint: str | None,
        target: bytes,
        headers: Headers,
        onward: bytes,
        body: list[bytes] | None,
        body_bytes: int,
        start_ns: int,
        start_unix_us: int,
        primary: PrimaryLeg,
    ) -> None:
        self.endpoint = endpoint
        """Dialect key; None when it is no inference call."""
        self.target = target
        self.headers = headers
        self.onward = onward
        """Header lines as the primary got them, each with its CRLF."""
        self.body = body
        """None when it was too large to keep."""
        self.body_bytes = body_bytes
        self.start_ns = start_ns
        self.start_unix_us = start_unix_us
        self.primary = primary


class Call:
    """An inference call under consideration: its body is taken apart when somebody asks, and once."""

    __slots__ = ("_body", "_is_read", "endpoint", "may_read", "offer", "path", "place")

    def __init__(self, offer: Offer, endpoint: str, *, may_read: bool) -> None:
        """`may_read` False: nobody can get a copy, and the body is left alone."""
        self.offer = offer
        self.endpoint = endpoint
        self.may_read = may_read
        called = called_by(offer.target)
        self.path = called.path
        self.place = called.place
        """Where the path names the model."""
        self._body: RequestBody | None = None
        self._is_read = False

    def body(self) -> RequestBody | None:
        """The body as JSON; None when it is compressed, too large, or something else."""
        if not self._is_read:
            self._is_read = True
            if self.may_read:
                self._body = self._parsed()
        return self._body

    def _parsed(self) -> RequestBody | None:
        offer = self.offer
        if offer.body is None or header(offer.headers, b"content-encoding") not in {None, b"identity"}:
            return None
        raw = offer.body[0] if len(offer.body) == 1 else b"".join(offer.body)
        try:
            return RequestBody(raw, APIS[self.endpoint])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def knows_model(self) -> bool:
        """Can it be said which model is asked for, or that none is?"""
        return self.place is not None or self.body() is not None

    def model(self) -> bytes | None:
        """The model that the client asks for, from path or body."""
        if self.place is not None:
            return model_in(self.offer.target, self.place)
        body = self.body()
        return body.model if body is not None else None
