"""Which requests are meant for a candidate: its `match`, compiled once. Pure.

Every group that is named must hold. Within a group the entries are alternatives, `*` stands for any text, and an entry
that begins with `!` rules out. A value that is not there fits no entry, and is ruled out by none.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from config.upstreams import Match
from proxy.wire.heads import Headers, header

MAX_LABEL_BYTES: Final = 256
"""As much of a label's value is kept, and compared."""


class Patterns:
    """The entries of one group."""

    __slots__ = ("_refused", "_wanted")

    def __init__(self, entries: Sequence[str]) -> None:
        """`entries`: as the configuration has them, none empty."""
        self._wanted = [_pieces(e) for e in entries if not e.startswith("!")]
        self._refused = [_pieces(e[1:]) for e in entries if e.startswith("!")]

    def hold(self, value: bytes | None) -> bool:
        """Does a value fit?"""
        if value is None:
            return not self._wanted
        if any(_fits(pieces, value) for pieces in self._refused):
            return False
        return not self._wanted or any(_fits(pieces, value) for pieces in self._wanted)


class Matcher:
    """One candidate's groups."""

    __slots__ = ("_headers", "_label_headers", "_models", "_paths")

    def __init__(self, match: Match, label_headers: Mapping[str, bytes]) -> None:
        """`label_headers`: label -> the header (lower case) that it comes from; a label that is not there is the path.

        A label is looked at where it comes from, so that nothing has to be put together for a request that may not be
        copied at all.
        """
        paths = [match.paths] if match.paths else []
        paths += [entries for name, entries in match.labels.items() if name not in label_headers]
        self._paths = [Patterns(entries) for entries in paths]
        self._models = Patterns(match.models) if match.models else None
        self._headers = [(name.encode(), Patterns(entries)) for name, entries in match.headers.items()]
        self._label_headers = [
            (label_headers[name], Patterns(entries)) for name, entries in match.labels.items() if name in label_headers
        ]

    @property
    def names_models(self) -> bool:
        """Does the model have to be known?"""
        return self._models is not None

    def fits_head(self, path: bytes, headers: Headers) -> bool:
        """Do all groups hold that need no body? `path`: without the query."""
        for patterns in self._paths:
            if not patterns.hold(path):
                return False
        for name, patterns in self._headers:
            if not patterns.hold(header(headers, name)):
                return False
        for name, patterns in self._label_headers:
            value = header(headers, name)
            if not patterns.hold(value[:MAX_LABEL_BYTES] if value is not None else None):
                return False
        return True

    def fits_model(self, model: bytes | None) -> bool:
        """Does the model fit that the client asks for? None: it names none."""
        return self._models is None or self._models.hold(model)


def matcher_of(match: Match, label_headers: Mapping[str, bytes]) -> Matcher | None:
    """None when every request fits."""
    is_named = match.paths or match.models or match.headers or match.labels
    return Matcher(match, label_headers) if is_named else None


def _pieces(pattern: str) -> list[bytes]:
    return pattern.encode().split(b"*")


def _fits(pieces: list[bytes], value: bytes) -> bool:
    """The first piece at the beginning, the last at the end, the others in this order between them.

    Each is taken where it comes first, which is right for `*` alone, and takes time in proportion to the value: a
    regular expression could be made to take its square by whoever sends the header.
    """
    if len(pieces) == 1:
        return value == pieces[0]
    at, end = len(pieces[0]), len(value) - len(pieces[-1])
    if end < at or not value.startswith(pieces[0]) or not value.endswith(pieces[-1]):
        return False
    for piece in pieces[1:-1]:
        at = value.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True
