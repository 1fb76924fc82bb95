"""One JSON object per line on standard error: no bodies, no query strings, no credentials."""

import logging
import time

import msgspec

from runtime.outlet import STDERR, Outlet

MAX_LINE_BYTES = 16 * 2**10
"""A longer line is cut: an error's text may repeat what somebody sent."""
_MAX_FIELD_CHARS = 2000


class Log:
    """Lines of one process; `role` is on each of them. Saying something never waits."""

    def __init__(self, role: str, outlet: Outlet = STDERR) -> None:
        self._role = role
        self._outlet = outlet

    def info(self, event: str, **fields: object) -> None:
        """Something an operator may want to know."""
        self._write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Something an operator should look at; the role goes on."""
        self._write("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Something that failed."""
        self._write("error", event, fields)

    def take_libraries(self) -> None:
        """Lines of libraries come here as well: Python's own way to standard error waits for its reader."""
        root = logging.getLogger()
        root.handlers = [_Libraries(self)]
        root.setLevel(logging.WARNING)

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        self._outlet.say(self._line(level, event, fields), self._left_out)

    def _line(self, level: str, event: str, fields: dict[str, object]) -> bytes:
        head = {"ts": round(time.time(), 3), "level": level, "role": self._role, "event": event}
        line = msgspec.json.encode({**head, **fields}, enc_hook=str)
        if len(line) > MAX_LINE_BYTES:
            short = {name: str(value)[:_MAX_FIELD_CHARS] for name, value in list(fields.items())[:4]}
            line = msgspec.json.encode({**head, **short, "cut": True})
        return line + b"\n"

    def _left_out(self, lines: int) -> bytes:
        return self._line("warning", "lines were left out: nobody read them", {"lines": lines})


class _Libraries(logging.Handler):
    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        what = {"error": f"{type(error).__name__}: {error}".partition("\n")[0]} if error is not None else {}
        say = self._log.error if record.levelno >= logging.ERROR else self._log.warning
        say("library", library=record.name, message=record.getMessage().partition("\n")[0], **what)
