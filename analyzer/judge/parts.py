"""One turn's content in words, in whichever API's form: texts as they are, all else as a mark in square brackets."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from analyzer.judge.plain_json import compact, object_of, text_of

MAX_DEPTH: Final = 8
"""Contents may hold contents (the result of a tool, say); nothing known goes deeper than three."""
_MAX_TYPE_CHARS: Final = 40
_THOUGHTS: Final = frozenset({"thinking", "redacted_thinking", "reasoning", "reasoning_text", "thought"})
"""What a model thought is no part of what it said."""
_MEDIA: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("image", ("image", "image_url", "input_image", "computer_screenshot", "images")),
    ("audio", ("audio", "input_audio", "audio_url", "output_audio")),
    ("video", ("video", "video_url", "input_video")),
    ("file", ("file", "input_file", "file_data", "fileData", "file_url", "file_id", "container_upload")),
    ("document", ("document_url",)),
)
_MEDIA_OF: Final = {name: word for word, names in _MEDIA for name in names}
_CALLS: Final = {
    "tool_use": ("name", "input"),
    "server_tool_use": ("name", "input"),
    "mcp_tool_use": ("name", "input"),
    "tool_call": ("name", "arguments"),
    "function_call": ("name", "arguments"),
}
"""Types of parts that call a tool -> where they name it, and with what it is called."""
RESULTS: Final = frozenset({"tool_result", "mcp_tool_result", "function_response", "web_search_tool_result"})
"""Types of parts that hold what a tool gave back."""


def call_in_words(name: Any, arguments: Any) -> str:
    """A tool call; its arguments as they stand."""
    said = arguments if isinstance(arguments, str) else "" if arguments is None else compact(arguments)
    called = text_of(name) or "without a name"
    return f"[calls the tool {called} with {said}]" if said.strip() else f"[calls the tool {called}]"


def content_in_words(content: Any, depth: int = 0) -> str:
    """Content as a text: a text itself, one part, or a list of them, each on lines of its own."""
    if isinstance(content, str):
        return content
    if depth >= MAX_DEPTH:
        return "[nested too deeply]"
    if isinstance(content, dict):
        return part_in_words(content, depth)
    if isinstance(content, list):
        pieces = [content_in_words(part, depth + 1) for part in content]
        return "\n".join(piece for piece in pieces if piece)
    return "" if content is None else compact(content)


def part_in_words(part: Mapping[str, Any], depth: int) -> str:
    """One part of a turn's content."""
    kind = text_of(part.get("type"))
    if kind in _THOUGHTS or part.get("thought") is True:
        return ""
    if kind in _CALLS:
        name, arguments = _CALLS[kind]
        return call_in_words(part.get(name), part.get(arguments))
    for key in ("functionCall", "function_call"):
        if isinstance(call := part.get(key), dict):
            return call_in_words(call.get("name"), call.get("args", call.get("arguments")))
    if result_of(part) is not None:
        return result_in_words(part, depth)
    if kind in {"document", "search_result"}:
        return _document(part, depth)
    for key in ("text", "refusal"):
        if isinstance(text := part.get(key), str):
            return text
    return _other(part, kind, depth)


def _document(part: Mapping[str, Any], depth: int) -> str:
    """A document whose text is at hand is shown; of others it is said that they were there."""
    source = part.get("source")
    inner = object_of(source)
    held = inner.get("data") if inner.get("type") == "text" else inner.get("content", part.get("content"))
    body = content_in_words(held, depth + 1) if held is not None else ""
    title = text_of(part.get("title"))
    head = f"[document {title}]" if title else "[document]"
    return f"{head}\n{body}" if body else head


def _other(part: Mapping[str, Any], kind: str, depth: int) -> str:
    if kind in _MEDIA_OF:
        return f"[{_MEDIA_OF[kind]}]"
    for key in ("inlineData", "inline_data", "fileData", "file_data"):
        if isinstance(held := part.get(key), dict):
            media = text_of(held.get("mimeType") or held.get("mime_type")).partition("/")[0]
            return f"[{media}]" if media in ("image", "audio", "video") else "[file]"
    for key, word in _MEDIA_OF.items():
        if part.get(key):
            return f"[{word}]"
    for key in ("executableCode", "executable_code"):
        if isinstance(code := part.get(key), dict):
            return f"[runs this code]\n{text_of(code.get('code'))}"
    for key in ("codeExecutionResult", "code_execution_result"):
        if isinstance(result := part.get(key), dict):
            return f"[the code gave]\n{text_of(result.get('output'))}"
    if (held := part.get("content")) is not None:
        return content_in_words(held, depth + 1)
    return f"[{mark(kind)}]" if kind else ""


def mark(kind: str) -> str:
    """The name of something that is not shown, short and on one line: it comes from outside, too."""
    return " ".join(kind[:_MAX_TYPE_CHARS].replace("_", " ").split()) or "something else"


def result_of(part: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The object that holds what a tool gave back; None where a part is none."""
    if text_of(part.get("type")) in RESULTS:
        return part
    for key in ("functionResponse", "function_response"):
        if isinstance(held := part.get(key), dict):
            return held
    return None


def result_in_words(part: Mapping[str, Any], depth: int = 0) -> str:
    """What a tool gave back."""
    held = result_of(part)
    if held is None:
        return ""
    given = held["content"] if "content" in held else held.get("response", held.get("output"))
    is_data = isinstance(given, dict) and "type" not in given
    body = compact(given) if is_data else content_in_words(given, depth + 1)
    name = text_of(held.get("name"))
    head = f"[{name}] " if name else ""
    return f"{head}[error] {body}" if held.get("is_error") is True else f"{head}{body}"


def pieces(content: Any) -> Iterator[tuple[bool, str]]:
    """Content in stretches, in order: (is it what a tool gave back?, its text). Empty stretches are left out."""
    parts = content if isinstance(content, list) else [content]
    said: list[str] = []
    for part in parts:
        if isinstance(part, dict) and result_of(part) is not None:
            if text := "\n".join(said):
                yield False, text
            said = []
            yield True, result_in_words(part)
        elif text := content_in_words(part):
            said.append(text)
    if text := "\n".join(said):
        yield False, text
