"""`docs/api.md`: the JSON API of the dashboard, made from its OpenAPI document."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from analyzer.dashboard.api.openapi import DOCUMENT, document
from analyzer.dashboard.api.operations import OPERATIONS, TAGS, Operation
from analyzer.dashboard.api.shapes import BASE

_EVERYWHERE = frozenset({"401", "421", "500", "503"})
_ADDRESS = "http://127.0.0.1:8082"
_INTRODUCTION = f"""\
The dashboard's own port answers programs, too: `{_ADDRESS}{BASE}` (`dashboard.host`, `dashboard.port`). What it says is
what pages, `report` and `watch` say, because all of them show the same study. An OpenAPI 3.1 document of it stands at
`{BASE}{DOCUMENT}`.

- **Who may ask.** Without `dashboard.token` the port answers on loopback only, to whoever is on this machine. With it,
  send `Authorization: Bearer TOKEN`. A web page of another site is refused either way.
- **Answers** are JSON. Times are RFC 3339 in UTC, money is US dollars, differences are candidate minus primary, and
  what is unknown is null, never 0. Fields may be added; within `{BASE}` none is taken away or changes its meaning.
- **Errors** have one shape, `{{"error": "one line that says what to do"}}`, with `details` where there are several
  faults. Everywhere: 401 without the token, 421 where `Host` is no name of this machine and no token is set, 500 for a
  fault of shadowbench (its log has one line about it), 503 while the store does not answer: `since` says since when,
  `Retry-After` when to ask again. A parameter that is unknown, or stands twice, is an error; an address has at most
  8 KiB.
- **Cost.** A list looks at a bounded number of pairs. Comparisons and counts of long windows may take seconds; they
  have a connection of their own, and a comparison that took a second is given again for four. Answers have an `ETag`;
  with `If-None-Match` nothing is sent where nothing has changed.
- **Texts** are what models and their users wrote: escape them wherever they are shown. Nothing is answered that is not
  stored (`privacy`)."""


def api_page(made: str) -> str:
    """Every operation, then every shape."""
    # The version changes with releases, and the page must not.
    described = document(version="")
    lines = ["# JSON API", made, "", _INTRODUCTION, ""]
    for tag, text in TAGS.items():
        lines += [f"## {tag}", "", text, ""]
        for operation in OPERATIONS:
            if operation.tag == tag:
                way = described["paths"][operation.path][operation.method.lower()]
                lines += _operation(operation, way)
    lines += ["## Shapes", ""]
    for name, schema in described["components"]["schemas"].items():
        lines += _shape(name, schema)
    return "\n".join(lines).rstrip() + "\n"


def _operation(operation: Operation, way: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"### {operation.method} {operation.path}", "", f"{operation.title}. {operation.text}", "")
    yield from ("```text", *_example(operation), "```", "")
    if way["parameters"]:
        yield from ("| parameter | type | meaning |", "|---|---|---|")
        for one in way["parameters"]:
            default = one["schema"].get("default")
            more = "" if default is None else f" [`{default}`]"
            where = " (part of the path)" if one["in"] == "path" else ""
            yield f"| `{one['name']}` | {_type(one['schema'])} | {one['description']}{where}{more} |"
        yield ""
    if "requestBody" in way:
        yield from (f"Body: {_type(way['requestBody']['content']['application/json']['schema'])}.", "")
    (answer,) = way["responses"]["200"]["content"].values()
    yield from (f"Answer: {_type(answer['schema'])}.", "")
    errors = {
        status: said for status, said in way["responses"].items() if status >= "400" and status not in _EVERYWHERE
    }
    if errors:
        yield from ("Errors:", "", *(f"- {status}: {said['description']}" for status, said in errors.items()), "")


def _example(operation: Operation) -> Iterator[str]:
    address = f"{_ADDRESS}{BASE}{operation.path}"
    if operation.body is None:
        yield f"curl -s '{address}{operation.example}'"
        return
    said = json.dumps(json.loads(operation.example), indent=1, ensure_ascii=False)
    yield f"curl -s '{address}' -H 'Content-Type: application/json' -d '{said}'"


def _shape(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"### {name}", "")
    if "description" in schema:
        yield from (schema["description"], "")
    if "oneOf" in schema:
        yield from (f"One of {', '.join(_type(one) for one in schema['oneOf'])}.", "")
        return
    required = set(schema.get("required", ()))
    yield from ("| field | type | meaning |", "|---|---|---|")
    for field, of in schema["properties"].items():
        default = of.get("default")
        more = "" if field in required or default is None else f" [`{json.dumps(default)}`]"
        yield f"| `{field}` | {_type(of)} | {of.get('description', '')}{more} |"
    yield ""


def _type(schema: Mapping[str, Any]) -> str:
    """In words: `text or null`, `list of Pair`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "allOf" in schema:
        return " with ".join(_type(one) for one in schema["allOf"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join("null" if value is None else f"`{value}`" for value in schema["enum"])
    kinds = schema.get("type", "any")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return " or ".join(_kind(kind, schema) for kind in kinds)


_WORDS = {"string": "text", "number": "number", "integer": "whole number", "boolean": "true or false", "any": "any"}


def _kind(kind: str, schema: Mapping[str, Any]) -> str:
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object":
        if "properties" in schema:
            return f"object with {', '.join(f'`{name}`' for name in schema['properties'])}"
        inner = schema.get("additionalProperties")
        return f"object of {_type(inner)}" if isinstance(inner, Mapping) else "object"
    if kind == "string" and schema.get("format") in {"date-time", "uuid", "date"}:
        return {"date-time": "time", "uuid": "UUID", "date": "date"}[schema["format"]]
    return _WORDS.get(kind, kind)
