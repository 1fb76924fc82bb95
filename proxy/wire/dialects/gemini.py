"""Gemini's generateContent and streamGenerateContent: one object, events of such objects, or an array of them."""

from collections.abc import Mapping
from typing import Any

from proxy.wire.answering import Reader, read_reply
from proxy.wire.asked import asked, asked_count, fields_of
from proxy.wire.body import Reply
from proxy.wire.counts import Reported
from proxy.wire.dialect import Answer, Asked
from proxy.wire.framing import ARRAY, Framing
from proxy.wire.gemini_usage import read_gemini_usage
from proxy.wire.object_fields import error_of, object_of, objects_of, text_of
from proxy.wire.wanted_json import gemini_json

_DECLINED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MODEL_ARMOR",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    }
)
"""Finish reasons by which Google withholds an answer."""


class Gemini:
    """`POST .../models/NAME:generateContent` and `:streamGenerateContent`."""

    understands = (
        "one object, events (also with CRLF), or a JSON array of objects",
        "text, thoughts, function calls, data inside the answer; a prompt that was not let through",
        "usage with thoughts apart, tools, cached content and sound; counts of zero that were left out",
    )

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def read_request(self, body: bytes) -> Asked:
        """Choices, texts, and whether JSON is asked for; the model stands in the path."""
        fields = fields_of(body)
        config = object_of(fields.get("generation_config") or fields.get("generationConfig"))
        choices = asked_count(config.get("candidateCount") or config.get("candidate_count"))
        return asked(fields, self.endpoint, gemini_json(fields), choices=choices)

    def read_answer(self, reply: Reply) -> Answer:
        """The answer, whatever the bytes are."""
        return read_reply(reply, _GeminiReader())


class _GeminiReader(Reader):
    """Streamed or not, the objects are the same; those of a stream hold what is new."""

    last_names = ("usageMetadata", "modelVersion", "promptFeedback")

    def framing_of(self, start: bytes, content_type: bytes) -> Framing | None:
        """Without `alt=sse` a stream is an array."""
        return ARRAY if start.startswith(b"[") else super().framing_of(start, content_type)

    def take(self, event: dict[str, Any], name: str) -> None:
        """One object."""
        self.take_last(event)
        self.error = self.error or error_of(event)
        for candidate in objects_of(event.get("candidates")):
            index = candidate.get("index") or 0
            if isinstance(index, int) and index >= self.choices:
                self.choices = index + 1
            if index == 0:
                self._take_candidate(candidate)

    def take_last(self, fields: Mapping[str, Any]) -> None:
        """What stands outside the candidates. Counts are cumulative: the last ones count."""
        self.raw_usage = object_of(fields.get("usageMetadata")) or self.raw_usage
        self.model = text_of(fields.get("modelVersion")) or self.model
        # A prompt that is not let through gives no candidate, only a reason.
        if blocked := text_of(object_of(fields.get("promptFeedback")).get("blockReason")):
            self.finish_reason, self.declined = blocked, True

    def _take_candidate(self, candidate: dict[str, Any]) -> None:
        grown = [self._add_part(part) for part in objects_of(object_of(candidate.get("content")).get("parts"))]
        if any(grown):
            self.content_grew()
        if reason := text_of(candidate.get("finishReason")):
            self.finish_reason, self.declined = reason, reason in _DECLINED

    def _add_part(self, part: dict[str, Any]) -> bool:
        """One part; is it something that a client can show or act upon?"""
        if part.get("thought"):
            if self.said.add_reasoning(part.get("text")):
                self.reasoning_grew()
            return False
        if isinstance(call := part.get("functionCall"), dict):
            if "partialArgs" in call or "willContinue" in call:
                # Arguments in fragments by JSON path: that there is a call is known, what it says is not.
                self.is_unknown = True
            self.said.begin_call(call.get("id"), call.get("name")).add_arguments(call.get("args"))
            return True
        return self.said.add_text(part.get("text")) or "inlineData" in part

    def take_whole(self, value: dict[str, Any]) -> None:
        """One object that is all."""
        self.take(value, "")
        if not isinstance(value.get("candidates"), list) and not self.declined:
            self.is_unknown = True
            # An answer without candidates still says what it cost.
            self.fault = None if self.error or self.raw_usage else "no candidates"

    def reported(self) -> Reported:
        """The counts of the last object."""
        return read_gemini_usage(self.raw_usage)
