"""Tells the operator of a store that takes no rows: once it has lasted, and when it is over."""

from collections.abc import Callable

from proxy.recorder.lines import Lines

SAY_AFTER_S = 10.0
"""The embedded store takes seconds to come up beside us, and so does one that is restarted: no news."""


class Absence:
    """Between the first attempt that failed and the next that works."""

    def __init__(self, lines: Lines, now_s: Callable[[], float]) -> None:
        """`now_s`: monotonic seconds."""
        self._lines = lines
        self._now_s = now_s
        self._since_s: float | None = None
        self._is_told = False

    def lasted_s(self) -> float:
        """For how long no attempt has succeeded though some failed; 0 while the store takes rows."""
        return self._now_s() - self._since_s if self._since_s is not None else 0.0

    def lasts(self, reason: str) -> None:
        """An attempt failed. Said once, when the first such attempt is long enough ago."""
        now_s = self._now_s()
        if self._since_s is None:
            self._since_s = now_s
        if not self._is_told and now_s - self._since_s >= SAY_AFTER_S:
            self._is_told = True
            self._lines.warning("the store takes no rows; they wait in the capture log", reason=reason)

    def ends(self) -> None:
        """An attempt succeeded. Said to who was told of the absence."""
        if self._is_told and self._since_s is not None:
            self._lines.info("the store takes rows again", away_s=round(self._now_s() - self._since_s, 1))
        self.forget()

    def forget(self) -> None:
        """It was about these rows, not about the store."""
        self._since_s, self._is_told = None, False
