"""`docs/dialects.md`: which APIs are understood, what of them, and how many recorded answers each reads as recorded."""

from collections.abc import Mapping

from proxy.wire.apis import APIS, Api
from proxy.wire.dialects.table import DIALECTS

RECORDED: Mapping[str, int] = {
    "chat/completions": 40,
    "completions": 2,
    "embeddings": 1,
    "responses": 10,
    "messages": 16,
    "generateContent": 2,
    "streamGenerateContent": 2,
    "api/chat": 1,
    "api/generate": 1,
}
"""Recorded answers of real providers that read as the index beside them says; a test counts them where they are."""

_STREAMS = {
    "asked": "where `stream` is true",
    "unless_refused": "unless `stream` is false",
    "always": "always",
    "never": "never",
}

_INTRODUCTION = (
    "The APIs whose answers are understood, by the end of the request's path. An answer reads the same however its "
    "bytes are cut or packed (gzip, deflate, brotli, zstd); bytes that are no answer give the outcome `invalid`."
)


def dialects_page(made: str) -> str:
    """The table, and for each dialect what it understands."""
    lines = [
        "# Dialects",
        made,
        "",
        _INTRODUCTION,
        "",
        "| path ends with | conversation in | streams | recorded answers read |",
        "|---|---|---|---|",
        *(_row(endpoint, APIS[endpoint]) for endpoint in DIALECTS),
        "",
        f"Together {sum(RECORDED.values())} recorded answers of 12 providers and servers, errors and broken ones too.",
        "",
    ]
    for endpoint, dialect in DIALECTS.items():
        lines += [f"## {endpoint}", "", *(f"- {text}" for text in dialect.understands), *_asked(APIS[endpoint]), ""]
    return "\n".join(lines).rstrip() + "\n"


def _row(endpoint: str, api: Api) -> str:
    conversation = f"`{api.conversation or 'input'}`"
    return f"| `{endpoint}` | {conversation} | {_STREAMS[api.stream]} | {RECORDED[endpoint]} |"


def _asked(api: Api) -> list[str]:
    """What becomes of a copy of its requests."""
    found = []
    if api.reports_usage_on_wish:
        found.append("- a copy of a streamed request asks for its usage (`stream_options.include_usage`)")
    if api.stateful:
        found.append(f"- not copied, as only one provider has the state: {_listed(api.stateful)}")
    if api.acting:
        found.append(f"- copied only if allowed, as the provider would act: {_listed(api.acting)}")
    return found


def _listed(names: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
