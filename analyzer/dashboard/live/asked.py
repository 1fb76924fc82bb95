"""What a live page is about: a window that ends now, and filters. Its address says all of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from store.narrowing import MAX_LABELS, Narrowing

WINDOWS: Mapping[str, float] = {
    "15m": 900.0,
    "1h": 3600.0,
    "6h": 6 * 3600.0,
    "24h": 86400.0,
    "7d": 7 * 86400.0,
    "30d": 30 * 86400.0,
}
"""As people write them -> seconds."""
DEFAULT_WINDOW = "1h"
MAX_CHARS = 512
"""Of one filter's value."""
_LABEL = "label."


class BadQuestion(Exception):  # noqa: N818 - says what it is
    """An address that asks for nothing that there is; one line that says what is allowed."""


@dataclass(frozen=True, slots=True)
class LiveQuestion:
    """Window and filters."""

    window: str = DEFAULT_WINDOW
    labels: tuple[tuple[str, str], ...] = ()
    """(name, value), by name."""
    endpoint: str | None = None
    model: str | None = None
    stream: bool | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "LiveQuestion":
        """From an address; empty values are no filter, unknown names are left alone.

        Raises:
            BadQuestion: a window or a value that there is not.
        """
        window = query.get("window") or DEFAULT_WINDOW
        if window not in WINDOWS:
            raise BadQuestion(f"there is no window {window[:20]!r}; choose one of {', '.join(WINDOWS)}")
        stream = query.get("stream") or None
        if stream not in {None, "yes", "no"}:
            raise BadQuestion("stream is yes or no")
        labels = tuple(sorted((k.removeprefix(_LABEL), v) for k, v in query.items() if k.startswith(_LABEL) and v))
        if len(labels) > MAX_LABELS:
            raise BadQuestion(f"at most {MAX_LABELS} labels")
        values = [query.get("endpoint", ""), query.get("model", ""), *(part for label in labels for part in label)]
        if any(len(value) > MAX_CHARS for value in values):
            raise BadQuestion(f"a filter has at most {MAX_CHARS} characters")
        return cls(
            window,
            labels,
            query.get("endpoint") or None,
            query.get("model") or None,
            None if stream is None else stream == "yes",
        )

    @property
    def window_s(self) -> float:
        """Length of the window."""
        return WINDOWS[self.window]

    @property
    def narrowing(self) -> Narrowing:
        """The filters."""
        return Narrowing(dict(self.labels), self.endpoint, self.model, self.stream)

    def with_window(self, window: str) -> "LiveQuestion":
        """The same about another window."""
        return replace(self, window=window)

    def query(self) -> str:
        """The part of an address behind the `?`, empty for the plain question."""
        return urlencode(list(self._pairs()))

    def _pairs(self) -> Iterator[tuple[str, str]]:
        if self.window != DEFAULT_WINDOW:
            yield "window", self.window
        yield from self.filters()

    def filters(self) -> Iterator[tuple[str, str]]:
        """Parameters of the address that say which pairs."""
        for name, value in self.labels:
            yield f"{_LABEL}{name}", value
        for name, chosen in (("endpoint", self.endpoint), ("model", self.model)):
            if chosen is not None:
                yield name, chosen
        if self.stream is not None:
            yield "stream", "yes" if self.stream else "no"
