"""OpenAI chat completions, streamed and not, as OpenAI and its many imitators send them."""

from proxy.wire.body import Reply, UnknownEncoding, stretches
from proxy.wire.chat_choice import Choice
from proxy.wire.chat_object import error_of, model_of, text_of, usage_of
from proxy.wire.dialect import Answer, Asked
from proxy.wire.dialects.openai_chat_stream import read_stream
from proxy.wire.errors import WireError
from proxy.wire.json_text import read_json, well_formed
from proxy.wire.openai_usage import read_usage

_JSON_FORMATS = frozenset({"json_object", "json_schema"})
_SSE_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":", b"\xef\xbb\xbf")


class OpenAiChat:
    """`POST .../chat/completions`."""

    endpoint = "chat/completions"

    def read_request(self, body: bytes) -> Asked:
        """Model, choices, and whether JSON is asked for."""
        try:
            asked = read_json(body)
        except WireError:
            return Asked()
        if not isinstance(asked, dict):
            return Asked()
        model, choices, wanted = asked.get("model"), asked.get("n"), asked.get("response_format")
        return Asked(
            model=well_formed(model) if isinstance(model, str) and model else None,
            wants_json=isinstance(wanted, dict) and wanted.get("type") in _JSON_FORMATS,
            choices=choices if isinstance(choices, int) and choices > 0 else 1,
        )

    def read_answer(self, reply: Reply) -> Answer:
        """The answer, whatever the bytes are."""
        try:
            parts = stretches(reply)
            first = parts[0].data.lstrip()
            if first[:1] in {b"{", b"["}:
                return _read_whole(first) if len(parts) == 1 and not reply.gap_bytes else Answer()
            if b"event-stream" in reply.header(b"content-type") or first.startswith(_SSE_FIELDS):
                return read_stream(parts, gap_bytes=reply.gap_bytes)
        except UnknownEncoding:
            return Answer()
        except WireError as error:
            return Answer(fault=str(error))
        return Answer(fault="neither JSON nor an event stream" if first else "empty")


def _read_whole(body: bytes) -> Answer:
    value = read_json(body)
    if not isinstance(value, dict):
        return Answer(fault="JSON, but not an object")
    error = error_of(value)
    choices = value.get("choices")
    if not isinstance(choices, list) or not choices:
        return Answer(error=error, model=model_of(value), fault=None if error else "no choices")
    choice = Choice()
    chosen = choices[0] if isinstance(choices[0], dict) else {}
    choice.add(chosen.get("message"))
    raw_usage = usage_of(value) or {}
    reported = read_usage(raw_usage)
    return Answer(
        text=choice.text(),
        reasoning=choice.reasoning(),
        refusal=choice.refusal(),
        tool_calls=choice.tool_calls(),
        finish_reason=text_of(chosen.get("finish_reason")) or None,
        model=model_of(value),
        usage=reported.usage,
        raw_usage=raw_usage,
        odd_usage=bool(raw_usage) and reported.odd,
        error=error,
        choices=len(choices),
    )
