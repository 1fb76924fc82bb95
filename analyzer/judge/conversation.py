"""What was asked and what was answered, as a judge reads it: turns, tools and answers in words, whatever the API.

Requests come from clients, answers from models: nothing in them is believed, and nothing of them makes this fail. What
cannot be read as a conversation is shown as it stands.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from analyzer.judge.offered_tools import tools_in_words
from analyzer.judge.parts import call_in_words, content_in_words, mark, pieces, result_in_words
from analyzer.judge.plain_json import NotJson, object_of, objects_of, read_json, text_of, well_formed
from analyzer.judge.question import Shown, Turn
from analyzer.judge.wanted_json import wanted_in_words
from store.judging.pair import Answer

_ROLES: Final = {
    "system": "system",
    "developer": "system",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
    "ipython": "tool",
}
"""Words of the APIs for who speaks; whoever is not listed is a user."""
NOTHING_SAID: Final = "[neither text nor a tool call]"
"""How an empty answer is shown."""

_Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a request says to a model."""

    turns: tuple[Turn, ...]
    tools: str
    """Tools that it offers, in short; empty without."""


def conversation(request: str, endpoint: str) -> Conversation:
    """Turns and tools of a request, read once.

    Args:
        request: body as the primary got it; JSON, if the client kept to it.
        endpoint: the dialect's key, as `store.judging.pair.Pair` has it.
    """
    reader = _READERS.get(endpoint)
    try:
        value = read_json(request) if reader is not None else None
    except NotJson:
        value = None
    fields = object_of(value)
    found = tuple(reader(fields)) if reader is not None else ()
    if not found:
        return Conversation((Turn("user", well_formed(request)),) if request.strip() else (), "")
    wanted = wanted_in_words(fields, endpoint)
    before = (Turn("system", wanted),) if wanted else ()
    sound = tuple(Turn(turn.role, well_formed(turn.text)) for turn in (*before, *found))
    return Conversation(sound, well_formed(tools_in_words(fields, endpoint)))


def turns(request: str, endpoint: str) -> tuple[Turn, ...]:
    """The conversation up to the answer; a request that is none is one turn of a user, as it stands."""
    return conversation(request, endpoint).turns


def tools(request: str, endpoint: str) -> str:
    """Tools that a request offers, in short; empty without."""
    return conversation(request, endpoint).tools


def shown(answer: Answer) -> Shown:
    """An answer as a judge sees it: its text, and under it its tool calls in words."""
    calls = "\n".join(_calls_of(answer.tool_calls))
    text = answer.text if answer.text.strip() else ""
    return Shown(well_formed("\n\n".join(part for part in (text, calls) if part)) or NOTHING_SAID)


def _calls_of(tool_calls: str) -> Iterator[str]:
    if not tool_calls.strip():
        return
    try:
        value = read_json(tool_calls)
    except NotJson:
        value = None
    calls = objects_of(value)
    if not calls:
        yield f"[calls tools: {tool_calls}]"
    for call in calls:
        yield call_in_words(call.get("name"), call.get("arguments"))


def _role(value: Any) -> str:
    return _ROLES.get(value, "user") if isinstance(value, str) else "user"


def _said(role: str, content: Any) -> Iterator[Turn]:
    """A turn; what tools gave back inside it, as a turn of its own."""
    for is_result, text in pieces(content):
        yield Turn("tool" if is_result else role, text)


def _messages(value: Any) -> Iterator[Turn]:
    """Chat Completions, Messages and Ollama's chat: a list of messages."""
    if isinstance(value, str):
        yield Turn("user", value)
        return
    for message in value if isinstance(value, list) else ():
        if isinstance(message, dict):
            yield from _message(message)
        elif isinstance(message, str):
            yield Turn("user", message)


def _message(message: _Fields) -> Iterator[Turn]:
    role = _role(message.get("role"))
    content = message.get("content")
    if role == "tool":
        name = text_of(message.get("name"))
        yield Turn(role, f"[{name}] {content_in_words(content)}" if name else content_in_words(content))
        return
    *before, last = [*_said(role, content)] or [Turn(role, "")]
    if last.role != role:
        before, last = [*before, last], Turn(role, "")
    yield from before
    extra = [last.text, text_of(message.get("refusal"))]
    extra += ["[image]"] * (len(images) if isinstance(images := message.get("images"), list) else 0)
    extra += ["[audio]"] if message.get("audio") else []
    extra += _called(message)
    if said := "\n".join(piece for piece in extra if piece):
        yield Turn(role, said)


def _called(message: _Fields) -> list[str]:
    """Tool calls of an earlier answer."""
    calls = []
    for call in objects_of(message.get("tool_calls")):
        function = object_of(call.get("function") or call.get("custom"))
        calls.append(call_in_words(function.get("name"), function.get("arguments", function.get("input"))))
    if isinstance(older := message.get("function_call"), dict):
        calls.append(call_in_words(older.get("name"), older.get("arguments")))
    return calls


def _chat(fields: _Fields) -> Iterator[Turn]:
    yield from _messages(fields.get("messages"))


def _anthropic(fields: _Fields) -> Iterator[Turn]:
    yield from _said("system", fields.get("system"))
    yield from _messages(fields.get("messages"))


def _completion(fields: _Fields) -> Iterator[Turn]:
    """The prompt; of several, the first, whose answer is the one that is compared."""
    prompt = fields.get("prompt")
    if isinstance(prompt, list) and prompt and isinstance(prompt[0], (str, list)):
        prompt = prompt[0]
    yield from _prompt(fields, prompt)


def _prompt(fields: _Fields, prompt: Any) -> Iterator[Turn]:
    if isinstance(prompt, list):
        yield Turn("user", f"[a prompt of {len(prompt)} tokens, given as numbers]")
    elif isinstance(prompt, str) and prompt:
        yield Turn("user", prompt)
    if suffix := text_of(fields.get("suffix")):
        yield Turn("user", f"[the answer stands between the text above and this one]\n{suffix}")


def _ollama_generate(fields: _Fields) -> Iterator[Turn]:
    yield from _said("system", fields.get("system"))
    images = fields.get("images")
    if isinstance(images, list) and images:
        yield Turn("user", "\n".join(["[image]"] * len(images)))
    yield from _prompt(fields, fields.get("prompt"))


def _gemini(fields: _Fields) -> Iterator[Turn]:
    for name in ("systemInstruction", "system_instruction"):
        yield from _gemini_content(fields.get(name), "system")
    contents = fields.get("contents")
    for content in contents if isinstance(contents, list) else [contents]:
        yield from _gemini_content(content, "user")


def _gemini_content(content: Any, role: str) -> Iterator[Turn]:
    if isinstance(content, dict) and "parts" in content:
        role = role if role == "system" else _role(content.get("role"))
        content = content["parts"]
    yield from _said(role, content)


def _responses(fields: _Fields) -> Iterator[Turn]:
    yield from _said("system", fields.get("instructions"))
    given = fields.get("input")
    for item in given if isinstance(given, list) else [given]:
        if isinstance(item, str):
            yield Turn("user", item)
        elif isinstance(item, dict):
            yield from _item(item)


_ITEM_CALLS: Final = {
    "function_call": "arguments",
    "custom_tool_call": "input",
    "computer_call": "action",
    "local_shell_call": "action",
    "shell_call": "action",
    "apply_patch_call": "operation",
}
"""Items of Responses by which a model calls a tool of the client -> the field that says with what."""


def _item(item: _Fields) -> Iterator[Turn]:
    kind = text_of(item.get("type"))
    if kind in ("", "message"):
        yield from _said(_role(item.get("role")), item.get("content"))
    elif kind in _ITEM_CALLS:
        name = text_of(item.get("name")) or kind.removesuffix("_call")
        yield Turn("assistant", call_in_words(name, item.get(_ITEM_CALLS[kind])))
    elif kind.endswith("_output"):
        given = item.get("output")
        yield Turn("tool", content_in_words(given) or result_in_words(item))
    elif kind.endswith("_call"):
        # Tools that the provider ran itself; some items hold what they gave.
        yield Turn("assistant", f"[{mark(kind.removesuffix('_call'))} by the provider]")
        if given := content_in_words(item.get("output")):
            yield Turn("tool", given)
    elif kind != "reasoning":
        yield Turn(_role(item.get("role")), f"[{mark(kind)}]")


_READERS: Final[Mapping[str, Callable[[_Fields], Iterator[Turn]]]] = {
    "chat/completions": _chat,
    "completions": _completion,
    "responses": _responses,
    "messages": _anthropic,
    "generateContent": _gemini,
    "streamGenerateContent": _gemini,
    "api/chat": _chat,
    "api/generate": _ollama_generate,
}
"""By endpoint; embeddings have no conversation."""
