"""What is looked at inside a request's fields, as types: the decoder skips everything else without making objects.

Stays interpreted: msgspec reads the annotations, which compiled classes keep only in part.
"""

import msgspec

NULL = msgspec.Raw(b"null")


class Turn(msgspec.Struct):
    """One turn of a conversation, in any API's words."""

    role: str | None = None
    type: str | None = None
    content: msgspec.Raw = NULL
    parts: msgspec.Raw = NULL
    """Gemini's word for content."""
    output: msgspec.Raw = NULL
    """Of a tool (Responses)."""
    audio: msgspec.Raw = NULL
    """An earlier answer's, by its id (Chat Completions)."""


class Part(msgspec.Struct, rename={"file_data_camel": "fileData"}):
    """One part of a turn's content, as far as it may refer to something else."""

    file_id: msgspec.Raw = NULL
    file: msgspec.Raw = NULL
    source: msgspec.Raw = NULL
    file_data: msgspec.Raw = NULL
    file_data_camel: msgspec.Raw = NULL
    content: msgspec.Raw = NULL


class Reference(msgspec.Struct):
    """The object in which a part names a file."""

    file_id: msgspec.Raw = NULL


class Tool(msgspec.Struct):
    """A tool that the model may call."""

    type: str | None = None


decode_turns = msgspec.json.Decoder(list[Turn]).decode
decode_parts = msgspec.json.Decoder(list[Part]).decode
decode_part = msgspec.json.Decoder(Part).decode
decode_reference = msgspec.json.Decoder(Reference).decode
decode_tools = msgspec.json.Decoder(list[Tool]).decode
decode_keyed_tools = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
