"""Pairs and answers made up for tests of judging."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from store.judging.pair import Answer, Pair

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
REQUEST_ID = UUID("01970000-0000-7000-8000-000000000001")


def answer(text: str = "", *calls: tuple[str, Any], valid_json: bool | None = None) -> Answer:
    """An answer with tool calls as the recorder writes them: arguments are JSON in a text."""
    written = [
        {"id": f"call_{place}", "name": name, "arguments": given if isinstance(given, str) else json.dumps(given)}
        for place, (name, given) in enumerate(calls)
    ]
    return Answer(text, json.dumps(written) if written else "", "model-x", valid_json)


def pair(
    primary: Answer | str = "yes",
    candidate: Answer | str = "no",
    *,
    request: Mapping[str, Any] | str = "",
    endpoint: str = "chat/completions",
    request_id: UUID = REQUEST_ID,
    name: str = "cand",
    is_whole: bool = True,
) -> Pair:
    """A pair of which only the given parts matter."""
    return Pair(
        request_id=request_id,
        ts=START,
        candidate=name,
        experiment="e1",
        block=START,
        bucket=0,
        labels={},
        endpoint=endpoint,
        is_whole=is_whole,
        request=request if isinstance(request, str) else json.dumps(request),
        primary=answer(primary) if isinstance(primary, str) else primary,
        answer=answer(candidate) if isinstance(candidate, str) else candidate,
    )


texts = st.text(st.characters(), max_size=40)  # lone surrogates too


def _json(floats: st.SearchStrategy[float]) -> st.SearchStrategy[Any]:
    return st.recursive(
        st.none() | st.booleans() | st.integers() | floats | texts,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=12,
    )


json_values = _json(st.floats())
sound_json = _json(st.floats(allow_nan=False, allow_infinity=False))


def nested(depth: int, kind: str = "[") -> str:
    """JSON text that is nested so deeply."""
    return "[" * depth + "]" * depth if kind == "[" else '{"a":' * depth + "1" + "}" * depth
