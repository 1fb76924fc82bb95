"""What a dialect makes of bytes: the same frozen answer for every API.

A dialect is one file in `dialects/` with one object that fits `Dialect`, entered in `dialects.table`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from proxy.wire.body import Reply
from record.usage import NO_USAGE, Usage


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a request body matters when its answers are compared."""

    model: str | None = None
    wants_json: bool = False
    json_field: str = ""
    """The field of the request that asks for JSON: where it was changed, nobody knows what was asked for."""
    json_schema: bytes = b""
    """The schema that the JSON is to fit, as compact JSON text; empty without one."""
    choices: int = 1
    estimated_tokens: int | None = None
    """Input tokens by our estimator; None where part of the request is no text."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that the model asks for."""

    id: str
    name: str
    arguments: str
    """As sent: JSON text, if the model kept to it."""


@dataclass(frozen=True, slots=True)
class ApiError:
    """An error object, as far as it says."""

    type: str | None
    code: str | int | None
    message: str


@dataclass(frozen=True, slots=True)
class Marks:
    """Offsets in the body as received, just behind the bytes that completed an event; None where there was none."""

    first_event: int | None = None
    first_reasoning: int | None = None
    first_content: int | None = None
    """Content is what a client can show or act upon: text, refusal, tool call."""
    last_content: int | None = None
    content_chunks: int = 0


NO_MARKS = Marks()


@dataclass(frozen=True, slots=True)
class Answer:
    """What one leg's bytes mean. Texts are those of the first choice.

    Where `fault` is set the bytes are not an answer of this dialect; where `text` is None nobody knows the text.
    """

    fault: str | None = None
    """Why the bytes cannot be read; makes the leg `invalid` unless it has failed otherwise."""
    text: str | None = None
    """Visible text, whole; None when it is unknown."""
    partial_text: str | None = None
    """What is known of a text whose middle was not kept."""
    reasoning: str = ""
    refusal: str = ""
    declined: bool = False
    """The provider itself says, by its finish reason or a field of its own, that it would not answer."""
    tool_calls: tuple[ToolCall, ...] | None = None
    """None when unknown."""
    finish_reason: str | None = None
    model: str | None = None
    usage: Usage = NO_USAGE
    raw_usage: Mapping[str, Any] = field(default_factory=dict)
    odd_usage: bool = False
    """The provider reported counts that cannot be; they are taken as unknown."""
    error: ApiError | None = None
    choices: int = 0
    """How many choices the answer has."""
    streamed: bool = False
    ended: bool = True
    """False when a stream has neither a finish reason, nor its end marker, nor an error."""
    events: int = 0
    comments: int = 0
    marks: Marks = NO_MARKS


class Dialect(Protocol):
    """One API. Pure; garbage gives an answer with a `fault`, never an exception."""

    @property
    def endpoint(self) -> str:
        """The key under which the proxy files its requests: the end of the path."""
        ...

    @property
    def understands(self) -> tuple[str, ...]:
        """For people: forms and variations of answers that it reads, a few words each."""
        ...

    def read_request(self, body: bytes) -> Asked:
        """What was asked; the defaults where the body does not say."""
        ...

    def read_answer(self, reply: Reply) -> Answer:
        """What was answered."""
        ...
