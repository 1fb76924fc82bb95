"""The dialects that are spoken, by endpoint. To add one: write its file, name it here."""

from collections.abc import Mapping

from proxy.wire.dialect import Dialect
from proxy.wire.dialects.openai_chat import OpenAiChat
from proxy.wire.dialects.unread import Unread

_SPOKEN: tuple[Dialect, ...] = (OpenAiChat(),)

DIALECTS: Mapping[str, Dialect] = {dialect.endpoint: dialect for dialect in _SPOKEN}


def dialect_of(endpoint: str) -> Dialect:
    """The dialect of an endpoint; one that leaves the text unknown where we speak none."""
    return DIALECTS.get(endpoint) or Unread(endpoint)
