"""Inference calls, recognised by the end of the path whatever stands before it, and the model that a path names.

Only what makes a model answer is an inference call. Counting tokens, stored responses, files, batches, assistants and
threads are none: their paths end in something else, or stand under a stored conversation.
"""

import re
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

GENERATE: Final = "generateContent"
STREAM_GENERATE: Final = "streamGenerateContent"

_BY_LAST_PART: Final = {
    b"completions": "completions",
    b"embeddings": "embeddings",
    b"responses": "responses",
    b"messages": "messages",
    b"chat": "api/chat",
    b"generate": "api/generate",
}
_UNDER_STORED: Final = (b"/threads/", b"/conversations/", b"/completions/")
"""Messages under these are kept by the provider; to post one is no question to a model."""
_GEMINI: Final = re.compile(rb"(?::|%3[Aa])((?:streamG|g)enerateContent)\Z")
_MODEL_BEFORE_ENDPOINT: Final = (b"/deployments/", b"/engines/")
_MAX_KNOWN: Final = 256
_MAX_KNOWN_BYTES: Final = 256


class Called:
    """What the target of a POST asks for."""

    __slots__ = ("endpoint", "path", "place")

    def __init__(self, target: bytes) -> None:
        self.endpoint = endpoint_of(target)
        """Key of the dialect; None when it is no inference call."""
        self.path = target.partition(b"?")[0]
        self.place = model_place(target, self.endpoint) if self.endpoint is not None else None
        """Where the path names the model."""


_known: Final[dict[bytes, Called]] = {}


def called_by(target: bytes) -> Called:
    """Looked at once per target. One with a query is not kept: there may be a key in it."""
    known = _known.get(target)
    if known is not None:
        return known
    called = Called(target)
    if len(target) <= _MAX_KNOWN_BYTES and b"?" not in target:
        if len(_known) >= _MAX_KNOWN:
            _known.clear()
        _known[target] = called
    return called


def path_of(target: bytes) -> bytes:
    """The path of a request target, without query and without slashes at its end."""
    return target.partition(b"?")[0].rstrip(b"/")


def endpoint_of(target: bytes) -> str | None:
    """The dialect's key when a request target is an inference call (of a POST), by the end of its path."""
    path = path_of(target)
    before, _, last = path.rpartition(b"/")
    endpoint = _BY_LAST_PART.get(last)
    if endpoint is None:
        verb = _GEMINI.search(last) if last.endswith(b"enerateContent") else None
        return verb[1].decode() if verb is not None else None
    if endpoint == "completions":
        return "chat/completions" if before.endswith(b"/chat") else endpoint
    if endpoint.startswith("api/"):
        return endpoint if before.endswith(b"/api") else None
    if endpoint == "messages" and any(stored in path for stored in _UNDER_STORED):
        return None
    return endpoint


def model_place(target: bytes, endpoint: str) -> tuple[int, int] | None:
    """Where in the target of an inference call the model stands (start, end); None when the body names it.

    Gemini: `models/NAME:generateContent`; Azure and its like: `deployments/NAME/chat/completions`.
    """
    path = path_of(target)
    if endpoint in {GENERATE, STREAM_GENERATE}:
        start = path.rfind(b"/") + 1
        verb = _GEMINI.search(path, start)
        return (start, verb.start()) if verb is not None else None
    for marker in _MODEL_BEFORE_ENDPOINT:
        at = path.rfind(marker)
        start, end = at + len(marker), len(path) - len(endpoint) - 1
        if at >= 0 and start < end:
            return start, end
    return None


def model_in(target: bytes, place: tuple[int, int]) -> bytes:
    """The model's name at a place, percent-decoded."""
    return unquote_to_bytes(target[place[0] : place[1]])


def path_model(model: str) -> bytes:
    """A model's name as a path holds it; Gemini's `models/` before it belongs to the path."""
    return quote_from_bytes(model.removeprefix("models/").encode(), safe="-._~@").encode()


def with_model(target: bytes, place: tuple[int, int], model: bytes) -> bytes:
    """The target with another model (`path_model`) at a place."""
    return target[: place[0]] + model + target[place[1] :]
