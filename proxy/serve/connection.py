"""A client's connection: reads requests, answers them in order."""

import asyncio
from collections.abc import Callable
from typing import Final, cast

from proxy.clock import monotonic_ns
from proxy.serve.answers import error_answer
from proxy.serve.client_side import ClientSide
from proxy.serve.client_socket import FOR_PIPELINE, FOR_TUNNEL, FOR_UPSTREAM, ClientSocket
from proxy.serve.context import ServeContext
from proxy.serve.half_close import can_half_close
from proxy.serve.relay import Relay
from proxy.serve.request import Request
from proxy.serve.tunnel import Tunnel
from proxy.upstream.reading import Reading
from proxy.wire.forwarding import Forwarding, Mode

READ_AHEAD_BYTES: Final = 256 * 2**10
"""Of an answer that a slow client has not taken yet; beyond it the upstream waits."""
_AS_THEY_COME: Final = Forwarding("keep", "", tls=False)


class ClientConnection(ClientSocket, ClientSide):
    """One client. Pipelined requests wait their turn, and reading waits with them.

    An asyncio protocol by its methods: a compiled class inherits from no other kind.
    """

    __slots__ = (
        "_closing",
        "_context",
        "_current",
        "_forwarding",
        "_gone",
        "_head_limited",
        "_last_answer",
        "_next_context",
        "_receiving",
        "_tunnel",
        "_waiting",
    )  # fmt: skip

    def __init__(self, context: ServeContext, on_gone: "Callable[[ClientConnection], None]") -> None:
        super().__init__(context.deadlines, context.head_timeout_ns, context.max_header_bytes, context.max_body_bytes)
        self._context = context
        self._next_context = context
        self._gone = on_gone
        self._forwarding = _AS_THEY_COME
        self._current: Relay | None = None
        self._waiting: list[Relay] = []
        self._receiving: Relay | None = None
        self._tunnel: Tunnel | None = None
        self._head_limited = True
        self._closing = False
        """Nothing is read any more."""
        self._last_answer = b""
        """Our own, to what could not be read, behind the answers to what came before it."""

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        made = cast("asyncio.Transport", transport)  # uvloop has a class of its own
        self._transport = made
        made.set_write_buffer_limits(high=READ_AHEAD_BYTES)
        self._forwarding = _forwarding(self._context.forwarded, made)
        self._deadlines.add(self)
        self._context.figures.client_connected()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        self.feed(data)
        if self._current is not None:
            self._current.pump()
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        self._deadlines.discard(self)
        self._drop_all()
        self.take_unread()
        self._transport = None
        self._context.figures.client_gone()
        self._gone(self)

    def eof_received(self) -> bool:
        """The client has shut down its writing side: whole requests are answered, half a one never will be whole."""
        transport = self._transport
        if (
            self._closing
            or self._current is None
            or self._receiving is not None
            or self._begun
            or transport is None
            or not can_half_close(transport)
        ):
            return False
        self._begin_half_close(between_answers=not self._current.has_begun_answer())
        return True

    def pause_writing(self) -> None:
        if self._current is not None:
            self._current.hold()

    def resume_writing(self) -> None:
        if self._current is not None:
            self._current.unhold()

    def expired(self, now_ns: int) -> None:
        """See `Limited`: the client was too slow to say what it wants, or has nothing to say."""
        transport = self._transport
        if transport is None:
            return
        if self._lingering:
            transport.abort()
        elif self._half_closed or self._paused_for:
            self._look_whether_gone(now_ns)
        elif self._receiving is not None:
            self.refused("timeout", 408, "The request did not arrive in time.")
        elif self._current is not None:
            self._look_again(now_ns + self._context.idle_timeout_ns)  # the answer has its own limits
        elif self._begun:
            self.refused("timeout", 408, "The request did not arrive in time.")
        else:
            self._close()

    # What the reader calls.

    def has_room(self) -> bool:
        """See `RequestReader`."""
        return not (self._waiting or self._closing or self._paused_for & FOR_TUNNEL)

    def request_began(self, request: Request) -> None:
        """See `RequestReader`."""
        self._head_limited = False
        if self._closing:
            return
        if self._context is not self._next_context:
            self._take_up()
        relay = Relay(self._context, self, request, self._forwarding)
        self._receiving = relay
        if self._current is None:
            self._current = relay
        else:
            self._waiting.append(relay)
            self._pause(FOR_PIPELINE)

    def body_arrived(self, data: bytes) -> None:
        """See `RequestReader`."""
        if self._receiving is not None:
            self._receiving.take_body(data)

    def trailer_arrived(self, name: bytes, low: bytes, value: bytes) -> None:
        """See `RequestReader`."""
        if self._receiving is not None:
            self._receiving.take_trailer(name, low, value)

    def request_ended(self) -> None:
        """See `RequestReader`."""
        if self._receiving is not None:
            self._receiving.request_complete()
        self._receiving = None

    def upgrade_asked(self, rest: bytes) -> None:
        """See `RequestReader`. A WebSocket is asked for in turn; any other protocol is not spoken here."""
        relay = self._waiting[-1] if self._waiting else self._current
        if relay is None or self._closing:
            return
        if relay.request.asks_for_websocket():
            relay.ask_for_tunnel()
            self._pause(FOR_TUNNEL)
            self.put_back(rest)
            return
        relay.reopen()
        self._receiving = relay
        self.reopen(relay.request, rest)

    def refused(self, reason: str, status: int, message: str) -> None:
        """See `RequestReader`. Requests before the refused one are answered first; nothing behind it is read."""
        if self._closing:
            return
        self._closing = True
        self._context.figures.refused(reason)
        refused, self._receiving = self._receiving, None
        answer = error_answer(status, _KINDS[reason], message, close=True)
        if refused is not None:
            if refused is self._current:
                if refused.has_begun_answer():
                    answer = b""  # a part of another is out; only the end of the connection says that it is cut
                self._current = None
            else:
                self._waiting.remove(refused)
            refused.client_gone()
        if self._current is not None:
            self._last_answer = answer
            return
        if answer:
            self.write(answer)
        self._linger()

    def failed(self, error: BaseException) -> None:
        """See `RequestReader`."""
        self._context.on_internal_error("request", error)
        self.refused("internal", 500, "shadowbench failed to read this request; the fault is logged.")

    # What a relay calls.

    def relay_done(self, relay: Relay, *, close: bool) -> None:
        """See `ClientSide`."""
        if relay is not self._current:
            return
        self._current = None
        if close:
            self._end()
        elif self._waiting:
            self._current = self._waiting.pop(0)  # few: what one read held
            # Not at once: a long pipeline of quick answers must not recurse.
            asyncio.get_running_loop().call_soon(self._pump_next, self._current)
        elif self._last_answer:
            self.write(self._last_answer)
            self._linger()
        elif self._half_closed:
            self._close()
        else:
            if self._paused_for & FOR_TUNNEL:
                self._tunnel_denied()
            self._set_deadline()

    def relay_broken(self, relay: Relay) -> None:
        """See `ClientSide`."""
        self._closing = True
        self._current = None
        if self._transport is not None:
            self._transport.abort()

    def pause_request(self) -> None:
        """See `ClientSide`."""
        self._pause(FOR_UPSTREAM)

    def resume_request(self) -> None:
        """See `ClientSide`."""
        self._resume(FOR_UPSTREAM)

    def open_tunnel(self, relay: Relay, head: bytes, upstream: asyncio.Transport, reading: Reading) -> None:
        """See `ClientSide`."""
        transport = self._transport
        if relay is not self._current or transport is None:
            upstream.abort()
            return
        self._current = None
        self._closing = True
        self._deadlines.discard(self)
        self._tunnel = Tunnel(
            transport,
            upstream,
            reading,
            deadlines=self._deadlines,
            figures=self._context.figures,
            on_over=self._tunnel_over,
        )
        self.write(head)
        self._tunnel.open(self.take_unread())
        self._paused_for = 0
        transport.resume_reading()

    def tunnelled(self, data: bytes) -> None:
        """See `ClientSide`."""
        if self._tunnel is not None:
            self._tunnel.to_client.data_received(data)

    def _tunnel_over(self) -> None:
        self._tunnel = None
        self.connection_lost(None)

    def _tunnel_denied(self) -> None:
        """The upstream answered in HTTP: what the client has sent since is its next request."""
        self.start_over()
        self._go_on(FOR_TUNNEL)

    def _pump_next(self, relay: Relay) -> None:
        if relay is not self._current:
            return
        relay.pump()
        if not self._waiting and not self._closing:
            self._go_on(FOR_PIPELINE)

    def _go_on(self, why: int) -> None:
        """Reads what was left unread, then goes on reading."""
        self._paused_for &= ~why
        self.feed_unread()
        if self._current is not None:
            self._current.pump()
        self._resume_reading()

    # What the worker calls.

    def adopt(self, context: ServeContext) -> None:
        """Requests from the next one on use this context."""
        self._next_context = context

    def uses(self, context: ServeContext) -> bool:
        """Does a request that is under way use it?"""
        current = self._current
        return (current is not None and current.context is context) or any(r.context is context for r in self._waiting)

    def oldest_us(self, before_us: int) -> int:
        """When the oldest request here began of which it is not decided yet whether it is copied; `before_us` when none
        is older. Microseconds since the epoch.
        """
        current = self._current
        if current is not None and not current.is_decided and current.start_unix_us < before_us:
            before_us = current.start_unix_us
        for relay in self._waiting:
            before_us = min(before_us, relay.start_unix_us)
        return before_us

    def drain(self) -> None:
        """Ends the connection now if nothing is under way, else with the answer under way; a tunnel goes on."""
        if self._current is None and self._receiving is None and self._tunnel is None:
            self._close()

    # Inside.

    def _take_up(self) -> None:
        """A newer configuration; limits of size hold from the next request on."""
        context = self._context = self._next_context
        self.limit(context.max_header_bytes, context.max_body_bytes)
        if self._transport is not None:
            self._forwarding = _forwarding(context.forwarded, self._transport)

    def _set_deadline(self) -> None:
        """While an answer is under way its own limits hold; `expired` looks again then."""
        if self._closing:
            return
        if self._receiving is not None:
            self._limit(self._context.body_timeout_ns)
        elif self._begun:
            if not self._head_limited:
                self._head_limited = True
                self._limit(self._context.head_timeout_ns)
        elif self._head_bytes == 0:
            idle_ns = self._context.idle_timeout_ns
            self.deadline_ns = monotonic_ns() + idle_ns
            if idle_ns < self._context.head_timeout_ns:
                self._deadlines.hasten(self)

    def _drop_all(self) -> None:
        for relay in (self._current, *self._waiting):
            if relay is not None:
                relay.client_gone()
        self._current = None
        self._receiving = None
        self._waiting.clear()

    def _end(self) -> None:
        """Behind the last answer. A client that may still be sending is heard out."""
        if self._closing or self._receiving is not None:
            self._linger()
        else:
            self._close()

    def _close(self) -> None:
        self._closing = True
        self._drop_all()
        self._shut()

    def _linger(self) -> None:
        self._closing = True
        self._drop_all()
        self._hear_out()


def _forwarding(mode: Mode, transport: asyncio.Transport) -> Forwarding:
    if mode == "keep":
        return _AS_THEY_COME
    peer = transport.get_extra_info("peername")
    address = str(peer[0]) if isinstance(peer, tuple) else ""
    return Forwarding(mode, address, tls=transport.get_extra_info("sslcontext") is not None)


_KINDS: Final = {
    "bad_request": "bad_request",
    "timeout": "request_timeout",
    "head_too_large": "head_too_large",
    "body_too_large": "body_too_large",
    "internal": "internal_error",
}
"""Reason of a refusal, as counted -> `code` in the answer."""
