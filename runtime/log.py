"""One JSON object per line on standard error: no bodies, no query strings, no credentials."""

import sys
import time

import msgspec


class Log:
    """Lines of one process; `role` is on each of them."""

    def __init__(self, role: str) -> None:
        self._role = role

    def info(self, event: str, **fields: object) -> None:
        """Something an operator may want to know."""
        self._write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Something an operator should look at; the role goes on."""
        self._write("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Something that failed."""
        self._write("error", event, fields)

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        line = {"ts": round(time.time(), 3), "level": level, "role": self._role, "event": event, **fields}
        # One write per line, so that lines of several processes never mix.
        sys.stderr.write(msgspec.json.encode(line, enc_hook=str).decode() + "\n")
        sys.stderr.flush()
