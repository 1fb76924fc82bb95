"""Tells the operator of files that wait for their key, once they have waited, and when they can be read."""

from collections.abc import Iterable

from proxy.recorder.lines import Lines

SAY_AFTER_S = 5.0
"""At a reload the workers may have a new key before we do: no news."""


class Locked:
    """Each missing key is one line, however many files want it."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._since_s: dict[bytes, float] = {}
        self._told: set[bytes] = set()

    def look(self, missing: Iterable[bytes | None], now_s: float) -> None:
        """`missing`: of every stream, the id of the key that it waits for, or None. `now_s`: monotonic."""
        present = {key for key in missing if key is not None}
        for key in self._told - present:
            self._lines.info("files of the capture log can be read again", key=key.hex())
        self._told &= present
        self._since_s = {key: self._since_s.get(key, now_s) for key in present}
        for key, since_s in self._since_s.items():
            if key not in self._told and now_s - since_s >= SAY_AFTER_S:
                self._told.add(key)
                self._lines.warning(
                    "files of the capture log are sealed with a key that `capture.encrypt` does not have; "
                    "they wait: add that key behind the first one",
                    key=key.hex(),
                )
