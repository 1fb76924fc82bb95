"""An API that is mirrored before its format is understood: timing and status count, texts stay unknown."""

from dataclasses import dataclass

from proxy.wire.body import Reply
from proxy.wire.dialect import Answer, Asked


@dataclass(frozen=True, slots=True)
class Unread:
    """Knows nothing, and says so."""

    endpoint: str
    understands: tuple[str, ...] = ()

    def read_request(self, body: bytes) -> Asked:
        """The defaults."""
        del body
        return Asked()

    def read_answer(self, reply: Reply) -> Answer:
        """Unknown text, no fault."""
        del reply
        return Answer()
