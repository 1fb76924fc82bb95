"""One pair with its texts, as it is judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Answer:
    """What one arm said."""

    text: str
    """Visible text; empty when it only called tools."""
    tool_calls: str
    """Canonical JSON: a list of {"name": .., "arguments": ..}; empty without calls."""
    model: str | None
    """As the answer names it."""
    valid_json: bool | None
    """None unless the request asked for JSON."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A request, and both answers to it. Only pairs of which both arms answered (`ok`) are judged."""

    request_id: UUID
    ts: datetime
    """Start of the request, UTC."""
    candidate: str
    experiment: str
    block: datetime
    bucket: int
    labels: Mapping[str, str]
    endpoint: str
    """Dialect key: `chat/completions` and so on; see `proxy.wire.endpoints`."""
    is_whole: bool
    """False: the middle of an answer was not kept, so nobody can judge it."""
    request: str
    """Body as the primary got it, JSON."""
    primary: Answer
    answer: Answer
    """The candidate's."""
