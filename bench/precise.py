"""An event loop whose timers keep microseconds.

libuv and asyncio round timers up to whole milliseconds, half the distance between two requests at 2,000 a second. A
timer of the kernel (timerfd, Linux only) among the watched descriptors has no such grain.
"""

import asyncio
import ctypes
import os
import selectors
import time
from ctypes.util import find_library

_CLOCK_MONOTONIC = 1
_NEVER = 0.0
_libc = ctypes.CDLL(find_library("c"), use_errno=True)


class _Setting(ctypes.Structure):
    """struct itimerspec: interval, then first expiry; seconds and nanoseconds each."""

    _fields_ = [
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("first_s", ctypes.c_long),
        ("first_ns", ctypes.c_long),
    ]


class PreciseSelector(selectors.EpollSelector):
    """epoll that waits with a timerfd."""

    def __init__(self) -> None:
        super().__init__()
        self._timer = _libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._timer < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._setting = _Setting()
        self.register(self._timer, selectors.EVENT_READ)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready; waits for at most `timeout` seconds, or without end."""
        if timeout is not None and timeout <= 0:
            ready = super().select(0)
        else:
            # Setting it again also takes back an expiry that nobody has seen.
            self._set(_NEVER if timeout is None else timeout)
            ready = super().select(None)
        return [(key, mask) for key, mask in ready if key.fd != self._timer]

    def _set(self, after_s: float) -> None:
        whole = int(after_s)
        self._setting.first_s = whole
        self._setting.first_ns = 0 if after_s == _NEVER else max(1, int((after_s - whole) * 1e9))
        if _libc.timerfd_settime(self._timer, 0, ctypes.byref(self._setting), None) != 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def close(self) -> None:
        """Closes both descriptors."""
        super().close()
        os.close(self._timer)


def precise_loop() -> asyncio.AbstractEventLoop:
    """A new loop; its clock is `time.monotonic`."""
    return asyncio.SelectorEventLoop(PreciseSelector())


def now_ns() -> int:
    """The clock of all measuring programs; one for all processes of a machine."""
    return time.monotonic_ns()
