"""Whether a connection reads: two may stop it, and it goes on when neither does."""

import asyncio


class Reading:
    """The exchange pauses it for a slow client, a budget holds it for a turn of the loop."""

    __slots__ = ("_is_held", "_is_paused", "transport")

    def __init__(self) -> None:
        self._is_paused = False
        self._is_held = False
        self.transport: asyncio.Transport | None = None
        """Set once connected; under TLS, what lies under it."""

    def pause(self) -> None:
        """Stops until `resume`."""
        if not self._is_paused:
            self._is_paused = True
            self._stop()

    def resume(self) -> None:
        """Takes `pause` back."""
        if self._is_paused:
            self._is_paused = False
            self._go_on()

    def hold(self) -> None:
        """Stops until `release`."""
        self._is_held = True
        self._stop()

    def release(self) -> bool:
        """Takes `hold` back; False when it was not held any more."""
        if not self._is_held:
            return False
        self._is_held = False
        self._go_on()
        return True

    def reset(self) -> None:
        """Reads, whoever had stopped it."""
        if self._is_paused or self._is_held:
            self._is_paused = self._is_held = False
            self._go_on()

    def _stop(self) -> None:
        if self.transport is not None:
            self.transport.pause_reading()

    def _go_on(self) -> None:
        transport = self.transport
        if transport is not None and not self._is_paused and not self._is_held and not transport.is_closing():
            transport.resume_reading()
